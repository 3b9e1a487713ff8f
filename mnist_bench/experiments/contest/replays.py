"""Searches over a table, in virtual time: the real driver, samplers and pruners, and trainings that are looked up."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from multiprocessing import get_context, parent_process
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from mnist_bench.errors import Stopped
from mnist_bench.experiments.contest.baselines import Ended, Params, choices, first_period, proposals
from mnist_bench.experiments.contest.contest_record import NO_LISTS, Entrant, Ledger, StartListsByNames, Trace
from mnist_bench.experiments.contest.entrants import strategies_of
from mnist_bench.tables import POINT, SHA256, Nearest, RecordedBenchmark, TablePlanner, TableTrainer, cells
from search import strategies
from search.event_log import State
from search.executors import Job
from search.proposals import Candidate, Curve, Prospects
from search.simulation import MAX_TRIALS, Simulated, simulate
from search.strategies import OptunaStudy
from search.study import DRIVER_REVISION, StartList, StudySpec, fingerprint
from search.trainer_api import Plan, Report


class ReplayedTable:
    """A table prepared for replayed searches: the seed that a search sees, and the score of its choice."""

    def __init__(self, table: RecordedBenchmark, *, starts: StartListsByNames = NO_LISTS) -> None:
        """`starts` are the start lists of the entrants that have one."""
        self.table = table
        self.starts = starts
        self.points = np.array(sorted(table.seeds), np.intp)
        self.unit = float(table.arrays.costs[self.points].sum(axis=1).mean())
        """Logical cost of a training of an average configuration."""

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        """The seeds with which all points were trained; a search sees one of them."""
        common = set.intersection(*(set(self.table.seeds[point]) for point in self.points.tolist()))
        return tuple(sorted(common))

    @property
    def develops(self) -> bool:
        """Whether choices are scored with the very seed that the search saw, because there is no other."""
        return len(self.seeds) == 1

    @cached_property
    def nearest(self) -> Nearest | None:
        """Finds the point next to a proposal; None if the table holds all configurations of its space."""
        space = self.table.space
        has_all = not any(span.is_real for span in space.distributions.values())
        return None if has_all and len(cells(space)) == len(self.points) else Nearest(self.table, self.points)

    def unseen(self, point: int, seen: int) -> float:
        """Return the error (0..1) by which a choice is scored that was made with the seed `seen`."""
        scored = self.seeds if self.develops else [seed for seed in self.seeds if seed != seen]
        return sum(self.table.unseen_error(point, seed) for seed in scored) / len(scored)

    def ended(self, point: int, seen: int, spent: float, trial: int) -> Ended:
        """Return a point that was trained to its end, when the logical cost `spent` had been spent."""
        curve = self.table.curve(point, seen)
        ended = Ended(trial=trial, params=self.table.points[point], spent=spent / self.unit)
        if curve.diverged:
            return ended
        share = curve.errors[-1] / curve.images
        return replace(ended, seen=share, val_loss=curve.val_loss[-1], unseen=self.unseen(point, seen))

    def seconds(self, job: Job) -> float:
        """Return how long a worker takes for a job, modelled: as estimated, and off by as much as measured ones are."""
        point = POINT.from_json(job.config)
        return float(self.table.arrays.costs[point, job.period - 1]) / 1e6 * float(self._paces[point])

    @cached_property
    def _paces(self) -> NDArray[np.float64]:
        pace = self.table.about.pace
        off = np.random.default_rng(0).standard_normal(len(self.table))
        return np.asarray(pace["scale"] * np.exp(pace["deviation"] * off))


class _Study(OptunaStudy):
    """The study in memory, which moves proposals to the table's points, and counts the time that the method takes."""

    def __init__(self, spec: StudySpec, replayed: ReplayedTable) -> None:
        super().__init__(
            name=fingerprint(spec.to_json()), space=spec.space, sampler=spec.sampler, pruner=spec.pruner,
            seed=spec.seed, periods=spec.periods, prospects=lambda: _TableProspects(spec, replayed),
        )  # fmt: skip
        self.seconds = 0.0
        """Processor time of proposals and decisions."""
        self._arena = replayed
        self._taken: set[int] = set()

    def ask(self, number: int, fixed: Mapping[str, Any] | None = None) -> dict[str, Any]:
        with self._timed():
            params = super().ask(number, fixed)
        nearest, table = self._arena.nearest, self._arena.table
        if nearest is None or not table.planner(params).feasible:
            return params
        point = nearest(params, self._taken)
        self._taken.add(point)
        moved = dict(table.points[point])
        self.move(number, moved)
        return moved

    def report(self, number: int, period: int, value: float) -> bool:
        with self._timed():
            return super().report(number, period, value)

    def tell(self, number: int, state: State, value: float | None) -> None:
        with self._timed():
            super().tell(number, state, value)

    @contextmanager
    def _timed(self) -> Iterator[None]:
        before = time.process_time()
        yield
        self.seconds += time.process_time() - before


