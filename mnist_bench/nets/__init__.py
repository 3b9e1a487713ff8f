"""The nets: layers and costs known before anything is built, the modules themselves, a trial's plan."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
