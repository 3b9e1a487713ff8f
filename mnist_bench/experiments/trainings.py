"""Configurations trained to their ends by worker processes, several at once. What is interrupted can be resumed.

For training without a search: nothing is pruned, and the order in which periods end decides nothing."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mnist_bench.config.settings import TrainConfig
from mnist_bench.config.values import from_json, to_json
from mnist_bench.data.idx import close_test_set
from mnist_bench.data.mnist import TrainingSet
from mnist_bench.data.tensors import Dataset, load_dataset, with_evaluation_images
from mnist_bench.data.test_set import open_test_set
from mnist_bench.errors import ArchitectureError, Stopped
from mnist_bench.nets.planner import COEFFICIENTS, NetPlanner
from mnist_bench.numerics.device import setup
from mnist_bench.studies import checked, kept_files
from mnist_bench.studies.record import data_of
from mnist_bench.training.period import Evaluation
from mnist_bench.training.trainer import Scorer, trainer_spec
from mnist_bench.training.weights import export
from search import canonical_json, file_lock
from search.differences import checks
from search.driver.dispatcher import take_all
from search.driver.retry_policy import POLL, Key, RetryPolicy, failure_of
from search.errors import WorkerError
from search.event_log.records import StudyRecord
from search.executors.local import LocalExecutor
from search.executors.protocol import Done, Executor, Failed, Job, Outcome
from search.files import make_folder
from search.study.checkpoint_store import CheckpointStore
from search.study.folder import WorkFolder
from search.trainer_api import Report

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One configuration to train to its end with one seed."""

    name: str  # of the configuration
    seed: int
    title: str  # for people: `batchnorm, seed 2 of 3`
    identity: str  # SHA-256 of everything that the result depends on: equal identities train to equal bits
    config: Mapping[str, Any]
    costs: tuple[int, ...]  # estimated microseconds of each period
    of_net: bool = False  # whether a network of this package is trained

    @property
    def key(self) -> tuple[str, int]:
        """The configuration's name and the seed."""
        return self.name, self.seed

    @property
    def number(self) -> int:
        """The task's number among checkpoints, 48 bits of its identity."""
        return int(self.identity[:12], 16)

    def is_ended_by(self, reports: Sequence[Report]) -> bool:
        """Return whether these reports are all that there will be."""
        return len(reports) == len(self.costs) or (bool(reports) and reports[-1].end is not None)


Plan = tuple[Mapping[str, Any], tuple[int, ...], Sequence[Any]]
"""A configuration, the costs of its periods, and all else that its results depend on."""


def over_seeds(plans: Mapping[str, Plan], seeds: Sequence[int], *, of_net: bool = True) -> list[Task]:
    """Return the task of each configuration, by its name, with each seed."""
    return [
        Task(
            name=name,
            seed=seed,
            title=f"{name}, seed {number} of {len(seeds)}",
            identity=canonical_json.sha256([config, seed, *conditions]),
            config=config,
            costs=costs,
            of_net=of_net,
        )
        for number, seed in enumerate(seeds, start=1)
        for name, (config, costs, conditions) in plans.items()
    ]


OnPeriod = Callable[[Task, int, Report, bytes], Report]
"""Gets each period of a task once, with its report and state, and returns the report to keep."""
Running = Sequence[tuple[Task, Sequence[Report]]]  # tasks under way, each with its reports so far


def as_it_is(task: Task, period: int, report: Report, state: bytes) -> Report:
    """Return the report; the default of OnPeriod."""
    return report


Curves = Mapping[tuple[str, int], Sequence[Report]]  # the reports of tasks, by their keys


def validation_errors(curve: Sequence[Report]) -> int | None:
    """Return how many validation images the net of a task gets wrong; None if its training ended early."""
    errors = curve[-1].metrics.get("errors")
    return None if curve[-1].end or errors is None else int(errors)


class Observer:
    """Receives the progress of an experiment, and may stop it. This base class does neither."""

    def on_start(self, runs: Sequence[Task], seconds: float | None) -> None:
        """Called with runs that are left to train, and about how many seconds all of them take, if that is known; once,
        or before each part of the experiment."""

    def on_run(self, run: Task, reports: Sequence[Report]) -> None:
        """Called when a run ends. Runs that an earlier command trained are not reported."""

    def on_progress(self, running: Running) -> None:
        """Called several times a second with the runs under way and their reports so far."""

    def on_notice(self, text: str) -> None:
        """Called with a few words about the next step, or about a finding."""

    def stopping(self) -> bool:
        """Return whether to stop. Asked several times a second; periods under way are finished and kept, and then the
        experiment raises `mnist_bench.errors.Stopped`."""
        return False


