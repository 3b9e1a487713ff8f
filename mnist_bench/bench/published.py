"""The speed of machines as it was published: the JSON of `mnist-bench bench speed`, one file a machine."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from mnist_bench.bench.speed import Speed
from search.errors import StorageError

FOLDER = Path(__file__).parents[2] / "results" / "published" / "speed"
"""In a checkout; an installed package is without."""


def published() -> dict[str, Speed]:
    """Return the published machines by the names of their files; none where there is no folder.

    Raises:
        StorageError: a file is not what `bench speed --json` prints.
    """
    return {path.stem: _read(path) for path in sorted(FOLDER.glob("*.json"))}


def plain(speed: Speed) -> dict[str, Any]:
    """Return a machine's speed as plain values for JSON, with what follows from its figures."""
    values = asdict(speed)
    for row, net in zip(values["nets"], speed.nets, strict=True):
        row["times_floor"] = net.times_floor
    return values


def _read(path: Path) -> Speed:
    try:
        return TypeAdapter(Speed).validate_json(path.read_bytes(), strict=True)
    except (OSError, ValidationError) as error:
        raise StorageError(f"{path}: is not what `mnist-bench bench speed --json` prints.") from error
