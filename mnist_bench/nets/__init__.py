"""The nets: their layers and costs, known before anything is built; their PyTorch modules; the plan of a trial."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