@dataclass(frozen=True, kw_only=True, slots=True)
class Workplace:
    """Where an experiment trains, and who watches it."""

    observer: Observer
    workers: int = 1
    device: str = "auto"
    data_dir: Path | None = None
    net: str | None = None  # your own network, by its name


class TaskStore(CheckpointStore):
    """The reports of every period of every task, and the state after the latest one, in a folder of checkpoints."""

    def load(self, task: Task) -> tuple[tuple[Report, ...], bytes | None]:
        """Return the reports so far and the state to resume from: the latest one before which no report is lost.

        Periods after it are trained again, and so is one for which there was too little memory.
        """
        kept: list[tuple[Report, bytes]] = []
        while len(kept) < len(task.costs) and (found := self.get(task.number, len(kept) + 1)):
            if found[0].end == "out_of_memory":
                break
            kept.append(found)
        if not task.is_ended_by([report for report, _ in kept]):
            while kept and not kept[-1][1]:
                kept.pop()
        return tuple(report for report, _ in kept), kept[-1][1] if kept else None

    def save(self, task: Task, reports: Sequence[Report], state: bytes, *, keep_last: bool = False) -> None:
        """Keep the newest of the reports and its state; the state before it is given up afterwards.

        `keep_last`: whether the state of a task that has ended is kept, too.
        """
        period, is_needed = len(reports), keep_last or not task.is_ended_by(reports)
        self.put(task.number, period, reports[-1], state if is_needed else b"")
        if period > 1:
            self.put(task.number, period - 1, reports[-2], b"")


class _Training:
    """Keeps workers busy with tasks until all have ended."""

    def __init__(self, workers: Workers, tasks: Sequence[Task], on_period: OnPeriod, *, keep_last: bool) -> None:
        self._executor, self._observer, self._store = workers.executor, workers.observer, workers.store
        self._on_period, self._keep_last = on_period, keep_last
        self._retry_policy = RetryPolicy(workers.stall)
        self._tasks = {task.number: task for task in tasks}
        self._waiting: deque[tuple[Task, bytes | None]] = deque()  # tasks, and the states from which they continue
        self._running: set[Key] = set()
        self.reports: dict[int, tuple[Report, ...]] = {}  # of every task so far, by number

    def run(self, stopping: Callable[[], bool]) -> bool:
        """Train until all tasks have ended (True) or `stopping` says so (False); both leave nothing half done."""
        for task in self._tasks.values():
            self.reports[task.number], state = self._store.load(task)
            self._enqueue(task, state)
        while self._running or (self._waiting and not stopping()):
            if not stopping():
                self._feed()
            self._observer.on_progress([(self._tasks[n], self.reports[n]) for n, _ in sorted(self._running)])
            take_all(self._executor.wait(POLL), self._take)
        self._observer.on_progress([])
        return not self._waiting

    def _enqueue(self, task: Task, state: bytes | None) -> None:
        """Let a task's next period wait for a worker, before those of tasks that have not begun."""
        if not task.is_ended_by(reports := self.reports[task.number]):
            # Those that have begun first, so that few are half done when the work is stopped.
            self._waiting.appendleft((task, state)) if reports else self._waiting.append((task, state))

    def _feed(self) -> None:
        for _ in range(len(self._waiting)):  # each once: those that may not start now go to the end
            if not self._executor.idle():
                return
            task, state = self._waiting.popleft()
            key = task.number, len(self.reports[task.number]) + 1
            if not self._retry_policy.may_start(key, self._running):
                self._waiting.append((task, state))
                continue
            stall = self._retry_policy.stall_seconds(key, task.costs[key[1] - 1])
            self._executor.submit(
                Job(trial=key[0], period=key[1], config=task.config, seed=task.seed, state=state, stall_seconds=stall)
            )
            self._running.add(key)

    def _take(self, outcome: Outcome) -> None:
        key, task = (outcome.job.trial, outcome.job.period), self._tasks[outcome.job.trial]
        self._running.discard(key)
        failure = failure_of(outcome, in_company=bool(self._running))
        reason = outcome.reason if isinstance(outcome, Failed) else ""
        if failure is not None and not self._retry_policy.failed(key, failure, name=task.title, reason=reason):
            # With the very state that it was given before: a period is a pure call, so a second one changes nothing.
            self._waiting.appendleft((task, outcome.job.state))
            return
        match outcome:  # unlike a trial of a search, every task is needed; if its training fails, the whole work ends
            case Done():
                self._retry_policy.done(key)
                self._take_in(task, outcome.report, outcome.state)
            case Failed(cause="raised"):
                error = WorkerError(f"{task.title} makes the trainer fail: {outcome.last_line}")
                error.add_note(outcome.reason)  # for those who ask for the traceback
                raise error
            case Failed():
                raise WorkerError(f"{task.title} needs more memory than there is: two workers ran out of it.")

    def _take_in(self, task: Task, report: Report, state: bytes) -> None:
        before = self.reports[task.number]
        reports = self.reports[task.number] = (*before, self._on_period(task, len(before) + 1, report, state))
        # Written before the end is announced; else a task whose end is announced and lost would be announced twice.
        self._store.save(task, reports, state, keep_last=self._keep_last)
        if task.is_ended_by(reports):
            self._executor.forget(task.number)
            self._observer.on_run(task, reports)
        self._enqueue(task, state)


