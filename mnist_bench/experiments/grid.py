"""Worker processes on one data set, and a folder for what they train: for all that trains and does not search."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mnist_bench.config import TrainConfig, to_json
from mnist_bench.data import DataOptions, TrainingSet, close_test_set, load_training_set
from mnist_bench.nets import COEFFICIENTS, make_planner
from mnist_bench.studies import Data, compatibility
from mnist_bench.training import trainer_spec
from search import canonical_json, driver
from search.database import file_lock
from search.driver import TaskStore, Training, as_it_is, unheard
from search.event_log import StudyRecord
from search.executors import Executor
from search.executors.local import LocalExecutor
from search.files import make_folder
from search.study import CheckpointStore, WorkFolder
from search.trainer_api import Report

Task = driver.Task[TrainConfig]
OnPeriod = driver.OnPeriod[TrainConfig]
OnEnd = driver.OnEnd[TrainConfig]
Reports = Mapping[str, Sequence[Report]]
"""By a task's identity."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """Workers that have greeted, so that their numerics are known."""

    executor: Executor
    numerics: Mapping[str, Any]
    data: TrainingSet
    folder: Path

    def task(self, name: str, config: TrainConfig, seed: int, *, also: Sequence[str] = ()) -> Task:
        """Return the task of training `config` with `seed` here; `name` stands in messages.

        `also` names what its reports depend on besides, such as other images that they are made on.

        Raises:
            ArchitectureError: the net cannot exist.
        """
        planner = make_planner(
            to_json(config),
            limits={},
            coefficients=asdict(COEFFICIENTS[self.numerics["kind"]]),
            train_images=len(self.data.split.train),
            validation_images=len(self.data.split.validation),
        )
        plan = planner({})
        bits = [self.numerics["canary"], self.numerics["trainer_revision"], self.data.data_hash, self.data.split.digest]
        identity = canonical_json.sha256([to_json(plan.config), seed, *bits, *also])
        return Task(name=name, identity=identity, config=plan.config, codec=planner.codec, seed=seed, costs=plan.costs)

    def train(
        self,
        tasks: Sequence[Task],
        stopping: Callable[[], bool],
        *,
        on_period: OnPeriod = as_it_is,
        on_end: OnEnd = unheard,
        keep_last: bool = False,
    ) -> Reports | None:
        """Return the reports of every task, of which those trained here before are not trained again.

        `keep_last` keeps each task's last state for `last_state`. None where `stopping` said so before the end.

        Raises:
            WorkerError: see `search.driver.tasks.Training.run`.
        """
        training = Training(tasks, self.executor, self._store(keep_last=keep_last), on_period, on_end)
        return training.reports if training.run(stopping) else None

    def last_state(self, task: Task) -> bytes | None:
        """Return the state after a task's last period, where it was kept and is whole."""
        return self._store(keep_last=True).load(task)[1] or None

    def _store(self, *, keep_last: bool) -> TaskStore:
        return TaskStore(CheckpointStore(WorkFolder(self.folder).checkpoints), keep_last=keep_last)


@contextmanager
def open_grid(
    folder: Path,
    what: str,
    *,
    data: DataOptions,
    workers: int,
    device: str = "auto",
    precision: str = "auto",
    lanes: int | None = None,
) -> Iterator[Grid]:
    """Start workers and yield the grid; `what` stands in the message of whoever finds `folder` locked.

    `lanes` are the trainings that a worker takes at once: left out, what suits its device.

    Raises:
        UsageError: the folder cannot be made.
        StudyLockedError: another process is at work in the folder.
        DataError, DeviceError, WorkerError: see there.
    """
    with _opened(folder, what, load_training_set(data), workers, device, precision, lanes) as grid:
        yield grid


@contextmanager
def open_grid_of(
    study: StudyRecord, verb: str, folder: Path, what: str, *, workers: int, device: str, data_dir: Path | None
) -> Iterator[Grid]:
    """Start workers on the data of a study, in its precision, and yield the grid.

    The test set is closed from then on. `verb` says in messages what is to be done to the study, such as "confirm"; its
    data lie in `data_dir` or inside the package.

    Raises:
        FingerprintError: the workers compute otherwise than those of the search.
        UsageError: the data set at hand is not the study's, or the folder cannot be made.
        StudyLockedError, DataError, DeviceError, WorkerError: see `open_grid`.
    """
    close_test_set()
    numerics, recorded = study.spec["numerics"], Data(**study.spec["context"]["data"])
    loaded = compatibility.training_set(recorded, data_dir, f"Study {study.name}")
    like_then = compatibility.device_like(numerics, device), str(numerics["precision"])
    with _opened(folder, what, loaded, workers, *like_then) as grid:
        compatibility.check_numerics(study, grid.numerics, verb)
        yield grid


@contextmanager
def _opened(
    folder: Path, what: str, loaded: TrainingSet, workers: int, device: str, precision: str, lanes: int | None = None
) -> Iterator[Grid]:
    make_folder(folder)
    with file_lock.driver_lock(WorkFolder(folder).lock, what):
        trainer = trainer_spec(loaded, device=device, precision=precision)
        executor = LocalExecutor(trainer, workers, WorkFolder(folder).workers_log, lanes)
        try:
            yield Grid(executor=executor, numerics=executor.start(), data=loaded, folder=folder)
        finally:
            executor.stop()
