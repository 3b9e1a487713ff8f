"""A search under way: the driver decides, workers train, and whatever dies is gone on from."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
