"""Constraints of a space: conditions over fields, read from texts, that every trial has to meet."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
