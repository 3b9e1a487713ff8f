"""Searches that train, in the continuous space, on a task with images that no search sees.

Every search is a study of its own, driven by worker processes. All training runs are kept in a memory of trainings, so
searches share them and a stopped contest can be continued. A search's choice is trained again with seeds that no
search used, and scored on the unseen images.

All searches train with one seed on one split of the task. With `own_splits`, those with the same seed, a pair, have a
split and a training seed of their own, which follow from that seed.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import accumulate
from operator import itemgetter
from pathlib import Path
from typing import Any, assert_never

from mnist_bench.config import TaskName
from mnist_bench.data import SPLIT_SEED, DataOptions, load_training_set
from mnist_bench.errors import Stopped
from mnist_bench.experiments.contest.baselines import Ended, Params, choices, first_period, proposals
from mnist_bench.experiments.contest.contest_record import Entrant, StartListsByNames, Trace
from mnist_bench.experiments.contest.entrants import strategies_of
from mnist_bench.numerics import DeviceKind
from mnist_bench.searches import period_ends
from mnist_bench.tables import CHANCE, SPLIT, cached_trainer
from mnist_bench.training import bits_of
from search import canonical_json, hashed, strategies
from search.differences import canaries
from search.driver import Observer, Search, Task, TaskStore, Training
from search.errors import StudyNotFoundError
from search.event_log import StudyRecord, TrialRecord
from search.executors import Executor, Job, KeepingExecutor, Outcome, RecallingExecutor
from search.executors.local import LocalExecutor
from search.files import make_folder
from search.memory import RememberingExecutor, TrainingMemory
from search.space import Space
from search.strategies import OptunaStudy
from search.study import CheckpointStore, StartList, StudyLocation, WorkFolder, fingerprint, open_study
from search.trainer_api import Plan, Planner, Report, TrainerSpec

SEEN_SEED = 0
"""Seed of all trainings that a search proposes, unless each pair has its own."""
FRESH_SEEDS = (1001, 1002, 1003, 1004)
"""Seeds with which its choice is trained again."""
FIRST_KIND: DeviceKind = "cpu-bf16"
"""Kind of device of the first live contests."""
MAX_TRIALS = 10_000
"""Number of trials at which a search ends, whatever it has spent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveTerms:
    """The terms of all searches of a live contest."""

    task: TaskName
    space: Space
    planner: Planner[Any]
    budget: int
    """Trainings of an average configuration."""
    unit: float
    """Logical cost of one of them, in microseconds."""
    seen_images: int
    unseen_images: int
    folder: Path
    """Folder of the studies."""
    cache: Path
    """The memory of all that was ever trained on a task."""
    slots: int = 8
    workers: int = 1
    device: str = "auto"
    precision: str = "auto"
    """The precision of the space; "auto" for the device's fastest."""
    kind: DeviceKind = FIRST_KIND
    """Of the device, which says what periods cost; see `mnist_bench.nets.COEFFICIENTS`."""
    starts: StartListsByNames = field(default_factory=dict)
    """The start lists of the entrants that have one."""
    own_splits: bool = False
    """Whether each pair has a split and a training seed of its own."""
    fresh: int = len(FRESH_SEEDS)
    """Number of the fresh seeds that a choice is scored with."""

    @property
    def trainer(self) -> TrainerSpec:
        """How a worker builds its trainer; its options name the memory."""
        return cached_trainer(
            self.task, self.cache, device=self.device, precision=self.precision, splits=self.own_splits
        )

    def pair(self, seed: int) -> Pair:
        """Return what the searches with this seed have in common."""
        if not self.own_splits:
            return Pair()
        split, training = (hashed.derived_seed(seed, purpose) for purpose in ("split", "training"))
        return Pair(split_seed=split, training_seed=training)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """What all searches with one seed have in common."""

    split_seed: int = SPLIT_SEED
    training_seed: int = SEEN_SEED


ExecutorOn = Callable[[int], Executor]
"""Returns the workers that train on the split of a seed."""


