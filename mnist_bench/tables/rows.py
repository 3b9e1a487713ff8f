"""A row of a table: one training of one configuration with one seed, as the trainer reported it, bit for bit."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from search import canonical_json
from search.errors import StorageError
from search.trainer_api import Report


@dataclass(frozen=True, kw_only=True, slots=True)
class Period:
    """What is kept of a period's report."""

    errors: int | None
    """Images misclassified of those that a search sees; None if training diverged."""
    train_loss: float | None
    """Mean loss of the period's steps, with label smoothing."""
    val_loss: float | None
    """Mean cross-entropy on the images that a search sees, in nats."""
    weights: str
    """SHA-256 of the evaluated weights."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One training."""

    point: int
    """Number of the configuration in its list of points."""
    seed: int
    canary: str
    """Canary of the machine that trained the row."""
    periods: tuple[Period, ...]
    """Fewer than planned where training diverged; the last one is then that in which it did."""
    unseen_errors: int | None
    """Images misclassified after the last period, of those that no search sees; None if training diverged."""

    @property
    def diverged(self) -> bool:
        """Whether training ended because a loss was not finite."""
        return self.periods[-1].errors is None

    @property
    def key(self) -> tuple[int, int]:
        """Point and seed."""
        return self.point, self.seed


def row_of(point: int, seed: int, canary: str, reports: Sequence[Report]) -> Row:
    """Return the row of a training that has ended, given all its reports."""
    periods = [
        Period(
            errors=report.metrics["errors"],  # type: ignore[arg-type]
            train_loss=report.metrics["train_loss"],
            val_loss=report.metrics["val_loss"],
            weights=report.weights,
        )
        for report in reports
    ]
    unseen = reports[-1].details.get("unseen_errors")
    return Row(point=point, seed=seed, canary=canary, periods=tuple(periods), unseen_errors=unseen)


def to_line(row: Row) -> str:
    """Return a row as a line of a ledger; without the names of its fields, which would be a third of it."""
    periods = [[period.errors, period.train_loss, period.val_loss, period.weights] for period in row.periods]
    return canonical_json.dumps([row.point, row.seed, row.canary, row.unseen_errors, periods])


def from_line(line: str) -> Row:
    """Return the row that `to_line` wrote.

    Raises:
        ValueError: it is none.
    """
    point, seed, canary, unseen, periods = json.loads(line, parse_float=canonical_json.finite)
    names = ("errors", "train_loss", "val_loss", "weights")
    read = [Period(**dict(zip(names, period, strict=True))) for period in periods]
    return Row(point=point, seed=seed, canary=canary, unseen_errors=unseen, periods=tuple(read))


def read(ledgers: Iterable[Path]) -> dict[tuple[int, int], Row]:
    """Return the rows of ledgers by point and seed; of a line that was being written when all ended, nothing.

    Raises:
        StorageError: two lines say different things about one training.
    """
    found: dict[tuple[int, int], Row] = {}
    for path in ledgers:
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
            try:
                row = from_line(line)
            except (ValueError, TypeError):
                continue  # torn: the training was not counted, and was made again
            if found.setdefault(row.key, row) != row:
                raise StorageError(
                    f"{path}:{number}: trained before to other bits (point {row.point}, seed {row.seed})."
                )
    return found
