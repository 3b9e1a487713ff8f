"""Defaults that a user sets once, in the environment or in pyproject.toml, and which of them are in force."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