class _TableProspects(Prospects):
    """The configurations to try on a table: its points alone, so that no proposal has to be moved far."""

    def __init__(self, spec: StudySpec, replayed: ReplayedTable) -> None:
        super().__init__(spec.space, replayed.table.planner, spec.seed)
        self._points = [self.coordinates.candidate(replayed.table.points[point]) for point in replayed.points.tolist()]

    def candidates(self, curves: Sequence[Curve], draws: np.random.Generator) -> list[Candidate]:
        tried = [curve.params for curve in curves]
        return [candidate for candidate in self._points if candidate.params not in tried] or self._points

    def feasible(self, params: Params) -> bool:
        return True  # else it would be in no table


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """The terms of all searches of a contest."""

    budget: int
    """Trainings of an average configuration."""
    slots: int = 8
    workers: tuple[int, ...] = (8,)
    """Numbers of workers for which the time is computed; none of them changes a decision."""

    def on(self, table: RecordedBenchmark) -> list[Any]:
        """Return everything that decides a search over a table, for a ledger: these terms, the table, the driver's
        revision."""
        return [SHA256.get(table.name, table.name), self.slots, self.workers, DRIVER_REVISION, self.budget]


def replays(
    replayed: ReplayedTable,
    entrants: Sequence[Entrant],
    seeds: Sequence[int],
    terms: Terms,
    *,
    processes: int = 1,
    ledger: Ledger | None = None,
    on_trace: Callable[[Entrant, int, Trace], None] = lambda entrant, seed, trace: None,
    stopping: Callable[[], bool] = lambda: False,
) -> tuple[tuple[Trace, ...], ...]:
    """Return the traces of each entrant, one per seed.

    Several processes search at the same time, with the same results. Searches that the ledger holds are not made again.

    Raises:
        Stopped: `stopping` returned True before the end.
    """
    ledger = Ledger(None, ()) if ledger is None else ledger
    missing = [(entrant, seed) for seed in seeds for entrant in entrants if ledger.get(entrant, seed) is None]
    for (entrant, seed), trace in _run(replayed, missing, terms, processes, stopping):
        ledger.keep(entrant, seed, trace, replayed.table.about.numerics[0])
        on_trace(entrant, seed, trace)
    return ledger.traces(entrants, seeds)


EntrantSeed = tuple[Entrant, int]


def _run(
    replayed: ReplayedTable, missing: Sequence[EntrantSeed], terms: Terms, processes: int, stopping: Callable[[], bool]
) -> Iterator[tuple[EntrantSeed, Trace]]:
    if processes == 1:
        for entrant, seed in missing:
            if stopping():
                raise Stopped
            yield (entrant, seed), replay(replayed, entrant, seed, terms)
        return
    # Spawned, not forked: the parent may have started threads (PyTorch's, a live view's).
    spawn = get_context("spawn")
    with ProcessPoolExecutor(processes, spawn, initializer=_take, initargs=(replayed, terms)) as pool:
        try:
            waiting = {pool.submit(_replay_here, *pair): pair for pair in missing}
            for number, done in enumerate(as_completed(waiting), start=1):
                yield waiting[done], done.result()
                if number < len(waiting) and stopping():
                    raise Stopped
        finally:
            pool.shutdown(cancel_futures=True)


_HERE: list[tuple[ReplayedTable, Terms]] = []
"""The table and task of this process, in a pool of processes."""


def _take(replayed: ReplayedTable, terms: Terms) -> None:
    for number in (signal.SIGINT, signal.SIGHUP):  # of a terminal, which are the parent's to act on
        signal.signal(number, signal.SIG_IGN)
    _HERE[:] = [(replayed, terms)]
    threading.Thread(target=_end_with_the_parent, daemon=True).start()


def _end_with_the_parent() -> None:
    """End this process when the one that started it is gone: a pool that was killed leaves its processes waiting."""
    if (parent := parent_process()) is not None:
        parent.join()
        os._exit(1)


