"""The rows of a table while they are made: a line each in a file that only grows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mnist_bench.tables.rows import RecordedPeriod, RecordedRow
from search import canonical_json
from search.errors import StorageError
from search.files import whole_lines


def to_line(row: RecordedRow) -> str:
    """Return a row as a line, without the names of its fields, which would be a third of it."""
    periods = [[period.errors, period.train_loss, period.val_loss, period.weights] for period in row.periods]
    return canonical_json.dumps([row.point, row.seed, row.canary, row.unseen_errors, periods])


def from_values(values: Sequence[Any]) -> RecordedRow:
    """Return the row whose line has these values."""
    point, seed, canary, unseen, periods = values
    names = ("errors", "train_loss", "val_loss", "weights")
    read = [RecordedPeriod(**dict(zip(names, period, strict=True))) for period in periods]
    return RecordedRow(point=point, seed=seed, canary=canary, unseen_errors=unseen, periods=tuple(read))


def read(path: Path) -> dict[tuple[int, int], RecordedRow]:
    """Return the rows of a ledger by point and seed.

    Raises:
        StorageError: two lines say different things about one training.
    """
    found: dict[tuple[int, int], RecordedRow] = {}
    for number, values in whole_lines(path):
        row = from_values(values)
        if found.setdefault(row.key, row) != row:
            raise StorageError(f"{path}:{number}: trained before to other bits (point {row.point}, seed {row.seed}).")
    return found
