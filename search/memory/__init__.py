"""A memory of trainings: what was trained once is taken from files to the same bits, and not trained again."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
