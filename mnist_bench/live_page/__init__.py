"""The page of a study while it is searched: one file without a network, written anew as trials end."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
