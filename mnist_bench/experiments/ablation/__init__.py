"""`ablate`: the path from a baseline to the winner, one group of settings at a time."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
