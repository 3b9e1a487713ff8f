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


OnPeriod = Callable[[Task, int, Report, bytes], Report]
"""Gets each period of a task once, with its report and state, and returns the report to keep."""
OnEnd = Callable[[Task, Sequence[Report]], None]  # gets a task that has ended, with all its reports
Running = Sequence[tuple[Task, Sequence[Report]]]  # tasks under way, each with its reports so far


def as_it_is(task: Task, period: int, report: Report, state: bytes) -> Report:
    """Return the report; the default of OnPeriod."""
    return report


class TaskStore:
    """The reports of every period of every task, and the state after the latest one, in a folder of checkpoints."""

    def __init__(self, states: CheckpointStore, *, keep_last: bool) -> None:
        """`keep_last`: whether the state of a task that has ended is kept."""
        self._states, self._keep_last = states, keep_last

    def load(self, task: Task) -> tuple[tuple[Report, ...], bytes | None]:
        """Return the reports so far and the state to resume from: the latest one before which no report is lost.

        Periods after it are trained again, and so is one for which there was too little memory.
        """
        kept: list[tuple[Report, bytes]] = []
        while len(kept) < len(task.costs) and (found := self._states.get(task.number, len(kept) + 1)):
            if found[0].end == "out_of_memory":
                break
            kept.append(found)
        if not task.is_ended_by([report for report, _ in kept]):
            while kept and not kept[-1][1]:
                kept.pop()
        return tuple(report for report, _ in kept), kept[-1][1] if kept else None

    def save(self, task: Task, reports: Sequence[Report], state: bytes) -> None:
        """Keep the newest of the reports and its state; the state before it is given up afterwards."""
        period = len(reports)
        is_needed = self._keep_last or not task.is_ended_by(reports)
        self._states.put(task.number, period, reports[-1], state if is_needed else b"")
        if period > 1:
            self._states.put(task.number, period - 1, reports[-2], b"")


