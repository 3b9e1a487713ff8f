"""CUDA's streams: each lane works in its own stream, and waits for it while the other lanes continue."""

from __future__ import annotations

import torch

from search.trainer_api import Steps, T


def wait_until_idle(device: torch.device) -> Steps[None]:
    """Wait until the device has done the work in the current stream; a CPU always has."""
    if device.type == "cuda":
        done = torch.cuda.Event()  # type: ignore[no-untyped-call]
        done.record()
        while not done.query():  # type: ignore[no-untyped-call]
            yield


def new_stream(device: torch.device) -> torch.cuda.Stream:
    """Return one of the 32 streams that PyTorch deals out in turns."""
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


class Streams:
    """A stream for each lane, made if all others are taken; a CPU has none."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._free: list[torch.cuda.Stream] = []

    def carry(self, steps: Steps[T]) -> Steps[T]:
        """Take `steps`, each in one and the same stream; between them the thread is in its own again."""
        return steps if self._device.type == "cpu" else self._carried(steps)

    def _carried(self, steps: Steps[T]) -> Steps[T]:
        stream = self._free.pop() if self._free else new_stream(self._device)
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