class Live:
    """Workers on a task, and the searches that they train for."""

    def __init__(
        self, terms: LiveTerms, executor_on: ExecutorOn, numerics: Mapping[str, Any], stopping: Callable[[], bool]
    ) -> None:  # fmt: skip
        self.terms = terms
        self._executor_on = executor_on
        self.numerics = numerics
        self._stopping = stopping

    def within(self, terms: LiveTerms) -> Live:
        """Return the same workers for searches that differ in their budget and in how their choices are scored."""
        return Live(terms, self._executor_on, self.numerics, self._stopping)

    def trace(self, entrant: Entrant, seed: int) -> Trace:
        """Return how one search goes.

        Raises:
            Stopped: `stopping` returned True before its end.
            WorkerError, StorageError, StudyLockedError, TooManyFailuresError: as `search.driver.Search.run`.
        """
        budget = self.terms.unit * self.terms.budget * entrant.budgets
        return self._scored(self._found(entrant, seed, budget), self.terms.pair(seed))

    def _found(self, entrant: Entrant, seed: int, budget: float) -> Trace:
        match entrant.method:
            case "search":
                return self._trace_of(self.searched(entrant, seed, math.ceil(budget)), budget)
            case "first_period":
                return first_period(_Trained(self, self.terms.pair(seed)), seed, budget)
            case "foreign":
                raise ValueError(f"{entrant.way} searches in a program of its own")
            case _:
                assert_never(entrant.method)

    def searched(self, entrant: Entrant, seed: int, budget: int) -> StudyRecord:
        """Return a study that has spent at least `budget`, a logical cost. A method with a double budget continues the
        same study. Errors as in `trace`."""
        terms, pair = self.terms, self.terms.pair(seed)
        sampler, pruner = strategies_of(entrant)
        start = terms.starts[entrant.start] if entrant.start else StartList()
        periods = len(period_ends(terms.space))
        search = Search.of(
            terms.space, terms.planner, terms.trainer, trials=MAX_TRIALS, periods=periods, seed=seed,
            slots=terms.slots, sampler=sampler, pruner=pruner, results=terms.folder, start=start,
            portable=terms.precision == "portable",
        )  # fmt: skip
        # All that its decisions depend on, your own code and this machine's bits too: another one is a new study.
        name = f"{fingerprint(search.spec_for(self.numerics).to_json())[:8]}-{seed}"
        before = _kept(terms.folder, name)
        spent = _Spent(sum(cost for _, _, cost, _ in trained_periods(before)) if before else 0)
        if before is not None and spent.cost >= budget:
            return before
        search = replace(
            search,
            location=StudyLocation.of(name, terms.folder),
            executor=_OneSeed(self._executor_on(pair.split_seed), self.numerics, pair.training_seed),
            observer=spent,
            stopping=lambda: self._stopping() or spent.cost >= budget,
        )
        ended = search.run()
        if not ended.reached and spent.cost < budget:
            raise Stopped
        return ended.study

    def _trace_of(self, study: StudyRecord, budget: float) -> Trace:
        """Return how a search went up to the period with which it would exceed the budget."""
        spent, within = 0, 0
        ended: list[Ended] = []
        for _, _, cost, trial in sorted(trained_periods(study), key=itemgetter(0, 1)):
            spent += cost
            if spent > budget:
                break
            within = spent
            if trial is not None:
                is_complete = trial.state == "COMPLETE"
                ended.append(self.ended(trial.number, trial.params, spent, trial.reports[-1], is_complete=is_complete))
        return Trace(
            choices=choices(ended),
            spent=within / self.terms.unit,
            trials=len(ended),
            complete=sum(one.seen is not None for one in ended),
        )

    def ended(self, trial: int, params: Params, spent: float, last: Report, *, is_complete: bool = True) -> Ended:
        """Return a trial that has ended when the logical cost `spent` had been spent, given its last report."""
        terms = self.terms
        ended = Ended(trial=trial, params=params, spent=spent / terms.unit)
        errors, val_loss = last.metrics["errors"], last.metrics["val_loss"]
        if not is_complete or errors is None or val_loss is None:
            return ended
        unseen = last.details["unseen_errors"] / terms.unseen_images
        return replace(ended, seen=errors / terms.seen_images, val_loss=val_loss, unseen=unseen)

    def trained(
        self, asked: Sequence[tuple[Plan[Any], int]], split_seed: int, *, periods: int | None = None
    ) -> list[Sequence[Report]]:  # fmt: skip
        """Return the reports of plans, each trained with its seed, several at once; all periods or the first ones."""
        tasks = [self._task(number, plan, seed, split_seed, periods) for number, (plan, seed) in enumerate(asked)]
        store = TaskStore(CheckpointStore(WorkFolder(self.terms.folder).checkpoints), keep_last=False)
        training = Training(tasks, self._executor_on(split_seed), store)
        if not training.run(self._stopping):
            raise Stopped
        return [training.reports[task.identity] for task in tasks]

    def _task(self, number: int, plan: Plan[Any], seed: int, split_seed: int, periods: int | None) -> Task:
        config = dict(self.terms.planner.codec.to_json(plan.config))
        split = [] if split_seed == SPLIT_SEED else [split_seed]
        return Task(
            name=f"configuration {number}, seed {seed}",
            identity=canonical_json.sha256([config, seed, periods, *canaries(self.numerics), *split]),
            config=config,
            seed=seed,
            costs=plan.costs[:periods],
        )

    def _scored(self, found: Trace, pair: Pair) -> Trace:
        """Return a trace with the errors of its last choice over fresh seeds."""
        if not found.choices:
            return found
        plan = self.terms.planner(found.choices[-1].params)
        seeds = FRESH_SEEDS[: self.terms.fresh]
        lasts = [reports[-1] for reports in self.trained([(plan, seed) for seed in seeds], pair.split_seed)]
        return replace(
            found,
            fresh=tuple(
                last.details["unseen_errors"] / self.terms.unseen_images if last.end is None else CHANCE
                for last in lasts
            ),
        )


