"""Your own networks: loaded by name, built, counted, with isolated random number generators."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
