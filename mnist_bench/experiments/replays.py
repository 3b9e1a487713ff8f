"""Searches in virtual time: the real driver, samplers and pruners, and trainings that are looked up in a table."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate
from multiprocessing import get_context, parent_process
from typing import Any, Literal, Protocol, assert_never

import numpy as np
from numpy.typing import NDArray

from mnist_bench.errors import Stopped
from mnist_bench.statistics import reference
from mnist_bench.tables.recorded_benchmark import (
    CHANCE,
    POINT,
    Nearest,
    RecordedBenchmark,
    TablePlanner,
    TableTrainer,
    cells,
)
from mnist_bench.tables.value_table import ValuePlanner, ValueTable, ValueTrainer
from search import canonical_json
from search.errors import UsageError
from search.executors.protocol import Job
from search.hashed import State
from search.loading import is_code
from search.messages import show
from search.proposals.coordinates import Candidate
from search.proposals.curves import Curve
from search.proposals.prospects import Prospects
from search.repeatability import TriedOn, require
from search.simulation import MAX_TRIALS, Simulated, simulate
from search.space.space import Space
from search.strategies import registry
from search.strategies.optuna_study import OptunaStudy
from search.strategies.pruners import Pruner
from search.strategies.samplers import Sampler
from search.study.spec import StudySpec, fingerprint
from search.trainer_api import Plan, Planner, Report, Trainer

Measure = Literal["error", "regret"]
"""Of a choice: its error on unseen images; or its normalized regret, of a table of values."""
Method = Literal["search", "first_period"]
"""A sampler with a pruner; or the first period for all, then the best to their ends."""
FINEST = 1e-9
"""Regrets are real numbers; differences below this one are rounding."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entrant:
    """A search method and its budget."""

    sampler: str = ""
    """Of a search: a name, or `package.module:Name`."""
    pruner: str = "none"
    budgets: int = 1
    """Times the budget of the contest."""
    method: Method = "search"
    sampler_options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    pruner_options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def way(self) -> str:
        """The search method: `tpe + asha`, `random` without a pruner, `tpe (only_feasible=1) + median` with options."""
        match self.method:
            case "first_period":
                return "first period, then the best"
            case "search":
                pruner = [] if self.pruner == "none" else [_with_options(self.pruner, self.pruner_options)]
                return " + ".join([_with_options(self.sampler, self.sampler_options), *pruner])
            case _:
                assert_never(self.method)

    @property
    def name(self) -> str:
        """The method and its budget: `random ×2` at double budget."""
        return self.way if self.budgets == 1 else f"{self.way} ×{self.budgets}"


def _with_options(name: str, options: Mapping[str, Any]) -> str:
    given = ", ".join(f"{option}={value}" for option, value in options.items())
    return f"{name} ({given})" if options else name


@dataclass(frozen=True, kw_only=True, slots=True)
class BestConfiguration:
    """A configuration that was the best complete one from some moment on."""

    spent: float
    """By then, in trainings of an average configuration."""
    seen: float
    """Its error (0..1) on the images and with the seed that the search saw."""
    unseen: float
    """Its error (0..1) on images that no search sees: with other seeds if a table has some, else with the same."""
    trial: int
    params: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Trace:
    """How one search went, by the end of its budget."""

    choices: tuple[BestConfiguration, ...]
    """In the order in which they were made; the last one is the search's result."""
    spent: float
    """By the last period that was taken up within the budget; periods under way then do not count."""
    trials: int
    """Trials that ended within the budget."""
    complete: int
    """The complete ones among them."""
    seconds: Mapping[int, float] = field(default_factory=dict)
    """Virtual time to the end of the budget by number of workers, with all waiting for turns."""
    own_seconds: float = 0.0
    """Processor time of the method itself (proposals, decisions) for a trial."""

    @property
    def found(self) -> float | None:
        """Error of the last choice on unseen images; None without a choice."""
        return self.choices[-1].unseen if self.choices else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Contest:
    """Ways of searching on one task, each with the same seeds."""

    task: str
    """The name of the table."""
    space: str
    budget: int
    """Trainings of an average configuration."""
    training_seconds: float
    """Estimated time of one of them, on one worker."""
    concurrent_trials: int
    workers: tuple[int, ...]
    seeds: tuple[int, ...]
    """Of the searches: one search of each way with each."""
    entrants: tuple[Entrant, ...]
    """The first is the one that all others are compared with."""
    traces: tuple[tuple[Trace, ...], ...]
    """Of each entrant, one a seed."""
    seen_images: int
    unseen_images: int
    develops: bool
    """Whether choices are scored with the seed that the search saw: good for development, not for claims."""
    reference: tuple[float, float] | None = None
    """Error (0..1) of the configuration with the best posterior mean in the table, and its standard error."""
    measure: Measure = "error"
    """What stands in the place of an error, 0..1."""

    @property
    def guess(self) -> float:
        """The error of a search that has made no choice yet."""
        match self.measure:
            case "error":
                return CHANCE
            case "regret":
                return 1.0
            case _:
                assert_never(self.measure)

    @property
    def step(self) -> float:
        """Errors come in multiples of it."""
        match self.measure:
            case "error":
                return 1 / self.unseen_images
            case "regret":
                return FINEST
            case _:
                assert_never(self.measure)


