"""A search in memory, in virtual time: the real driver over a trainer that answers at once."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
