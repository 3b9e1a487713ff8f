"""Stand-ins for a tabular benchmark: models of its rows that answer any feasible configuration of its space."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
