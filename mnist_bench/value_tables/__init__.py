"""Tabular benchmarks of any task: a value for each configuration of a whole space, seed and report."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
