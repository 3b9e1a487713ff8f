"""Start lists: the best configurations of earlier studies or recorded benchmarks, to be tried first in a search."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
