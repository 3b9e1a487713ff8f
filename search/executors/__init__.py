"""Where periods run: in this process, in processes of this machine or of a cluster; one small protocol for all."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
