"""A search over a recorded table: the real driver, sampler and pruner, and trainings that are looked up.

A search sees the results of one training seed. The configuration that it has selected at some moment is scored by what
it does not see, other seeds and images where the table has them, as normalized regret: 0 is the best configuration of
the table and 1 the median one or a worse one, linear in the logarithm of the error or value.
"""

from __future__ import annotations

import math
import os
import signal
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import cached_property
from multiprocessing import get_context, parent_process
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_bench.errors import Stopped
from mnist_bench.tables import recorded_benchmark, value_table
from mnist_bench.tables.recorded_benchmark import Nearest, RecordedBenchmark, TablePlanner, TableTrainer, cells
from mnist_bench.tables.value_table import ValuePlanner, ValueTable, ValueTrainer, normalized
from search.errors import UsageError
from search.messages import show
from search.proposals.coordinates import Candidate
from search.proposals.curves import Curve
from search.proposals.prospects import Prospects
from search.repeatability import TriedOn, require
from search.simulation import simulate
from search.space.space import Space
from search.strategies import registry
from search.strategies.optuna_study import OptunaStudy
from search.strategies.pruners import Pruner
from search.strategies.samplers import Sampler
from search.study.spec import StudySpec, fingerprint
from search.trainer_api import Planner, Trainer

Params = Mapping[str, Any]
Values = NDArray[np.float64]
GUESS = 1.0  # the regret of a search that has selected nothing yet


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchMethod:
    """A sampler and a pruner, each by its name or as `package.module:Name`."""

    sampler: str
    pruner: str = "none"
    sampler_options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    pruner_options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def name(self) -> str:
        """`tpe + asha`, `random` without a pruner, `tpe (n_startup_trials=20) + median` with options."""
        pruner = [] if self.pruner == "none" else [_with_options(self.pruner, self.pruner_options)]
        return " + ".join([_with_options(self.sampler, self.sampler_options), *pruner])

    def strategies(self) -> tuple[Sampler, Pruner]:
        """Return the sampler and the pruner; your own code is loaded."""
        sampler = registry.named_sampler(self.sampler, self.sampler_options)
        return sampler, registry.named_pruner(self.pruner, self.pruner_options)


Named = str | Mapping[str, Any]  # a sampler or a pruner by its name, or as a space file has it: `name` and options


def line_up(samplers: Sequence[Named], pruners: Sequence[Named]) -> dict[str, SearchMethod]:
    """Return every sampler with every pruner by its name; the first is the one that all are compared with."""
    methods = [
        SearchMethod(sampler=sampler, pruner=pruner, sampler_options=of_sampler, pruner_options=of_pruner)
        for sampler, of_sampler in _named("sampler", samplers)
        for pruner, of_pruner in _named("pruner", pruners)
    ]
    if not methods:
        raise UsageError("No search method takes part; name samplers and pruners.")
    return {method.name: method for method in methods}


def _named(kind: str, given: Sequence[Named]) -> list[tuple[str, dict[str, Any]]]:
    """Return names with their options."""
    found = []
    for one in given:
        options = {} if isinstance(one, str) else dict(one)
        name = one if isinstance(one, str) else options.pop("name", None)
        if not isinstance(name, str):
            raise UsageError(f"{kind} {show(options)}: give its name, such as {{name: tpe, n_startup_trials: 5}}.")
        found.append((name, options))
    return found


def check_fit(method: SearchMethod, table: Replayed) -> None:
    """Check that a method's sampler fits a table's space, and that your own code repeats."""
    sampler, pruner = method.strategies()
    if reason := sampler.misfit(table.space):
        raise UsageError(f"{method.name} on {table.space.name}: {reason}.")
    require(sampler, pruner, TriedOn(space=table.space, planner=table.space_planner, periods=table.periods))


def _with_options(name: str, options: Mapping[str, Any]) -> str:
    return f"{name} ({', '.join(f'{option}={value}' for option, value in options.items())})" if options else name


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """A configuration that was the best complete one of a search from some moment on."""

    spent: float  # by then, in trainings of an average configuration
    trial: int
    params: Params
    score: float  # error (0..1) or value on what the search does not see
    regret: float  # 0..1


@dataclass(frozen=True, kw_only=True, slots=True)
class Searched:
    """A search over a table."""

    table: str
    method: str
    seed: int
    choices: tuple[Choice, ...]  # in their order; the last one is the result
    failed: bool = False  # whether it ended before its budget, because hardly any configuration was feasible


