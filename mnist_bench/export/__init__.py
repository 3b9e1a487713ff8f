"""Export of a trained network: its weights, plain PyTorch, ONNX, a page to draw on, and a card."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
