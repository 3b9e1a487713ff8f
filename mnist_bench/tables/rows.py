"""A row of a table: one training of one configuration with one seed, as the trainer reported it, bit for bit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedPeriod:
    """The fields that are kept of a period's report."""

    errors: int | None
    """Images misclassified of those that a search sees; None if training diverged."""
    train_loss: float | None
    """Mean loss of the period's steps, with label smoothing."""
    val_loss: float | None
    """Mean cross-entropy on the images that a search sees, in nats."""
    weights: str
    """SHA-256 of the evaluated weights."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedRow:
    """One training."""

    point: int
    """Number of the configuration in its list of points."""
    seed: int
    canary: str
    """Canary of the machine that trained the row."""
    periods: tuple[RecordedPeriod, ...]
    """Fewer than planned if training diverged; the last one is then that in which it did."""
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
