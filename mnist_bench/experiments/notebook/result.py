"""The ladder of nets in the 2017 notebook: its figures beside ours, over several seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, Literal

from mnist_bench.statistics import mean_and_deviation

Figure = Literal["accuracy", "loss", "train_loss"]
FIGURES: tuple[Figure, ...] = ("accuracy", "loss", "train_loss")
"""What is compared: on the test images after the last epoch, and the last epoch's training loss, which varies least."""
DEVIATIONS = 3.0
"""Beyond so many standard deviations of the difference between a single run, as the notebook's, and our mean, a figure
is remarkable."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """What the notebook's output says of one of its nets."""

    accuracy: float | None = None
    """On the test images after the last epoch, 0..1."""
    loss: float | None = None
    """Cross-entropy on the test images after the last epoch, nats."""
    train_loss: float | None = None
    """Mean cross-entropy of the last epoch's batches, nats."""
    parameters: int | None = None
    """As its summary prints them, or as follows from its layers where it prints none."""
    seconds: float | None = None
    """Of the last call of `fit`."""


PUBLISHED: Mapping[str, Published] = MappingProxyType(
    {
        "linear": Published(accuracy=0.9231, loss=0.2871, train_loss=0.2660, parameters=7_850, seconds=31),
        "hidden": Published(accuracy=0.9756, loss=0.0829, train_loss=0.0304, parameters=79_510, seconds=60),
        "vgg": Published(),
        "vgg_as_written": Published(accuracy=0.9684, loss=0.1007, train_loss=0.2619, parameters=161_830, seconds=570),
        "vgg_augmented": Published(accuracy=0.9633, loss=0.1090, train_loss=0.1227, parameters=161_830, seconds=573),
        "dropout": Published(accuracy=0.9849, loss=0.0468, train_loss=0.2592, parameters=336_940, seconds=343),
        "batchnorm": Published(accuracy=0.9814, loss=0.0619, train_loss=0.3070, parameters=340_700, seconds=802),
        "batchnorm_2": Published(accuracy=0.9917, loss=0.0243, train_loss=0.0785, parameters=340_700, seconds=830),
        "lr_drop": Published(),
        "three_channels": Published(),
    }
)
"""By recipe, in the notebook's order; nothing for what it did not run, such as a net on the pictures in three channels
that its last cells make."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Epoch:
    """One epoch of one run, with what the net does on the test images after it."""

    train_loss: float | None
    test_loss: float
    test_errors: int
    test_accuracy: float
    seconds: float
    weights: str
    """SHA-256 of the weights."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One recipe: the notebook's figures and ours."""

    recipe: str
    published: Published
    parameters: int
    trainable: int
    epochs: int
    """Of the last call of `fit`, which the seconds are about."""
    runs: tuple[tuple[Epoch, ...], ...]
    """The epochs of each seed's run; without those of a run that diverged."""
    diverged: int = 0
    """Runs that diverged."""

    @property
    def accuracy(self) -> tuple[float, float]:
        """Mean and standard deviation over the seeds, 0..1, after the last epoch."""
        return mean_and_deviation([run[-1].test_accuracy for run in self.runs])

    @property
    def loss(self) -> tuple[float, float]:
        """The same of the loss, nats."""
        return mean_and_deviation([run[-1].test_loss for run in self.runs])

    @property
    def seconds(self) -> float:
        """Mean seconds of the last call of `fit`, evaluation included."""
        return mean_and_deviation([sum(epoch.seconds for epoch in run[-self.epochs :]) for run in self.runs])[0]

    @property
    def train_loss(self) -> tuple[float, float]:
        """The same of the last epoch's training loss, nats."""
        return mean_and_deviation([run[-1].train_loss or math.nan for run in self.runs])

    def band(self, figure: Figure) -> tuple[float, float] | None:
        """Return between what a single run's figure may be expected, given ours; None for a single seed."""
        if len(self.runs) < 2:
            return None
        mean, deviation = getattr(self, figure)
        reach = DEVIATIONS * deviation * (1 + 1 / len(self.runs)) ** 0.5
        return mean - reach, mean + reach

    @property
    def remarkable(self) -> tuple[Figure, ...]:
        """Which of the notebook's figures lie outside what our runs let expect."""
        return tuple(name for name in FIGURES if _outside(getattr(self.published, name), self.band(name)))


def _outside(value: float | None, band: tuple[float, float] | None) -> bool:
    return value is not None and band is not None and not band[0] <= value <= band[1]


def plain(row: Row) -> dict[str, Any]:
    """Return a row as plain values for JSON; without means where every run diverged."""
    figures: dict[str, Any] = {"seconds": row.seconds if row.runs else None, "remarkable": row.remarkable}
    for name in FIGURES:
        mean, deviation = getattr(row, name) if row.runs else (None, None)
        deviation = deviation if len(row.runs) > 1 else None
        band = row.band(name) if row.runs else None
        figures |= {name: mean, f"{name}_deviation": deviation, f"{name}_band": band}
    return {**asdict(row), **figures}
