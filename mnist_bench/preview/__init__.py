"""A forecast of a search: the lines of `--dry-run`, this machine's pace, how long the search takes."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
