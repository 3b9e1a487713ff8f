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
from typing import Any, Protocol, assert_never

import numpy as np
from numpy.typing import NDArray

from mnist_bench.errors import Stopped
from mnist_bench.experiments.contest.baselines import Ended, Params, choices, first_period, proposals
from mnist_bench.experiments.contest.contest_record import NO_LISTS, Entrant, Ledger, Measure, StartListsByNames, Trace
from mnist_bench.experiments.contest.entrants import strategies_of
from mnist_bench.statistics import reference
from mnist_bench.tables import POINT, SHA256, Nearest, RecordedBenchmark, TablePlanner, TableTrainer, cells
from mnist_bench.value_tables import ValuePlanner, ValueTable, ValueTrainer
from search import canonical_json, strategies
from search.event_log import State
from search.executors import Job
from search.proposals import Candidate, Curve, Prospects
from search.simulation import MAX_TRIALS, Simulated, simulate
from search.space import Space
from search.strategies import OptunaStudy
from search.study import DRIVER_REVISION, StartList, StudySpec, fingerprint
from search.trainer_api import Plan, Planner, Report, Trainer


@dataclass(frozen=True, kw_only=True, slots=True)
class Scored:
    """How the choices of searches are scored; see the fields of `Contest`."""

    measure: Measure
    training_seconds: float
    seen_images: int = 0
    unseen_images: int = 0
    develops: bool = False
    reference: tuple[float, float] | None = None


class Replayed(Protocol):
    """A task on which a training is looked up or computed at once, as far as a search over it needs to know."""

    starts: StartListsByNames
    """The start lists of the entrants that have one."""
    unit: float
    """Logical cost of a training of an average configuration."""

    @property
    def name(self) -> str:
        """The task's name."""
        ...

    @property
    def identity(self) -> str:
        """Stands for everything that decides the results of trainings, in a ledger."""
        ...

    @property
    def space(self) -> Space:
        """The space to search."""
        ...

    @property
    def periods(self) -> int:
        """Reports of a whole training."""
        ...

    @property
    def seeds(self) -> Sequence[int]:
        """The training seeds; a search sees one of them."""
        ...

    @property
    def planner(self) -> Planner[Any]:
        """Plans the configurations that there are, and those that exceed a limit."""
        ...

    @property
    def space_planner(self) -> Planner[Any]:
        """Plans every configuration of the space."""
        ...

    @property
    def scored(self) -> Scored:
        """How choices are scored."""
        ...

    @property
    def configurations(self) -> int | None:
        """The number of configurations that there are; None if there are more than any search tries."""
        ...

    @property
    def numerics(self) -> Mapping[str, Any]:
        """The machine that trained the results."""
        ...

    def trainer(self, seen: int) -> Trainer[Any]:
        """Return the trainer that a search gets, with one of the training seeds."""
        ...

    def moved(self, params: Params, taken: set[int]) -> Params:
        """Return the configuration that a proposal is moved to; `taken` gets its number if there are others nearby."""
        ...

    def prospects(self, spec: StudySpec) -> Prospects:
        """Return the configurations among which samplers that know the limits choose."""
        ...

    def ended(self, params: Params, seen: int, spent: float, trial: int) -> Ended:
        """Return a configuration that was trained to its end, when the logical cost `spent` had been spent."""
        ...

    def seconds(self, job: Job) -> float:
        """Return how long a worker takes for a job."""
        ...