FIRST_PERIOD_SHARE = 0.5
"""Share of the budget for the first periods of all; the rest goes to the best of them."""

Params = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """A trial that has ended."""

    trial: int
    params: Params
    spent: float  # by the search when it ended, in trainings of an average configuration
    seen: float | None = None
    """Its error (0..1) on the images that the search sees; None if it was not trained to its end."""
    val_loss: float = 0.0  # on the same images; decides between equal errors
    unseen: float = 1.0  # its error (0..1) on images that no search sees


def choices(ended: Iterable[Ended]) -> tuple[BestConfiguration, ...]:
    """Return the best complete trial so far, wherever it changes; ranked as a study ranks its trials."""
    found: list[BestConfiguration] = []
    best: tuple[float, float, int] | None = None
    for one in ended:
        if one.seen is None:
            continue
        rank = (one.seen, one.val_loss, one.trial)
        if best is None or rank < best:
            best = rank
            found.append(
                BestConfiguration(
                    spent=one.spent, seen=one.seen, unseen=one.unseen, trial=one.trial, params=dict(one.params)
                )
            )
    return tuple(found)


class TrainingSource(Protocol):
    """Where training runs come from: looked up in a table, or trained."""

    @property
    def unit(self) -> float:
        """Logical cost of a training of an average configuration."""
        ...

    def random(self, seed: int) -> Iterator[tuple[Params, Plan[Any]]]:
        """Yield the feasible ones of the configurations that random search proposes."""
        ...

    def train(self, plans: Sequence[Plan[Any]], periods: int | None = None) -> list[Sequence[Report]]:
        """Return the reports of all periods, or of the first ones."""
        ...

    def ended(self, trial: int, params: Params, plan: Plan[Any], spent: float, last: Report) -> Ended:
        """Return a trial that was trained to its end when the logical cost `spent` had been spent."""
        ...


def proposals(study: OptunaStudy, plan: Callable[[Params], Plan[Any]], most: int) -> Iterator[tuple[Params, Plan[Any]]]:
    """Yield the feasible ones of the `most` first proposals of a new study's sampler, which gets no results."""
    for number in range(most):
        params = study.ask(number)
        study.tell(number, "PRUNED", None)
        if (planned := plan(params)).feasible:
            yield params, planned


