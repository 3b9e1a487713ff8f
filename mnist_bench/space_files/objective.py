"""The setting `objective` of a space file: accuracy alone, or accuracy and as low a cost as possible."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from search.messages import did_you_mean, listing, show
from search.space import KeyPath, Space

VALUE = "val_accuracy"
"""The objective of every search, and its only one unless the file names a cost beside it."""
COSTS = ("parameters", "macs")
"""What a search can minimise beside it: facts of a net that are known before it is trained."""


def faults(value: Any) -> Iterator[tuple[KeyPath, str]]:
    """Yield what is wrong with the setting: the place inside its value, and a sentence that follows the name."""
    if value == VALUE:
        return
    if not isinstance(value, list) or len(value) != 2:
        pairs = " or ".join(f"[{VALUE}, {cost}]" for cost in COSTS)
        yield (), f": {show(value)} is not {VALUE}, {pairs}{did_you_mean(str(value), (VALUE,))}"
        return
    for index, (name, known) in enumerate(zip(value, ((VALUE,), COSTS), strict=True)):
        if name not in known:
            yield (index,), f"[{index}]: {show(name)} is not {listing(known)}{did_you_mean(str(name), known)}"


def without_default(space: Space) -> Space:
    """Return the space without an objective that only says what holds anyway, so that it makes no other search."""
    settings = {name: value for name, value in space.settings.items() if (name, value) != ("objective", VALUE)}
    return replace(space, settings=settings)