class Replayed(ABC):
    """A table, prepared for searches over it."""

    name: str
    space: Space
    periods: int
    seeds: Sequence[int]  # of the trainings; a search sees one of them
    unit: float  # logical cost of a training of an average configuration
    planner: Planner[Any]  # plans the configurations that there are, and those that exceed a limit
    space_planner: Planner[Any]  # plans every configuration of the space
    of_errors = True  # whether scores are errors; else they are values, of which small ones are good

    @property
    def develops(self) -> bool:
        """Whether choices are scored with the very seed that the search saw, because there is no other."""
        return False

    @property
    @abstractmethod
    def logarithms(self) -> Values:
        """The logarithm of the mean score of each configuration."""

    @abstractmethod
    def trainer(self, seen: int) -> Trainer[Any]:
        """Return the trainer that a search gets, with one of the training seeds."""

    @abstractmethod
    def scored(self, params: Params, seen: int) -> tuple[tuple[float, float], float]:
        """Return what a search compares configurations by, the smallest first, and the score that it does not see."""

    def moved(self, params: Params, taken: set[int]) -> Params:
        """Return the configuration that a proposal is moved to; `taken` gets its number if there are others nearby."""
        return params

    def prospects(self, spec: StudySpec) -> Prospects:
        """Return the configurations among which samplers that know the limits choose."""
        return Prospects(spec.space, self.space_planner, spec.seed)

    def regret(self, score: float) -> float:
        """Return the normalized regret of a score."""
        return float(normalized(self.logarithms, np.log(score))) if score else 0.0


class ReplayedTable(Replayed):
    """A table of trainings of networks."""

    def __init__(self, table: RecordedBenchmark) -> None:
        self.table = table
        self.points = np.array(sorted(table.seeds), np.intp)
        self.unit = float(table.arrays.costs[self.points].sum(axis=1).mean())
        self.name, self.space, self.periods = table.name, table.space, len(table.about.epochs)
        self.planner, self.space_planner = TablePlanner(table), table.planner
        self.seeds = sorted(set.intersection(*(set(table.seeds[point]) for point in self.points.tolist())))

    @property
    def develops(self) -> bool:
        return len(self.seeds) == 1

    @cached_property
    def logarithms(self) -> Values:
        images = self.table.about.images["unseen"]
        errors = [np.mean([self.table.unseen_error(p, s) for s in self.table.seeds[p]]) for p in self.points.tolist()]
        return np.log(np.maximum(errors, 0.5 / images))

    def trainer(self, seen: int) -> TableTrainer:
        return TableTrainer(self.table, seen)

    def scored(self, params: Params, seen: int) -> tuple[tuple[float, float], float]:
        point = self.table.point_of(params)
        curve = self.table.curve(point, seen)
        others = self.seeds if self.develops else [seed for seed in self.seeds if seed != seen]
        unseen = sum(self.table.unseen_error(point, seed) for seed in others) / len(others)
        return (curve.errors[-1] / curve.images, curve.val_loss[-1]), unseen

    @cached_property
    def nearest(self) -> Nearest | None:
        """Finds the point next to a proposal; None if the table holds all configurations of its space."""
        has_all = not any(span.is_real for span in self.space.distributions.values())
        return None if has_all and len(cells(self.space)) == len(self.points) else Nearest(self.table, self.points)

    def moved(self, params: Params, taken: set[int]) -> Params:
        """Return the nearest configuration that is not taken."""
        if self.nearest is None or not self.space_planner(params).feasible:
            return params
        point = self.nearest(params, taken)
        taken.add(point)
        return self.table.points[point]

    def prospects(self, spec: StudySpec) -> Prospects:
        return _TableProspects(spec, self)


class _TableProspects(Prospects):
    """The points of a table alone, so that no proposal has to be moved far."""

    def __init__(self, spec: StudySpec, replayed: ReplayedTable) -> None:
        super().__init__(spec.space, replayed.space_planner, spec.seed)
        self._points = [self.coordinates.candidate(replayed.table.points[point]) for point in replayed.points.tolist()]

    def candidates(self, curves: Sequence[Curve], draws: np.random.Generator) -> list[Candidate]:
        tried = [curve.params for curve in curves]
        return [candidate for candidate in self._points if candidate.params not in tried] or self._points

    def feasible(self, params: Params) -> bool:
        return True  # else it would be in no table


