"""How the workers' time was spent: periods on one clock, the saving of pruning, the cost of the logical order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from mnist_bench.value_kind import kind_of
from search.errors import StudyNotFoundError
from search.event_log.records import StudyRecord
from search.hashed import Order

Kind = Literal["best", "complete", "pruned", "other"]
"""How the trial of a period ended; "other": it failed, or has not ended yet."""

PAUSE = 30.0  # seconds without any running period from which on the search counts as paused, not as idle


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerPeriod:
    """One period on a worker."""

    worker: int  # see `Report.worker`
    trial: int
    kind: Kind
    start: float  # seconds since the study's first period, without pauses
    end: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Pause:
    """A time in which no driver worked on the study."""

    at: float  # when it began, on the clock of the periods, which stands still during a pause
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerTimeline:
    """The periods of a study in the order of their starts, and sums in seconds of worker time."""

    study: str
    best: int | None
    periods: tuple[WorkerPeriod, ...]
    pauses: tuple[Pause, ...]
    available: float  # what could be used: the length of each stretch between pauses times the number of its workers
    ordering: float  # idle worker time during which a delivered period waited for a logically earlier one
    saved: float  # by pruning, about: the epochs or reports that were not trained, at the pace of each trial
    order: Order = "deterministic"  # in which the search handled events; "as-completed": nothing waits for its turn

    @property
    def workers(self) -> tuple[int, ...]:
        """The numbers of the workers that trained, each one period at a time."""
        return tuple(sorted({period.worker for period in self.periods}))

    @property
    def span(self) -> float:
        """Seconds from the first start to the last end, without pauses."""
        return max(period.end for period in self.periods)

    def busy(self, *kinds: Kind) -> float:
        """Return the worker time spent on trials of these kinds."""
        return sum(period.end - period.start for period in self.periods if period.kind in kinds)

    @property
    def idle(self) -> float:
        """Available worker time in which nothing was trained, for any reason."""
        return self.available - self.busy("best", "complete", "pruned", "other")


class _Stretch(tuple[WorkerPeriod, ...]):
    """The periods between two pauses, in the order of their starts."""

    __slots__ = ()

    @property
    def start(self) -> float:
        return self[0].start

    @property
    def end(self) -> float:
        return max(period.end for period in self)

    @property
    def workers(self) -> int:
        return len({period.worker for period in self})


def worker_time_of(study: StudyRecord) -> WorkerTimeline:
    """Return how the time of the study's workers was spent; StudyNotFoundError if no time was measured or kept."""
    kind, best = kind_of(study.spec), study.best.number if study.best else None
    logical = _periods(study, best)
    if not logical:
        raise StudyNotFoundError(f"Study {study.name} has no report yet.")
    stretches = _stretches(sorted(logical, key=lambda period: period.start))
    available = sum(stretch.workers * (stretch.end - stretch.start) for stretch in stretches)
    if not available:
        raise StudyNotFoundError(f"Study {study.name} was trained in less time than a clock can measure.")
    periods: list[WorkerPeriod] = []
    clock = 0.0
    ends = []  # of the stretches, on the clock
    for stretch in stretches:
        shift = clock - stretch.start
        periods += [replace(period, start=period.start + shift, end=period.end + shift) for period in stretch]
        clock += stretch.end - stretch.start
        ends.append(clock)
    gaps = [later.start - earlier.end for earlier, later in pairwise(stretches)]
    return WorkerTimeline(
        study=study.name,
        best=best,
        periods=tuple(periods),
        pauses=tuple(Pause(at=at, seconds=seconds) for at, seconds in zip(ends, gaps, strict=False)),
        available=available,
        ordering=_idle_during(_waits(logical), stretches),
        saved=sum(
            (kind.total(trial) - done) * trial.seconds / done
            for trial in study.trials
            if trial.reason == "pruned" and (done := kind.done(trial))
        ),
        order=study.order,
    )


def _periods(study: StudyRecord, best: int | None) -> list[WorkerPeriod]:
    """Return all periods, in seconds since 1970, as the driver handled them: in logical order unless as completed."""
    kinds: dict[str, Kind] = {"complete": "complete", "pruned": "pruned"}
    found = []
    for trial in study.trials:
        kind = "best" if trial.number == best else kinds.get(trial.reason, "other")
        for report in trial.reports:
            if report.worker is None or report.started is None or report.handled is None:
                raise StudyNotFoundError(
                    f"Study {study.name} was searched by a version that did not record what ran where and when."
                )
            start, end = report.started, report.started + report.seconds
            period = WorkerPeriod(worker=report.worker, trial=trial.number, kind=kind, start=start, end=end)
            found.append((report.handled, period))
    return [period for _, period in sorted(found, key=lambda each: each[0])]


def _stretches(periods: Sequence[WorkerPeriod]) -> list[_Stretch]:
    """Cut periods, sorted by their starts, wherever nothing ran for longer than `PAUSE`."""
    stretches: list[list[WorkerPeriod]] = []
    end = float("-inf")
    for period in periods:
        if period.start > end + PAUSE:
            stretches.append([])
        stretches[-1].append(period)
        end = max(end, period.end)
    return [*map(_Stretch, stretches)]


def _waits(logical: Sequence[WorkerPeriod]) -> list[tuple[float, float]]:
    """Return for each period that waited from its delivery to that of the last logically earlier one: (start, end)."""
    waits = []
    delivered = float("-inf")  # when all logically earlier periods were there
    for period in logical:
        if period.end < delivered:
            waits.append((period.end, delivered))
        delivered = max(delivered, period.end)
    return waits


def _idle_during(waits: Sequence[tuple[float, float]], stretches: Sequence[_Stretch]) -> float:
    """Return the workers' idle time during which at least one period waited.

    All changes of the number of idle workers and of waiting periods are sorted by time, then summed between neighbours:
    n log n steps for n periods.
    """
    # (time, change of the idle workers, change of the waiting periods)
    changes = [(time, 0, by) for wait in waits for time, by in zip(wait, (1, -1), strict=True)]
    for stretch in stretches:
        changes += [(stretch.start, stretch.workers, 0), (stretch.end, -stretch.workers, 0)]
        changes += [(period.start, -1, 0) for period in stretch]
        changes += [(period.end, 1, 0) for period in stretch]
    total, idle, waiting, before = 0.0, 0, 0, 0.0
    for time, freed, began in sorted(changes):
        total += idle * (time - before) if waiting else 0.0
        idle, waiting, before = idle + freed, waiting + began, time
    return total
