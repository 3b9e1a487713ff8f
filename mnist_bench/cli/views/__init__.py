"""What commands show on a terminal: leaderboards, a search while it runs and when it ends, confirmations."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