class ReplayedTable:
    """A table prepared for replayed searches: the seed that a search sees, and the score of its choice."""

    def __init__(self, table: RecordedBenchmark, *, starts: StartListsByNames = NO_LISTS) -> None:
        """`starts` are the start lists of the entrants that have one."""
        self.table = table
        self.starts = starts
        self.points = np.array(sorted(table.seeds), np.intp)
        self.unit = float(table.arrays.costs[self.points].sum(axis=1).mean())
        """Logical cost of a training of an average configuration."""
        self.name, self.space, self.periods = table.name, table.space, len(table.about.epochs)
        self.planner, self.space_planner = TablePlanner(table), table.planner
        self.configurations = len(self.points)
        self.numerics = table.about.numerics[0]

    @property
    def identity(self) -> str:
        """See `Replayed.identity`."""
        return SHA256.get(self.name, self.name)

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        """The seeds with which all points were trained; a search sees one of them."""
        common = set.intersection(*(set(self.table.seeds[point]) for point in self.points.tolist()))
        return tuple(sorted(common))

    @property
    def develops(self) -> bool:
        """Whether choices are scored with the very seed that the search saw, because there is no other."""
        return len(self.seeds) == 1

    @property
    def scored(self) -> Scored:
        """See `Replayed.scored`."""
        images, seeds = self.table.about.images, self.table.seeds
        errors = [[self.table.unseen_error(point, seed) for seed in seeds[point]] for point in self.points.tolist()]
        best = reference(errors) if any(len(one) > 1 for one in errors) else None
        return Scored(
            measure="error", training_seconds=self.unit / 1e6, seen_images=images["validation"],
            unseen_images=images["unseen"], develops=self.develops,
            reference=None if best is None else (best.mean, best.error),
        )  # fmt: skip

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

    def trainer(self, seen: int) -> TableTrainer:
        """See `Replayed.trainer`."""
        return TableTrainer(self.table, seen)

    def moved(self, params: Params, taken: set[int]) -> Params:
        """See `Replayed.moved`: to the nearest point that is not taken."""
        if self.nearest is None or not self.table.planner(params).feasible:
            return params
        point = self.nearest(params, taken)
        taken.add(point)
        return self.table.points[point]

    def prospects(self, spec: StudySpec) -> Prospects:
        """See `Replayed.prospects`."""
        return _TableProspects(spec, self)

    def ended(self, params: Params, seen: int, spent: float, trial: int) -> Ended:
        """See `Replayed.ended`."""
        point = self.table.point_of(params)
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


class ReplayedValues:
    """A table of values prepared for replayed searches, whose errors are normalised regrets."""

    def __init__(self, table: ValueTable) -> None:
        """A search sees the mean over the table's seeds."""
        self.table = table
        self.starts = NO_LISTS
        self.name, self.space, self.periods, self.seeds = table.name, table.space, table.periods, (0,)
        self.planner = self.space_planner = ValuePlanner(table)
        self.scored = Scored(measure="regret", training_seconds=float(table.mean_seconds.mean()))
        self.configurations = len(table.values)
        self.numerics: Mapping[str, Any] = {}
        self.unit = float(sum(self.planner({}).costs))
        self._trainer = ValueTrainer(table)

    @property
    def identity(self) -> str:
        """See `Replayed.identity`."""
        return self.table.digest

    def trainer(self, seen: int) -> ValueTrainer:
        """See `Replayed.trainer`."""
        return self._trainer

    def moved(self, params: Params, taken: set[int]) -> Params:
        """See `Replayed.moved`: the table holds all configurations."""
        return params

    def prospects(self, spec: StudySpec) -> Prospects:
        """See `Replayed.prospects`."""
        return Prospects(spec.space, self.planner, spec.seed)

    def ended(self, params: Params, seen: int, spent: float, trial: int) -> Ended:
        """See `Replayed.ended`."""
        point = self.table.point_of(params)
        ended = Ended(trial=trial, params=params, spent=spent / self.unit)
        if not np.isfinite(self.table.means[point, -1]):
            return ended
        regret = float(self.table.regrets[point])
        # Of two that are both as bad as the median one, the better one is chosen.
        return replace(ended, seen=regret, val_loss=float(self.table.losses[point]), unseen=regret)

    def seconds(self, job: Job) -> float:
        """See `Replayed.seconds`: an equal part of the time of the whole training, mean over the seeds."""
        return float(self.table.mean_seconds[self.table.point_of(job.config)]) / self.periods


class _Study(OptunaStudy):
    """The study in memory, which moves proposals to the table's points, and counts the time that the method takes."""

    def __init__(self, spec: StudySpec, replayed: Replayed) -> None:
        super().__init__(
            name=fingerprint(spec.to_json()), space=spec.space, sampler=spec.sampler, pruner=spec.pruner,
            seed=spec.seed, periods=spec.periods, direction=spec.direction,
            prospects=lambda: replayed.prospects(spec),
        )  # fmt: skip
        self.seconds = 0.0
        """Processor time of proposals and decisions."""
        self._arena = replayed
        self._taken: set[int] = set()

    def ask(self, number: int, fixed: Mapping[str, Any] | None = None) -> dict[str, Any]:
        with self._timed():
            params = super().ask(number, fixed)
        moved = dict(self._arena.moved(params, self._taken))
        if moved != params:
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

    def on(self, replayed: Replayed) -> list[Any]:
        """Return everything that decides a search on a task, for a ledger: these terms, the task, the driver's
        revision."""
        return [replayed.identity, self.slots, self.workers, DRIVER_REVISION, self.budget]


