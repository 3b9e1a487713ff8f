"""Configurations trained to answer a question, on one grid: a package or a module a question."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