@dataclass(frozen=True, kw_only=True, slots=True)
class Workers:
    """Workers that have started, so that their numerics are known, and the observer of the experiment."""

    executor: Executor
    numerics: Mapping[str, Any]
    folder: Path
    observer: Observer
    stall: float | None = None  # see `RetryPolicy`

    def announce(self, tasks: Sequence[Task]) -> None:
        """Notify the observer of tasks that follow, as far as they have not been trained here before."""
        found = [(task, self.store.load(task)[0]) for task in tasks]
        left = [(task, task.costs[len(reports) :]) for task, reports in found if not task.is_ended_by(reports)]
        # Only costs of networks were compared with seconds.
        known = all(task.of_net for task, _ in left)
        seconds = sum(sum(costs) for _, costs in left) / 1e6 / self.executor.workers if known else None
        self.observer.on_start([task for task, _ in left], seconds)

    def train(
        self,
        tasks: Sequence[Task],
        *,
        on_period: OnPeriod = as_it_is,
        keep_last: bool = False,
        deadline: float = math.inf,
    ) -> Curves:
        """Return the reports of every task; what was trained here before is not trained again.

        `keep_last` keeps last states for `last_state`. Stopped if the observer stops it, or the deadline (of
        `time.monotonic`) passes before the end. WorkerError if a task makes the trainer fail or memory run out twice,
        or workers die over it again and again.
        """
        # Begun last, the longest run would leave all other workers idle; this way all takes at most a third longer than
        # the best order could (Graham 1969).
        longest_first = sorted(tasks, key=lambda task: -sum(task.costs))
        training = _Training(self, longest_first, on_period, keep_last=keep_last)
        if not training.run(lambda: self.observer.stopping() or time.monotonic() >= deadline):
            raise Stopped
        return {task.key: training.reports[task.number] for task in tasks}

    def last_state(self, task: Task) -> bytes | None:
        """Return the state after a task's last period; None if it was not kept, or is damaged."""
        return self.store.load(task)[1] or None

    @property
    def store(self) -> TaskStore:
        """What was trained here."""
        return TaskStore(WorkFolder(self.folder).checkpoints)


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid(Workers):
    """Workers that train networks on one data set."""

    data: TrainingSet
    extra_identity: tuple[str, ...] = ()
    """Further parts of a task's identity, such as hashes of the test images that its reports are made on."""

    def tasks(self, configs: Mapping[str, TrainConfig], seeds: Sequence[int]) -> list[Task]:
        """Return the task of each configuration with each seed; ArchitectureError if a net cannot exist."""
        bits = [*checks(self.numerics).values(), self.numerics["trainer_revision"], self.data.data_hash]
        conditions = [*bits, self.data.split.digest, *self.extra_identity]
        return over_seeds({name: (*self._plan(name, config), conditions) for name, config in configs.items()}, seeds)

    def _plan(self, name: str, config: TrainConfig) -> tuple[dict[str, Any], tuple[int, ...]]:
        planner = NetPlanner(
            base=to_json(config),
            limits={},
            coefficients=COEFFICIENTS[self.numerics["kind"]],
            train_images=len(self.data.split.train),
            validation_images=len(self.data.split.validation),
            form=self.data.options.form,
        )
        plan = planner({})
        if reason := plan.facts.get("reason"):
            raise ArchitectureError(f"{name}: {reason}.")
        return to_json(plan.config), plan.costs


