"""Training and scoring in a worker process, for a precision that this process does not compute in."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
