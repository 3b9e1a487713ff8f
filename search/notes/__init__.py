"""What people write about a study: a note and tags, kept in the study's database. No decision depends on them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
