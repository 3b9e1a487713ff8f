"""Charts of trials as inline SVG, in which a trial can be pointed at, pinned, and compared with another one."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
