"""The data sets as arrays and tensors: read, hashed, split; and the only way to the test set."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
