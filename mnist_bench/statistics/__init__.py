"""Tests and intervals: proportions, pairs, the spread over seeds and its shrinkage, many comparisons."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
