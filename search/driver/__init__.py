"""A running search: the driver decides, workers train, and a search that was killed is resumed."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
