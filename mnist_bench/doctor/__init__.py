"""Check-ups of this machine and of a study, and the repairs that lose nothing."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