@contextmanager
def started(folder: Path, what: str, executor: Executor) -> Iterator[Mapping[str, Any]]:
    """Start workers for a folder, and yield their numerics; `what` is the work in the message of a locked folder."""
    make_folder(folder)
    with file_lock.driver_lock(WorkFolder(folder).lock, what):
        try:
            yield executor.start()
        finally:
            executor.stop()


@contextmanager
def open_grid(
    folder: Path, what: str, place: Workplace, data: TrainingSet, precision: str, extra_identity: Sequence[str] = ()
) -> Iterator[Grid]:
    """Start workers as `started` and yield the grid; `extra_identity` is as in `Grid`."""
    trainer = trainer_spec(data, device=place.device, precision=precision, net=place.net)
    executor = LocalExecutor(trainer, place.workers, WorkFolder(folder).workers_log)
    with started(folder, what, executor) as numerics:
        yield Grid(
            executor=executor, numerics=numerics, folder=folder, observer=place.observer, data=data,
            extra_identity=tuple(extra_identity),
        )  # fmt: skip


@contextmanager
def open_grid_of(study: StudyRecord, verb: str, folder: Path, place: Workplace) -> Iterator[Grid]:
    """Start workers on the data of a study, in its precision, with the test set closed from then on; yield the grid.

    `verb` is the work on the study in messages, such as "confirm".
    """
    close_test_set()
    checked.require_net(checked.net_code(study), place.net)
    numerics, recorded = study.spec["numerics"], data_of(study.spec["context"])
    data = checked.training_set(recorded, place.data_dir, f"Study {study.name}")
    there = replace(place, device=checked.device_like(numerics, place.device))
    with open_grid(folder, work_on(study, verb), there, data, str(numerics["precision"])) as grid:
        checked.check_numerics(study, grid.numerics, verb)
        yield grid


def work_on(study: StudyRecord, verb: str) -> str:
    """Return what messages call the work on a study."""
    return f"The {'ablation' if verb == 'ablate' else 'confirmation'} of {study.name}"


Kept = TypeVar("Kept", bound="DataclassInstance")
Started = TypeVar("Started", bound=Workers)


def ask(
    known: Kept | None, workers: AbstractContextManager[Started], answer: Callable[[Started], Kept], path: Path
) -> Kept:
    """Return the kept answer to a question; without one, start workers, let them answer, and keep that at `path`."""
    if known is not None:
        return known
    with workers as started_ones:
        found = answer(started_ones)
        kept_files.save(found, path)
    return found


class Scores:
    """Scores nets on the test images. The first score opens the test set; later ones reuse it."""

    def __init__(self, grid: Grid, *, purpose: str, logs: Sequence[Path]) -> None:
        """Open nothing yet. The observer is notified when the test set is evaluated, and which log logs it."""
        self._grid = grid
        self._purpose = purpose
        self._logs = logs
        self._scorer = Scorer(grid.numerics["precision"])

    @cached_property
    def images(self) -> Dataset:
        """The test images on the grid's device, normalised like all training images."""
        (device, _), options = setup(self._grid.numerics["device"]), self._grid.data.options
        trained_on = load_dataset(options, device).training_on("all")
        opened = open_test_set(options, purpose=self._purpose, logs=self._logs)
        self._grid.observer.on_notice(f"the test set is evaluated, and {self._logs[0]} logs it")
        return with_evaluation_images(trained_on, opened)

    def score(self, task: Task, state: bytes) -> Evaluation:
        """Return the figures of the net in a task's state, in the grid's precision; errors as in `images`."""
        return self._scorer.evaluate(export(state, from_json(task.config)), self.images, task.title)
