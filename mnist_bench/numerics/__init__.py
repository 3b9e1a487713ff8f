"""Everything that decides the bits of a training: the device and its setup, precision, the canary."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
