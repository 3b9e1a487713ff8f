"""A study in TensorBoard and MLflow, while it is searched or afterwards. Neither decides anything in the search."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
