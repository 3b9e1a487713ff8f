"""Several studies in one leaderboard, if their trials were judged on the same validation images."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
