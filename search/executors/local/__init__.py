"""Worker processes of this machine: their pool, their pipes, the lanes of each, lack of memory."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
