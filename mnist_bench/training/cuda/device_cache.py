"""The newest train loops, which stay on the device between periods, by the hash of their states' bytes."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")


class DeviceCache(Generic[T]):
    """Up to `size` train loops as the periods left them whose states were kept last; taking one removes it.

    A state's bytes describe a train loop completely, so a holder of the bytes may continue with the loop instead.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[bytes, tuple[tuple[str, int], T]] = OrderedDict()

    def take(self, state: bytes | None, identity: str, period: int) -> T | None:
        """Return the train loop whose state has these bytes, after `period` of the configuration `identity`, if it is
        here."""
        if state is None or not self._kept:
            return None
        stands_after, train_loop = self._kept.pop(_key(state), (None, None))
        return train_loop if stands_after == (identity, period) else None

    def keep(self, state: bytes, identity: str, period: int, train_loop: T) -> None:
        """Keep a train loop for the next period; the one that has waited longest goes."""
        if not self._size:
            return
        self._kept[_key(state)] = ((identity, period), train_loop)
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)

    def clear(self) -> bool:
        """Drop all entries; return whether there were any."""
        had = bool(self._kept)
        self._kept.clear()
        return had


def _key(state: bytes) -> bytes:
    return hashlib.sha256(state).digest()