def _replay_here(entrant: Entrant, seed: int) -> Trace:
    replayed, terms = _HERE[0]
    return replay(replayed, entrant, seed, terms)


def replay(replayed: ReplayedTable, entrant: Entrant, seed: int, terms: Terms) -> Trace:
    """Return how one search goes; it sees the errors with one of the table's seeds, which follows from its own."""
    seen = replayed.seeds[seed % len(replayed.seeds)]
    match entrant.method:
        case "search":
            return _search(replayed, entrant, seed, seen, terms)
        case "first_period":
            return first_period(_LookedUp(replayed, seen), seed, entrant.budgets * terms.budget * replayed.unit)
        case "foreign":
            raise ValueError(f"{entrant.way} searches in a program of its own")
        case _:
            assert_never(entrant.method)


class _LookedUp:
    """The training runs of a table; satisfies `baselines.TrainingSource`."""

    def __init__(self, replayed: ReplayedTable, seen: int) -> None:
        self._arena = replayed
        self._seen = seen
        self._planner = TablePlanner(replayed.table)
        self.unit = replayed.unit

    def random(self, seed: int) -> Iterator[tuple[Params, Plan[int]]]:
        """See `TrainingSource.random`; a point comes once."""
        table = self._arena.table
        spec = StudySpec(
            space=table.space, seed=seed, slots=1, periods=len(table.about.epochs),
            sampler=strategies.sampler("random"), pruner=strategies.pruner("none"),
        )  # fmt: skip
        study = _Study(spec, self._arena)
        taken: set[int] = set()
        for params, plan in proposals(study, self._planner, MAX_TRIALS):
            if plan.config not in taken:
                taken.add(plan.config)
                yield params, plan
            if len(taken) == len(self._arena.points):
                return

    def train(self, plans: Sequence[Plan[int]], periods: int | None = None) -> list[Sequence[Report]]:
        """See `TrainingSource.train`."""
        return [self._arena.table.reports(plan.config, self._seen)[:periods] for plan in plans]

    def ended(self, trial: int, params: Params, plan: Plan[int], spent: float, last: Report) -> Ended:
        """See `TrainingSource.ended`."""
        return self._arena.ended(plan.config, self._seen, spent, trial)


def _search(replayed: ReplayedTable, entrant: Entrant, seed: int, seen: int, terms: Terms) -> Trace:
    budget = entrant.budgets * terms.budget * replayed.unit
    runs = {workers: simulated(replayed, entrant, seed, seen, terms, workers) for workers in terms.workers}
    first, own_seconds = runs[terms.workers[0]]
    ended = [one for one in _ended(first, replayed, seen) if one.spent <= entrant.budgets * terms.budget]
    return Trace(
        choices=choices(ended),
        spent=max((spent for spent in first.spent if spent <= budget), default=0) / replayed.unit,
        trials=len(ended),
        complete=sum(one.seen is not None for one in ended),
        seconds={workers: one.seconds for workers, (one, _) in runs.items()},
        own_seconds=own_seconds / max(1, len(first.study.trials)),
    )


def simulated(
    replayed: ReplayedTable, entrant: Entrant, seed: int, seen: int, terms: Terms, workers: int
) -> tuple[Simulated, float]:
    """Return the result of a search that sees the table's seed `seen`, and the processor seconds of its method."""
    table = replayed.table
    sampler, pruner = strategies_of(entrant)
    spec = StudySpec(
        space=table.space, seed=seed, slots=terms.slots, periods=len(table.about.epochs), sampler=sampler,
        pruner=pruner, start=replayed.starts[entrant.start] if entrant.start else StartList(),
    )  # fmt: skip
    study = _Study(spec, replayed)
    budget = math.ceil(entrant.budgets * terms.budget * replayed.unit)
    found = simulate(
        spec, TablePlanner(table), TableTrainer(table, seen), budget=budget, study=study, workers=workers,
        seconds=replayed.seconds,
    )  # fmt: skip
    return found, study.seconds


def _ended(simulated: Simulated, replayed: ReplayedTable, seen: int) -> Iterator[Ended]:
    """Yield the trials that ended, in the order of their ends."""
    for (number, period), spent in zip(simulated.reported, simulated.spent, strict=True):
        trial = simulated.study.trials[number]
        if period < len(trial.reports) or trial.state == "RUNNING":
            continue
        if trial.state == "COMPLETE":
            yield replayed.ended(replayed.table.point_of(trial.params), seen, spent, number)
        else:
            yield Ended(trial=number, params=trial.params, spent=spent / replayed.unit)
