"""A data set of the user's own: read once, checked, and kept as IDX files, the test part under the guarded names."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
