"""The database of a study: SQLite or PostgreSQL, how it is opened, and the locks that keep it to one driver."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
