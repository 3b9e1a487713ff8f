"""Configurations trained to answer a question, on one grid: one package or module per question."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
