"""Export of a trained network: its weights, plain PyTorch, ONNX, a page to draw on, and a card."""
