"""Configurations trained with several seeds to answer a question: one package a question, one grid for all."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
