"""Whether your own network repeats: it is trained a little, in several ways that have to give the same bits."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
