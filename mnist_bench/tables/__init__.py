"""Recorded benchmarks: learning curves that the shipped trainer made, each of which can be trained again."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
