"""A study at rest: its specification, its location and folder, its checkpoints, its rows in Optuna's tables."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
