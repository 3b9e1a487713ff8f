"""Tabular benchmarks: learning curves of the built-in trainer, each of which can be trained again."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
