"""Samplers that propose and pruners that stop trials, by name and as Optuna computes them; which settings mattered."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
