"""How far a study's estimates of its periods were from the time they took, and what that cost."""

from __future__ import annotations

from dataclasses import dataclass

from mnist_bench.bench.cost_fit import Misfit, misfit
from mnist_bench.leaderboard import worker_time_of
from search.errors import StudyNotFoundError
from search.event_log import StudyRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class EstimateErrors:
    """Of one study."""

    study: str
    ratios: tuple[float, ...]
    """Measured over estimated time of every period that was trained to its end, trial by trial."""
    misfit: Misfit
    ordering: float
    """Seconds that workers waited because a logically earlier period was not ready."""
    available: float
    """Seconds of all workers together."""

    @property
    def lost(self) -> float:
        """The share of worker time that the waiting took, 0 to 1."""
        return self.ordering / self.available


def estimate_errors(study: StudyRecord) -> EstimateErrors:
    """Compare the logical costs of a study's periods with the seconds that its reports note.

    Raises:
        StudyNotFoundError: nothing was trained to the end of a period yet, or it is not known where and when.
    """
    time = worker_time_of(study)
    pairs = [
        (cost / 1e6, report.seconds)
        for trial in study.trials
        for cost, report in zip(trial.costs, trial.reports, strict=False)
        if report.end is None
    ]
    if not pairs:
        raise StudyNotFoundError(f"Study {study.name} has no period that was trained to its end.")
    return EstimateErrors(
        study=study.name,
        ratios=tuple(measured / estimated for estimated, measured in pairs),
        misfit=misfit(*zip(*pairs, strict=True)),
        ordering=time.ordering,
        available=time.available,
    )
