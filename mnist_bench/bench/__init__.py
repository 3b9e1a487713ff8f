"""How fast the trainer is, what its time goes to, and how far the cost model is off."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
