"""Nets of a user's own: loaded by the name that somebody gives, built, counted, and their random draws held in hand."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