class _Trained:
    """Training runs that workers make; satisfies `baselines.TrainingSource`."""

    def __init__(self, live: Live, pair: Pair) -> None:
        self._live = live
        self._pair = pair
        self.unit = live.terms.unit

    def random(self, seed: int) -> Iterator[tuple[Params, Plan[Any]]]:
        """See `TrainingSource.random`."""
        study = OptunaStudy(
            name="first period", space=self._live.terms.space, sampler=strategies.sampler("random"),
            pruner=strategies.pruner("none"), seed=seed, periods=1,
        )  # fmt: skip
        return proposals(study, self._live.terms.planner, MAX_TRIALS)

    def train(self, plans: Sequence[Plan[Any]], periods: int | None = None) -> list[Sequence[Report]]:
        """See `TrainingSource.train`."""
        asked = [(plan, self._pair.training_seed) for plan in plans]
        return self._live.trained(asked, self._pair.split_seed, periods=periods)

    def ended(self, trial: int, params: Params, plan: Plan[Any], spent: float, last: Report) -> Ended:
        """See `TrainingSource.ended`."""
        return self._live.ended(trial, params, spent, last)


@contextmanager
def opened(terms: LiveTerms, stopping: Callable[[], bool] = lambda: False) -> Iterator[Live]:
    """Start workers on a task and yield the searches that they train for.

    Raises:
        DataError, DeviceError, WorkerError: as `LocalExecutor.start`.
    """
    make_folder(terms.folder)
    local = LocalExecutor(terms.trainer, terms.workers, WorkFolder(terms.folder).workers_log)
    try:
        numerics = local.start()

        @lru_cache(maxsize=1)  # the searches of a pair follow each other
        def executor_on(split_seed: int) -> Executor:
            data = load_training_set(DataOptions(task=terms.task, split_seed=split_seed))
            workers = _OneSplit(local, numerics, split_seed) if terms.own_splits else _Lent(local, numerics)
            memory = TrainingMemory(terms.cache, limit=sys.maxsize)
            # No states, which nobody exports: those of a contest would take a hundred times the disk of its reports.
            remembering = RememberingExecutor(workers, memory, lambda found: bits_of(data, found), states=False)
            remembering.start()
            return remembering

        yield Live(terms, executor_on, numerics, stopping)
    finally:
        local.stop()


