"""Work that a person watches and may stop: its progress on a terminal or in a notebook, and the meaning of Ctrl-C."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
