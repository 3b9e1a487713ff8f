"""Proposals: a start list, points spread over the feasible region, or a model of all learning curves so far."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
