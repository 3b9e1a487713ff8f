"""Certificates: a search's log as a file, and the check of one: decisions made again, drawn trials trained again."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