def replays(
    replayed: Replayed,
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
        ledger.keep(entrant, seed, trace, replayed.numerics)
        on_trace(entrant, seed, trace)
    return ledger.traces(entrants, seeds)


EntrantSeed = tuple[Entrant, int]


def _run(
    replayed: Replayed, missing: Sequence[EntrantSeed], terms: Terms, processes: int, stopping: Callable[[], bool]
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


_HERE: list[tuple[Replayed, Terms]] = []
"""The table and task of this process, in a pool of processes."""


def _take(replayed: Replayed, terms: Terms) -> None:
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


def replay(replayed: Replayed, entrant: Entrant, seed: int, terms: Terms) -> Trace:
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
    """The training runs of a task; satisfies `baselines.TrainingSource`."""

    def __init__(self, replayed: Replayed, seen: int) -> None:
        self._arena = replayed
        self._seen = seen
        self._trainer = replayed.trainer(seen)
        self.unit = replayed.unit

    def random(self, seed: int) -> Iterator[tuple[Params, Plan[Any]]]:
        """See `TrainingSource.random`; a configuration comes once."""
        spec = StudySpec(
            space=self._arena.space, seed=seed, slots=1, periods=self._arena.periods,
            sampler=strategies.sampler("random"), pruner=strategies.pruner("none"),
        )  # fmt: skip
        study = _Study(spec, self._arena)
        taken: set[str] = set()
        for params, plan in proposals(study, self._arena.planner, MAX_TRIALS):
            if (key := canonical_json.dumps(dict(params))) not in taken:
                taken.add(key)
                yield params, plan
            if len(taken) == self._arena.configurations:
                return

    def train(self, plans: Sequence[Plan[Any]], periods: int | None = None) -> list[Sequence[Report]]:
        """See `TrainingSource.train`."""
        return [self._curve(plan, self._arena.periods if periods is None else periods) for plan in plans]

    def _curve(self, plan: Plan[Any], periods: int) -> list[Report]:
        reports: list[Report] = []
        while len(reports) < periods and not (reports and reports[-1].end):
            reports.append(self._trainer.advance(plan.config, self._seen, len(reports) + 1, None)[1])
        return reports

    def ended(self, trial: int, params: Params, plan: Plan[Any], spent: float, last: Report) -> Ended:
        """See `TrainingSource.ended`."""
        return self._arena.ended(params, self._seen, spent, trial)


def _search(replayed: Replayed, entrant: Entrant, seed: int, seen: int, terms: Terms) -> Trace:
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
    replayed: Replayed, entrant: Entrant, seed: int, seen: int, terms: Terms, workers: int
) -> tuple[Simulated, float]:
    """Return the result of a search that sees the training seed `seen`, and the processor seconds of its method."""
    sampler, pruner = strategies_of(entrant)
    spec = StudySpec(
        space=replayed.space, seed=seed, slots=terms.slots, periods=replayed.periods, sampler=sampler,
        pruner=pruner, start=replayed.starts[entrant.start] if entrant.start else StartList(),
    )  # fmt: skip
    study = _Study(spec, replayed)
    budget = math.ceil(entrant.budgets * terms.budget * replayed.unit)
    found = simulate(
        spec, replayed.planner, replayed.trainer(seen), budget=budget, study=study, workers=workers,
        seconds=replayed.seconds,
    )  # fmt: skip
    return found, study.seconds


def _ended(simulated: Simulated, replayed: Replayed, seen: int) -> Iterator[Ended]:
    """Yield the trials that ended, in the order of their ends."""
    for (number, period), spent in zip(simulated.reported, simulated.spent, strict=True):
        trial = simulated.study.trials[number]
        if period < len(trial.reports) or trial.state == "RUNNING":
            continue
        if trial.state == "COMPLETE":
            yield replayed.ended(trial.params, seen, spent, number)
        else:
            yield Ended(trial=number, params=trial.params, spent=spent / replayed.unit)
