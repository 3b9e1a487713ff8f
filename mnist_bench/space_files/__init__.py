"""Space files of nets: where they lie, whether their names and values are right, what they describe."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
