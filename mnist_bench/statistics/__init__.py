"""Tests and intervals: proportions, pairs, figures by seed, spread over seeds and shrinkage, many comparisons."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
