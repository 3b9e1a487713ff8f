"""A search of nets as it is asked for: its options, what they come to, what is tried first; and running it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
