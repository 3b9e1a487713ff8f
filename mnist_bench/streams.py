"""CUDA's streams: each lane's work in one of its own, and waiting for it while the other lanes go on."""

from __future__ import annotations

import torch

from search.trainer import Steps, T


def settled(device: torch.device) -> Steps[None]:
    """Wait until the device has done what it was given in the current stream; a CPU always has."""
    if device.type == "cuda":
        done = torch.cuda.Event()
        done.record()
        while not done.query():
            yield


class Streams:
    """A stream for each lane, made where all others are taken."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._free: list[torch.cuda.Stream] = []

    def carry(self, steps: Steps[T]) -> Steps[T]:
        """Take `steps`, each in one and the same stream; between them the thread is in its own again."""
        stream = self._free.pop() if self._free else torch.cuda.Stream(self._device)
        try:
            while True:
                with torch.cuda.stream(stream):
                    try:
                        next(steps)
                    except StopIteration as end:
                        found: T = end.value
                        return found
                yield
        finally:
            self._free.append(stream)
