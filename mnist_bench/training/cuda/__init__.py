"""Faster training on a GPU: fixed buffers, captured graphs, streams, states that stay on the device."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
