"""Figures by seed, such as errors: None for each seed whose run did not finish."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import TypeVar

Figure = TypeVar("Figure", int, float)


def finished(figures: Sequence[Figure | None]) -> list[Figure]:
    """Return the figures of the runs that finished."""
    return [figure for figure in figures if figure is not None]


def complete(figures: Sequence[Figure | None]) -> list[Figure] | None:
    """Return the figures if all runs finished, else None: without the failed runs a configuration would look better."""
    found = finished(figures)
    return found if len(found) == len(figures) else None


def mean(figures: Sequence[Figure | None]) -> float | None:
    """Return the mean over the seeds; None if a run did not finish."""
    found = complete(figures)
    return None if found is None else fmean(found)