class Training:
    """Keeps an executor busy with tasks until all have ended."""

    def __init__(
        self,
        tasks: Sequence[Task],
        executor: Executor,
        store: TaskStore,
        on_period: OnPeriod = as_it_is,
        on_end: OnEnd = lambda task, reports: None,
        on_progress: Callable[[Running], None] = lambda running: None,
        *,
        stall: float | None = None,
    ) -> None:
        """Train nothing yet; `stall`: see `RetryPolicy`."""
        self._tasks = {task.number: task for task in tasks}
        self._executor, self._store = executor, store
        self._on_period, self._on_end, self._on_progress = on_period, on_end, on_progress
        self._retry_policy = RetryPolicy(stall)
        self._waiting: deque[Job] = deque()
        self._running: set[Key] = set()
        self.reports: dict[str, tuple[Report, ...]] = {}  # of every task so far, by identity

    def run(self, stopping: Callable[[], bool]) -> bool:
        """Train until all tasks have ended (True), or until `stopping` says so (False); both leave nothing half done.

        WorkerError if a task makes the trainer fail or memory run out twice, or workers die over it again and again.
        """
        for task in self._tasks.values():
            self.reports[task.identity], state = self._store.load(task)
            self._enqueue(task, state)
        while self._running or (self._waiting and not stopping()):
            if not stopping():
                self._feed()
            running = [self._tasks[number] for number, _ in sorted(self._running)]
            self._on_progress([(task, self.reports[task.identity]) for task in running])
            take_all(self._executor.wait(POLL), self._take)
        self._on_progress([])
        return not self._waiting

    def _enqueue(self, task: Task, state: bytes | None) -> None:
        """Let a task's next period wait for a worker, before those of tasks that have not begun."""
        reports = self.reports[task.identity]
        if not task.is_ended_by(reports):
            job = self._job(task, len(reports) + 1, state)
            # Those that have begun first, so that few are half done when the work is stopped.
            self._waiting.appendleft(job) if reports else self._waiting.append(job)

    def _job(self, task: Task, period: int, state: bytes | None) -> Job:
        stall = self._retry_policy.stall_seconds((task.number, period), task.costs[period - 1])
        return Job(
            trial=task.number, period=period, config=task.config, seed=task.seed, state=state, stall_seconds=stall
        )

    def _feed(self) -> None:
        for _ in range(len(self._waiting)):  # each once: those that may not start now go to the end
            if not self._executor.idle():
                return
            job = self._waiting.popleft()
            if self._retry_policy.may_start((job.trial, job.period), self._running):
                self._executor.submit(job)
                self._running.add((job.trial, job.period))
            else:
                self._waiting.append(job)

    def _take(self, outcome: Outcome) -> None:
        job = outcome.job
        key, task = (job.trial, job.period), self._tasks[job.trial]
        self._running.discard(key)
        failure = failure_of(outcome, in_company=bool(self._running))
        reason = outcome.reason if isinstance(outcome, Failed) else ""
        if failure is not None and not self._retry_policy.failed(key, failure, name=task.title, reason=reason):
            # With the very state that it was given before: a period is a pure call, so a second one changes nothing.
            stall = self._retry_policy.stall_seconds(key, task.costs[job.period - 1])
            self._waiting.appendleft(replace(job, stall_seconds=stall))
            return
        match outcome:  # unlike a trial of a search, every task is needed; if its training fails, the whole work ends
            case Done():
                self._retry_policy.done(key)
                self._take_in(task, outcome.report, outcome.state)
                self._enqueue(task, outcome.state)
            case Failed(cause="raised"):
                error = WorkerError(f"{task.title} makes the trainer fail: {outcome.last_line}")
                error.add_note(outcome.reason)  # for those who ask for the traceback
                raise error
            case Failed():
                raise WorkerError(f"{task.title} needs more memory than there is: two workers ran out of it.")

    def _take_in(self, task: Task, report: Report, state: bytes) -> None:
        report = self._on_period(task, len(self.reports[task.identity]) + 1, report, state)
        self.reports[task.identity] += (report,)
        # Written before the end is announced; else a task whose end is announced and lost would be announced twice.
        self._store.save(task, self.reports[task.identity], state)
        if task.is_ended_by(self.reports[task.identity]):
            self._executor.forget(task.number)
            self._on_end(task, self.reports[task.identity])


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
        store = self._store(keep_last=False)
        left = [task for task in tasks if not task.is_ended_by(store.load(task)[0])]
        self.observer.on_start(left, self._seconds(left))

    def _seconds(self, tasks: Sequence[Task]) -> float | None:
        """Return about how long all workers take; None if that is not known."""
        return None

    def train(self, tasks: Sequence[Task], *, on_period: OnPeriod = as_it_is, keep_last: bool = False) -> Curves:
        """Return the reports of every task; what was trained here before is not trained again.

        `keep_last` keeps last states for `last_state`. Stopped if the observer stops it; WorkerError as `Training.run`.
        """
        curves = self.train_until(math.inf, tasks, on_period=on_period, keep_last=keep_last)
        if curves is None:
            raise Stopped
        return curves

    def train_until(
        self, deadline: float, tasks: Sequence[Task], *, on_period: OnPeriod = as_it_is, keep_last: bool = False
    ) -> Curves | None:
        """Do as `train`; return None if the deadline (of `time.monotonic`) passes before the end."""
        # Begun last, the longest run would leave all other workers idle; this way all takes at most a third longer than
        # the best order could (Graham 1969).
        longest_first = sorted(tasks, key=lambda task: -sum(task.costs))
        store, observer = self._store(keep_last=keep_last), self.observer
        training = Training(
            longest_first, self.executor, store, on_period, observer.on_run, observer.on_progress, stall=self.stall
        )
        if training.run(lambda: observer.stopping() or time.monotonic() >= deadline):
            return {task.key: training.reports[task.identity] for task in tasks}
        if observer.stopping():
            raise Stopped
        return None

    def last_state(self, task: Task) -> bytes | None:
        """Return the state after a task's last period; None if it was not kept, or is damaged."""
        return self._store(keep_last=True).load(task)[1] or None

    def _store(self, *, keep_last: bool) -> TaskStore:
        return TaskStore(CheckpointStore(WorkFolder(self.folder).checkpoints), keep_last=keep_last)


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid(Workers):
    """Workers that train networks on one data set."""

    data: TrainingSet
    extra_identity: tuple[str, ...] = ()
    """Further parts of a task's identity, such as hashes of the test images that its reports are made on."""

    def tasks(self, configs: Mapping[str, TrainConfig], seeds: Sequence[int]) -> list[Task]:
        """Return the task of each configuration with each seed; ArchitectureError if a net cannot exist."""
        plans = {name: self._plan(name, config) for name, config in configs.items()}
        bits = [*checks(self.numerics).values(), self.numerics["trainer_revision"], self.data.data_hash]
        end = [*bits, self.data.split.digest, *self.extra_identity]
        return [
            Task(
                name=name,
                seed=seed,
                title=f"{name}, seed {number} of {len(seeds)}",
                identity=canonical_json.sha256([config, seed, *end]),
                config=config,
                costs=costs,
                of_net=True,
            )
            for number, seed in enumerate(seeds, start=1)
            for name, (config, costs) in plans.items()
        ]

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

    def _seconds(self, tasks: Sequence[Task]) -> float:
        return sum(sum(task.costs) for task in tasks) / 1e6 / self.executor.workers


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

    def __init__(self, grid: Grid, *, purpose: str, ledgers: Sequence[Path]) -> None:
        """Open nothing yet. The observer is notified when the test set is evaluated, and which ledger logs it."""
        self._grid = grid
        self._purpose = purpose
        self._ledgers = ledgers
        self._scorer = Scorer(grid.numerics["precision"])

    @cached_property
    def images(self) -> Dataset:
        """The test images on the grid's device, normalised like all training images."""
        (device, _), options = setup(self._grid.numerics["device"]), self._grid.data.options
        trained_on = load_dataset(options, device).training_on("all")
        opened = open_test_set(options, purpose=self._purpose, ledgers=self._ledgers)
        self._grid.observer.on_notice(f"the test set is evaluated, and {self._ledgers[0]} logs it")
        return with_evaluation_images(trained_on, opened)

    def score(self, task: Task, state: bytes) -> Evaluation:
        """Return the figures of the net in a task's state, in the grid's precision; errors as in `images`."""
        return self._scorer.evaluate(export(state, from_json(task.config)), self.images, task.title)
