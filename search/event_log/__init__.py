"""The event log, the only state of a search, and its meaning: history, logical time, trials as plain records."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
