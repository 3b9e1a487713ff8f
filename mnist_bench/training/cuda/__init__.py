"""Faster training on a GPU: fixed buffers, captured graphs, streams, states that stay on the device."""