def first_period(source: TrainingSource, seed: int, budget: float) -> Trace:
    """Train the first period of random configurations, then the best of them to their ends.

    `budget` is a logical cost.
    """
    begun: list[tuple[Params, Plan[Any]]] = []
    spent = 0.0
    for params, plan in source.random(seed):
        if spent >= FIRST_PERIOD_SHARE * budget:
            break
        begun.append((params, plan))
        spent += plan.costs[0]
    firsts = source.train([plan for _, plan in begun], 1)
    order = sorted(range(len(begun)), key=lambda number: -(firsts[number][0].value or 0.0))
    best_first = [begun[number] for number in order]
    ends = [spent + cost for cost in accumulate(sum(plan.costs[1:]) for _, plan in best_first)]
    affordable = sum(end <= budget for end in ends)
    trained = source.train([plan for _, plan in best_first[:affordable]])
    ended = [source.ended(trial, *best_first[trial], ends[trial], curve[-1]) for trial, curve in enumerate(trained)]
    return Trace(
        choices=choices(ended),
        spent=max([spent, *ends[:affordable]]) / source.unit,
        trials=len(begun),
        complete=sum(one.seen is not None for one in ended),
    )


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
    """A task on which a training is looked up at once, as far as a search over it needs to know."""

    unit: float  # logical cost of a training of an average configuration

    @property
    def name(self) -> str:
        """The task's name."""
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
    def epochs(self) -> Sequence[float]:
        """Epochs, or other steps, at whose end a training reports."""
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
    def configurations(self) -> int:
        """The number of configurations that there are."""
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

    def __init__(self, table: RecordedBenchmark) -> None:
        self.table = table
        self.points = np.array(sorted(table.seeds), np.intp)
        self.unit = float(table.arrays.costs[self.points].sum(axis=1).mean())
        """Logical cost of a training of an average configuration."""
        self.name, self.space = table.name, table.space
        self.epochs, self.periods = table.about.epochs, len(table.about.epochs)
        self.planner, self.space_planner = TablePlanner(table), table.planner
        self.configurations = len(self.points)

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


class ReplayedValues:
    """A table of values prepared for replayed searches, whose errors are normalized regrets."""

    def __init__(self, table: ValueTable) -> None:
        """A search sees the mean over the table's seeds."""
        self.table = table
        self.name, self.space, self.periods, self.seeds = table.name, table.space, table.periods, (0,)
        self.epochs = range(1, table.periods + 1)
        self.planner = self.space_planner = ValuePlanner(table)
        self.scored = Scored(measure="regret", training_seconds=float(table.mean_seconds.mean()))
        self.configurations = len(table.values)
        self.unit = float(sum(self.planner({}).costs))
        self._trainer = ValueTrainer(table)

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


BASELINES = (
    Entrant(sampler="random"),
    Entrant(sampler="random", budgets=2),
    Entrant(method="first_period"),
)
"""Chance; chance with twice the budget (Li et al. 2018); and "the first period for all, then the best to their ends",
which on many benchmarks does as well as successive halving (Egele et al. 2023)."""


Named = str | Mapping[str, Any]
"""A sampler or a pruner by its name, or as a space file has it: `name`, and options of a built-in one."""


def line_up(
    samplers: Sequence[Named],
    pruners: Sequence[Named],
    *,
    sampler_options: Mapping[str, Any] | None = None,
    pruner_options: Mapping[str, Any] | None = None,
    baselines: bool = True,
) -> tuple[Entrant, ...]:
    """Return every sampler with every pruner, and `baselines`; the first is the one that all are compared with.

    `sampler_options` and `pruner_options` go to your own strategies.

    Raises:
        UsageError: there are options, and no strategy that takes them; or a mapping names no strategy.
    """
    named_samplers = _named_with_options("sampler", samplers, sampler_options or {})
    named_pruners = _named_with_options("pruner", pruners, pruner_options or {})
    pairs = [
        Entrant(sampler=sampler, pruner=pruner, sampler_options=of_sampler, pruner_options=of_pruner)
        for sampler, of_sampler in named_samplers
        for pruner, of_pruner in named_pruners
    ]
    known = BASELINES if baselines else ()
    return tuple({entrant.name: entrant for entrant in [*pairs, *known]}.values())


def name_and_options(kind: str, given: Named) -> tuple[str, dict[str, Any]]:
    """Return a sampler's or a pruner's name and the options that stand next to it.

    Raises:
        UsageError: there is no name.
    """
    if isinstance(given, str):
        return given, {}
    options = dict(given)
    name = options.pop("name", None)
    if not isinstance(name, str):
        raise UsageError(f"{kind} {show(dict(given))}: give its name, such as {{name: tpe, n_startup_trials: 5}}.")
    return name, options


