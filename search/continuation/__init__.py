"""Continuing an earlier study in a new one: which of its trials the new one begins with, and the offer to do so."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
