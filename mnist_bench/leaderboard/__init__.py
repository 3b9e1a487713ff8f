"""Trials ranked, with intervals and ties; where the workers' time went."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