def _named_with_options(
    kind: str, given: Sequence[Named], shared: Mapping[str, Any]
) -> list[tuple[str, dict[str, Any]]]:
    """Return names with their options; `shared` goes to your own strategies."""
    found = [name_and_options(kind, one) for one in given]
    _check_taken(kind, [name for name, _ in found], shared)
    return [(name, {**options, **shared} if is_code(name) else options) for name, options in found]


def _check_taken(kind: str, names: Sequence[str], options: Mapping[str, Any]) -> None:
    """Check that options have a strategy to go to.

    Raises:
        UsageError: they have none.
    """
    if options and not any(map(is_code, names)):
        raise UsageError(
            f"--{kind}-option needs your own {kind} in --{kind}s, file.py:Name, and there is none: {', '.join(names)}. "
            f"For a built-in one, write its options there: --{kind}s '{{name: {names[0]}, OPTION: VALUE}}'."
        )


def strategies_of(entrant: Entrant) -> tuple[Sampler, Pruner]:
    """Return the sampler and the pruner of an entrant that searches; your own code is loaded.

    Raises:
        UsageError: there is no such strategy, or an option is unknown or out of range.
    """
    sampler = registry.named_sampler(entrant.sampler, entrant.sampler_options)
    return sampler, registry.named_pruner(entrant.pruner, entrant.pruner_options)


def check_fit(entrant: Entrant, tried_on: TriedOn) -> None:
    """Check that an entrant's sampler fits a space, and that your own code repeats.

    Raises:
        UsageError: they do not; the message gives the reason.
        PluginError: the user's code raises, or proposes a value outside its range.
    """
    if entrant.method != "search":
        return
    sampler, pruner = strategies_of(entrant)
    if reason := sampler.misfit(tried_on.space):
        raise UsageError(f"{entrant.way} on {tried_on.space.name}: {reason}.")
    require(sampler, pruner, tried_on)


class _Study(OptunaStudy):
    """The study in memory, which moves proposals to what can be trained, and counts the time that the method takes."""

    def __init__(self, spec: StudySpec, replayed: Replayed) -> None:
        super().__init__(
            name=fingerprint(spec.to_json()), space=spec.space, sampler=spec.sampler, pruner=spec.pruner,
            seed=spec.seed, periods=spec.periods, prospects=lambda: replayed.prospects(spec),
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """The terms of all searches of a contest."""

    budget: int  # trainings of an average configuration
    concurrent_trials: int = 8
    workers: tuple[int, ...] = (8,)
    """Numbers of workers for which the time is computed; none of them changes a decision."""


def replays(
    replayed: Replayed,
    entrants: Sequence[Entrant],
    seeds: Sequence[int],
    terms: Terms,
    *,
    processes: int = 1,
    on_trace: Callable[[], None] = lambda: None,
    stopping: Callable[[], bool] = lambda: False,
) -> tuple[tuple[Trace, ...], ...]:
    """Return the traces of each entrant, one per seed.

    Several processes search at the same time, with the same results.

    Raises:
        Stopped: `stopping` returned True before the end.
    """
    asked = [(entrant, seed) for seed in seeds for entrant in entrants]
    found: dict[EntrantSeed, Trace] = {}
    for pair, trace in _run(replayed, asked, terms, processes, stopping):
        found[pair] = trace
        on_trace()
    return tuple(tuple(found[entrant, seed] for seed in seeds) for entrant in entrants)


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
"""The task and the terms of this process, in a pool of processes."""


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
    """Return how one search goes; it sees the errors with one of the training seeds, which follows from its own."""
    seen = replayed.seeds[seed % len(replayed.seeds)]
    match entrant.method:
        case "search":
            return _search(replayed, entrant, seed, seen, terms)
        case "first_period":
            return first_period(_LookedUp(replayed, seen), seed, entrant.budgets * terms.budget * replayed.unit)
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
            space=self._arena.space, seed=seed, concurrent_trials=1, periods=self._arena.periods,
            sampler=registry.sampler("random"), pruner=registry.pruner("none"),
            order="deterministic", context={}, versions={}, numerics={},
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
        space=replayed.space, seed=seed, concurrent_trials=terms.concurrent_trials, periods=replayed.periods,
        sampler=sampler, pruner=pruner, order="deterministic", context={}, versions={}, numerics={},
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
