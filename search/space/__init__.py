"""A search space: a YAML file with positions, ranges and conditions, and what `--set` changes of it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