class _Lent:
    """The workers of a contest, which have been started and outlive each use."""

    def __init__(self, executor: Executor, numerics: Mapping[str, Any]) -> None:
        self._executor = executor
        self._numerics = numerics
        self.workers = executor.workers
        self.lanes = executor.lanes

    def start(self) -> Mapping[str, Any]:
        """Return the numerics of the workers."""
        return self._numerics

    def idle(self) -> int:
        """See `Executor.idle`."""
        return self._executor.idle()

    def submit(self, job: Job) -> None:
        """See `Executor.submit`."""
        self._executor.submit(job)

    def wait(self, timeout: float) -> list[Outcome]:
        """See `Executor.wait`."""
        return self._executor.wait(timeout)

    def stop(self) -> None:
        """Do nothing: who uses the workers has already waited for its jobs."""


class _OneSplit(_Lent):
    """They train everything on one split, whose seed is added to each configuration on its way to a worker alone: a
    memory of trainings knows the split by its images."""

    def __init__(self, executor: Executor, numerics: Mapping[str, Any], split_seed: int) -> None:
        super().__init__(executor, numerics)
        self._split_seed = split_seed

    def submit(self, job: Job) -> None:
        """See `Executor.submit`."""
        super().submit(replace(job, config={**job.config, SPLIT: self._split_seed}))

    def wait(self, timeout: float) -> list[Outcome]:
        """See `Executor.wait`."""
        return [replace(outcome, job=_without_split(outcome.job)) for outcome in super().wait(timeout)]


def _without_split(job: Job) -> Job:
    return replace(job, config={name: value for name, value in job.config.items() if name != SPLIT})


class _OneSeed(_Lent):
    """They train everything that a search proposes with one seed."""

    def __init__(self, executor: Executor, numerics: Mapping[str, Any], training_seed: int) -> None:
        super().__init__(executor, numerics)
        self._training_seed = training_seed

    def recall(self, job: Job, *, is_last: bool) -> tuple[Report, bytes | None] | None:
        """See `RecallingExecutor.recall`."""
        if not isinstance(self._executor, RecallingExecutor):
            return None
        return self._executor.recall(replace(job, seed=self._training_seed), is_last=is_last)

    def submit(self, job: Job) -> None:
        """See `Executor.submit`."""
        super().submit(replace(job, seed=self._training_seed))

    def forget(self, trial: int) -> None:
        """See `KeepingExecutor.forget`."""
        if isinstance(self._executor, KeepingExecutor):
            self._executor.forget(trial)


class _Spent(Observer):
    """Adds up the cost of a search, in this run and before."""

    def __init__(self, before: int) -> None:
        self.cost = before

    def on_report(self, trial: TrialRecord) -> None:
        """Add the cost of the trial's last period."""
        self.cost += trial.costs[len(trial.reports) - 1]


def _kept(folder: Path, name: str) -> StudyRecord | None:
    try:
        return open_study(folder, name)
    except StudyNotFoundError:
        return None


def trained_periods(study: StudyRecord) -> Iterator[tuple[int, int, int, TrialRecord | None]]:
    """Yield (logical end, slot, cost, the trial if it ended then) of each trained period; the first two order them."""
    for trial in study.trials:
        costs = trial.costs[: len(trial.reports)]
        ends = list(accumulate(costs, initial=trial.logical_start))[1:]
        for period, (end, cost) in enumerate(zip(ends, costs, strict=True), start=1):
            yield end, trial.slot, cost, trial if period == len(costs) and trial.state != "RUNNING" else None
