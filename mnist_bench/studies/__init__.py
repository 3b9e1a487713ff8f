"""Studies of nets: search, read, record and reproduce them; the files that are kept next to them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
