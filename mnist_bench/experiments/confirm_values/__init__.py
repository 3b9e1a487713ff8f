"""`confirm` for studies of other trainers: their best configurations race with fresh seeds, by the value."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