class ReplayedValues(Replayed):
    """A table of values of all configurations. A search sees the mean over its seeds."""

    seeds = (0,)
    of_errors = False

    def __init__(self, table: ValueTable) -> None:
        self.table = table
        self.name, self.space, self.periods = table.name, table.space, table.periods
        self.planner = self.space_planner = ValuePlanner(table)
        self.unit = float(sum(self.planner({}).costs))

    @property
    def logarithms(self) -> Values:
        return self.table.losses

    def trainer(self, seen: int) -> ValueTrainer:
        return ValueTrainer(self.table)

    def scored(self, params: Params, seen: int) -> tuple[tuple[float, float], float]:
        value = float(self.table.means[self.table.point_of(params), -1])
        return (value, 0.0), value


def replayed(name: str) -> Replayed:
    """Return a table by its name, or by the path of its file, prepared for searches."""
    if value_table.is_named(name):
        return ReplayedValues(value_table.load(name))
    return ReplayedTable(recorded_benchmark.load(name))


class _Study(OptunaStudy):
    """The study in memory, which moves proposals to what can be looked up."""

    def __init__(self, spec: StudySpec, table: Replayed) -> None:
        super().__init__(
            name=fingerprint(spec.to_json()), space=spec.space, sampler=spec.sampler, pruner=spec.pruner,
            seed=spec.seed, periods=spec.periods, prospects=lambda: table.prospects(spec),
        )  # fmt: skip
        self._table = table
        self._taken: set[int] = set()

    def ask(self, number: int, fixed: Mapping[str, Any] | None = None) -> dict[str, Any]:
        params = super().ask(number, fixed)
        moved = dict(self._table.moved(params, self._taken))
        if moved != params:
            self.move(number, moved)
        return moved


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """The terms of all searches over a table."""

    budget: int  # trainings of an average configuration
    concurrent_trials: int = 8


def replay(table: Replayed, method: SearchMethod, seed: int, terms: Terms) -> Searched:
    """Return one search within its budget; its seed says which training seed it sees."""
    seen = table.seeds[seed % len(table.seeds)]
    sampler, pruner = method.strategies()
    spec = StudySpec(
        space=table.space, seed=seed, concurrent_trials=terms.concurrent_trials, periods=table.periods,
        sampler=sampler, pruner=pruner, order="deterministic", context={}, versions={}, numerics={},
    )  # fmt: skip
    budget = terms.budget * table.unit
    found = simulate(
        spec, table.planner, table.trainer(seen), budget=math.ceil(budget), study=_Study(spec, table),
        seconds=lambda job: 1.0,
    )  # fmt: skip
    choices: list[Choice] = []
    best: tuple[tuple[float, float], int] | None = None
    for (number, period), spent in zip(found.reported, found.spent, strict=True):
        trial = found.study.trials[number]
        if trial.state != "COMPLETE" or period < len(trial.reports) or spent > budget:
            continue
        rank, score = table.scored(trial.params, seen)
        if best is None or (rank, number) < best:
            best = rank, number
            at, regret = spent / table.unit, table.regret(score)
            choices.append(Choice(spent=at, trial=number, params=dict(trial.params), score=score, regret=regret))
    return Searched(
        table=table.name, method=method.name, seed=seed, choices=tuple(choices), failed=found.failed is not None
    )


def replays(
    asked: Sequence[tuple[Replayed, SearchMethod, int]],
    terms: Terms,
    *,
    processes: int = 1,
    stopping: Callable[[], bool] = lambda: False,
) -> Iterator[Searched]:
    """Yield the search of each table, method and seed; several processes search at once, and yield in any order."""
    if processes == 1:
        for number, one in enumerate(asked):
            if number and stopping():
                raise Stopped
            yield replay(*one, terms)
        return
    # Spawned, not forked: the parent may have started threads (PyTorch's, a live view's).
    with ProcessPoolExecutor(processes, get_context("spawn"), initializer=_begin) as pool:
        try:
            waiting = [pool.submit(replay, *one, terms) for one in asked]
            for number, done in enumerate(as_completed(waiting), start=1):
                yield done.result()
                if number < len(waiting) and stopping():
                    raise Stopped
        finally:
            pool.shutdown(cancel_futures=True)


def _begin() -> None:
    for number in (signal.SIGINT, signal.SIGHUP):  # of a terminal, which are the parent's to act on
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_parent, daemon=True).start()


def _end_with_the_parent() -> None:
    """End this process when the one that started it is gone: a pool that was killed leaves its processes waiting."""
    if (parent := parent_process()) is not None:
        parent.join()
        os._exit(1)
