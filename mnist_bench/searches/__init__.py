"""A search of nets: its options, its setup, its first trials; and running it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
