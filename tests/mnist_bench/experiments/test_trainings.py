"""Tasks are trained to their ends, several at once, resumed where they stopped, and never believed half."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.config.settings import ModelConfig, TrainConfig
from mnist_bench.data.choice import DataOptions
from mnist_bench.data.mnist import load_training_set
from mnist_bench.errors import ArchitectureError, Stopped
from mnist_bench.experiments.trainings import (
    Grid,
    Observer,
    Task,
    TaskStore,
    Workers,
    Workplace,
    open_grid,
    open_grid_of,
)
from mnist_bench.numerics import device
from search import canonical_json
from search.errors import FingerprintError, StudyLockedError, WorkerError
from search.executors.in_process import InProcessExecutor
from search.executors.local import LocalExecutor
from search.executors.protocol import Done, Executor, Job, Outcome
from search.study.folder import WorkFolder
from search.trainer_api import Report, TrainerSpec
from support import experiments, handmade
from support.scripted import Clock, Scripted, killed, raised

CONFIG = {"model.depth": 2, "model.width": 8}
PERIODS = 3
Weights = list[list[str]]
"""After each period of each task."""


def tasks(number: int, periods: int = PERIODS) -> list[Task]:
    return [
        Task(
            name="", title=f"task {seed}", identity=canonical_json.sha256([CONFIG, seed]), config=CONFIG, seed=seed,
            costs=(1,) * periods,
        )
        for seed in range(1, number + 1)
    ]  # fmt: skip


def trainer(folder: Path, behaviour: str = "") -> TrainerSpec:
    options = {"behaviour": behaviour, "marks": str(folder)}
    return TrainerSpec(factory="support.fake_trainer:Trainer", options=options)


@dataclass
class Work:
    """Tasks that are trained in a folder, again and again, and what was told of them."""

    folder: Path
    keep_last: bool = False
    heard: list[tuple[int, int]] = field(default_factory=list)
    """Seed and period of each that was trained."""
    ended: list[tuple[int, int]] = field(default_factory=list)
    """Seed and number of reports of each task that ended."""
    reports: list[Sequence[Report]] = field(default_factory=list)
    """Of each task that was trained last."""

    @property
    def store(self) -> TaskStore:
        return TaskStore(WorkFolder(self.folder).checkpoints)

    @property
    def weights(self) -> Weights:
        return [[report.weights for report in reports] for reports in self.reports]

    def train(self, listed: list[Task], executor: Executor | None = None, most: float = math.inf) -> bool:
        """Train in this process, or by another executor, until all have ended or so many periods were trained."""
        enough = len(self.heard) + most
        executor = executor or InProcessExecutor(trainer(self.folder))
        observer = experiments.Stopping(lambda runs: len(self.heard) >= enough)
        workers = Workers(executor=executor, numerics=executor.start(), folder=self.folder, observer=observer)
        try:
            curves = workers.train(listed, on_period=self._on_period, keep_last=self.keep_last)
        except Stopped:
            return False
        else:
            assert [*curves] == [task.key for task in listed]
            return True
        finally:
            executor.stop()
            self.reports = [self.store.load(task)[0] for task in listed]
            self.ended += [(task.seed, len(self.store.load(task)[0])) for task in observer.ended]

    def _on_period(self, task: Task, period: int, report: Report, state: bytes) -> Report:
        self.heard.append((task.seed, period))
        return replace(report, metrics={**report.metrics, "heard": len(self.heard)})


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(tmp_path)


def undisturbed(folder: Path, listed: list[Task]) -> Weights:
    """Return what tasks come to that are trained at once."""
    calm = Work(folder / "calm")
    assert calm.train(listed)
    return calm.weights


@pytest.mark.slow
@pytest.mark.parametrize("behaviour", ["", "die_once_sometimes"])
def test_two_workers_that_may_die_bring_the_same(work: Work, behaviour: str) -> None:
    assert work.train(tasks(5), LocalExecutor(trainer(work.folder, behaviour), 2, work.folder / "log"))
    assert work.weights == undisturbed(work.folder, tasks(5))


def test_stopped_and_started_again_it_trains_each_period_once(work: Work) -> None:
    while not work.train(tasks(5), most=2):
        pass
    assert work.weights == undisturbed(work.folder, tasks(5))
    assert sorted(work.heard) == [(seed, period) for seed in range(1, 6) for period in range(1, PERIODS + 1)]
    kept = [report.metrics["heard"] or 0 for reports in work.reports for report in reports]
    assert sorted(kept) == list(range(1, 16))


def test_after_a_stop_what_runs_is_trained_to_its_end_and_nothing_else_begins(work: Work, clock: Clock) -> None:
    executor = Scripted(clock, workers=2, at_once=1)
    assert not work.train(tasks(3), executor, most=1)
    assert len(executor.started) == sum(map(len, work.reports)) == 2


@pytest.mark.parametrize(
    ("damaged", "again"),
    [
        ([6], range(1, 11)),
        ([2, 6], range(1, 11)),
        ([2], [1, 2, 7, 8, 9, 10]),  # the state after period 6 is whole: with report 2 back, it goes on from there
    ],
)
def test_interrupted_again_and_again_after_a_damage_it_still_goes_forward(
    work: Work, damaged: list[int], again: Sequence[int]
) -> None:
    (task,) = tasks(1, periods=10)
    work.keep_last = True
    work.train([task], most=6)
    for period in damaged:
        (WorkFolder(work.folder).checkpoints / f"{task.number}-{period}.state").write_bytes(b"torn")
    while not work.train([task], most=2):
        pass
    assert [period for _, period in work.heard] == [*range(1, 7), *again]
    assert work.weights == undisturbed(work.folder, [task])


@pytest.mark.parametrize(("keep_last", "kept"), [(True, [False, False, True]), (False, [False] * 3)])
def test_only_the_state_that_is_needed_is_kept(work: Work, keep_last: bool, kept: list[bool]) -> None:
    (task,) = tasks(1)
    work.keep_last = keep_last
    work.train([task])
    found = [work.store.get(task.number, period) for period in range(1, PERIODS + 1)]
    assert [pair is not None and bool(pair[1]) for pair in found] == kept


def test_the_end_of_each_task_is_told_once_with_all_its_reports_and_one_that_diverges_has_ended(work: Work) -> None:
    for _ in range(2):
        assert work.train(tasks(4), InProcessExecutor(trainer(work.folder, "diverge")))
        assert [len(reports) for reports in work.reports] == [3, 3, 3, 1]
    assert sorted(work.ended) == [(1, PERIODS), (2, PERIODS), (3, PERIODS), (4, 1)]


def test_a_task_that_raises_twice_is_named(work: Work) -> None:
    with pytest.raises(WorkerError) as caught:
        work.train(tasks(4), InProcessExecutor(trainer(work.folder, "raise")))
    assert str(caught.value) == "task 4 makes the trainer fail: ZeroDivisionError: the fake trainer divides by zero"
    assert "fake_trainer.py" in "".join(caught.value.__notes__)  # for those who ask for the traceback


def test_what_came_back_together_with_the_last_straw_is_kept(work: Work, clock: Clock) -> None:
    bad, good = tasks(2)
    executor = Scripted(clock, lambda job: raised(job) if job.trial == bad.number else None, workers=2)
    with pytest.raises(WorkerError, match="task 1 makes the trainer fail"):
        work.train([bad, good], executor)
    assert len(work.store.load(good)[0]) == 2


def test_a_task_whose_workers_always_die_is_named(work: Work, clock: Clock) -> None:
    executor = Scripted(clock, lambda job: killed(job) if job.period == 2 else None)
    with pytest.raises(WorkerError, match=r"^20 workers in a row died while they trained task 1, period 2: SIGKILL\.$"):
        work.train(tasks(1), executor)


def test_a_task_that_lacks_memory_beside_others_is_tried_once_more_alone(work: Work, clock: Clock) -> None:
    lacking, other = tasks(2, periods=1)
    lack = Report(value=None, metrics={}, weights="", end="out_of_memory")

    def lacks(job: Job) -> Outcome | None:
        has_company = len([at for at, _ in executor.started if at == executor.started[-1][0]]) > 1
        return Done(job=job, report=lack, state=b"") if job.trial == lacking.number and has_company else None

    executor = Scripted(clock, lacks, workers=2)
    work.store.save(lacking, [lack], b"")  # of an earlier run, which ended with it
    assert work.train([lacking, other], executor)
    assert [job.trial for _, job in executor.started] == [lacking.number, other.number, lacking.number]
    assert {reports[-1].end for reports in work.reports} == {None}


def test_a_lost_period_is_tried_again_later_with_twice_the_time_and_others_go_on(work: Work, clock: Clock) -> None:
    first, second = tasks(2, periods=2)

    def fails(job: Job) -> Outcome | None:
        return killed(job) if job.trial == first.number and job.stall_seconds < 240 else None

    executor = Scripted(clock, fails)
    assert work.train([first, second], executor)
    tries = [(at, job.stall_seconds) for at, job in executor.started if job.trial == first.number and job.period == 1]
    assert tries == [(0, 60), (0.375, 120), (1.0, 240)]  # lost at 0.125 and 0.5, to wait for 0.2 s and 0.4 s
    others = [(at, job.period) for at, job in executor.started if job.trial == second.number]
    assert others == [(0.125, 1), (0.25, 2)]


def test_tasks_that_have_begun_come_first(work: Work) -> None:
    one, two, three = tasks(3)
    assert not work.train([two], most=1)
    assert work.train([one, two, three])
    assert work.heard == [(2, 1), (2, 2), (2, 3), (1, 1), (1, 2), (1, 3), (3, 1), (3, 2), (3, 3)]


NUMERICS = {"check": "77c0", "trainer_revision": 2, "kind": "cpu-fp32"}


@pytest.fixture
def grid(tmp_path: Path) -> Grid:
    """Return a grid whose trainer takes no time."""
    executor = InProcessExecutor(TrainerSpec(factory="support.fake_trainer:Trainer"))
    data = load_training_set(DataOptions(subset=1200))
    return Grid(executor=executor, numerics=NUMERICS, data=data, folder=tmp_path, observer=Observer())


def a_task(grid: Grid, config: TrainConfig | None = None, name: str = "a", seed: int = 1, **changed: Any) -> Task:
    (task,) = replace(grid, **changed).tasks({name: config or TrainConfig()}, [seed])
    return task


@pytest.mark.parametrize(
    "change",
    [
        {"numerics": {**NUMERICS, "check": "1d93"}},
        {"numerics": {**NUMERICS, "wide_check": "5f1c"}},
        {"numerics": {**NUMERICS, "trainer_revision": 3}},
        {"data": load_training_set(DataOptions(subset=1300))},
        {"extra_identity": ("other test images",)},
        {"seed": 2},
        {"config": TrainConfig(epochs=7)},
    ],
)
def test_all_that_the_bits_depend_on_makes_another_task(grid: Grid, change: dict[str, Any]) -> None:
    identity = a_task(grid).identity
    assert a_task(grid, name="b").identity == identity, "whatever it is called"
    assert a_task(grid, **change).identity != identity


def test_a_net_that_cannot_exist_is_refused_before_anything_trains(grid: Grid) -> None:
    with pytest.raises(ArchitectureError, match=r"^deep: model\.filters has 2 entries for 3 blocks\.$"):
        a_task(grid, TrainConfig(model=ModelConfig(blocks=3, filters=(16, 32))), "deep")


def test_every_configuration_meets_every_seed_the_longest_first_and_once(grid: Grid) -> None:
    configs = {"short": TrainConfig(epochs=1), "long": TrainConfig(epochs=2)}
    asked, other = grid.tasks(configs, [3, 4]), grid.tasks(configs, [5])
    heard, again = experiments.Stopping(), experiments.Stopping()
    stopped = replace(grid, observer=experiments.Stopping(lambda runs: True))
    grid.executor.start()
    curves = replace(grid, observer=heard).train(asked)
    titles = [f"{name}, seed {number} of 2" for name in ("long", "short") for number in (1, 2)]
    assert [run.title for run in heard.ended] == titles
    lengths = {("short", 3): 1, ("long", 3): 2, ("short", 4): 1, ("long", 4): 2}
    assert {key: len(reports) for key, reports in curves.items()} == lengths
    assert (replace(grid, observer=again).train(asked), again.runs) == (curves, 0)
    assert grid.train(asked, deadline=0.0) == curves, "nothing is left to train"
    with pytest.raises(Stopped):
        grid.train(other, deadline=0.0)
    with pytest.raises(Stopped):
        stopped.train(other)


def test_the_time_that_is_announced_is_that_of_the_periods_that_are_left(grid: Grid) -> None:
    (task,) = asked = grid.tasks({"long": TrainConfig(epochs=2)}, [3])
    trained: list[int] = []

    def on_period(task: Task, period: int, report: Report, state: bytes) -> Report:
        trained.append(period)
        return report

    observer = experiments.Stopping(lambda runs: trained == [1])
    grid.executor.start()
    grid = replace(grid, observer=observer)
    grid.announce(asked)
    with pytest.raises(Stopped):
        grid.train(asked, on_period=on_period)
    grid.announce(asked)
    assert observer.seconds == [sum(task.costs) / 1e6, task.costs[1] / 1e6]


@pytest.mark.slow
@pytest.mark.usefixtures("in_this_process")
def test_a_folder_has_one_workshop_at_a_time(tmp_path: Path) -> None:
    data = load_training_set(DataOptions(subset=1200))
    asked = tmp_path, "The work", Workplace(observer=Observer()), data, "auto"
    with (
        open_grid(*asked),
        pytest.raises(StudyLockedError, match=r"^The work is in use by process \d+"),
        open_grid(*asked),
    ):
        pass


@pytest.mark.slow
@pytest.mark.usefixtures("in_this_process")
def test_a_studys_workshop_computes_in_its_precision_and_is_refused_where_the_bits_differ(tmp_path: Path) -> None:
    data = load_training_set(DataOptions(subset=1200))
    context = {"data": {"subset": 1200, "data_hash": data.data_hash, "split_hash": data.split.digest}}
    study = handmade.changed(handmade.mixed(), numerics={"precision": "fp32", "device": "cpu"}, context=context)
    here = device.describe(*device.setup("cpu", "fp32"))["check"]
    with (
        pytest.raises(
            FingerprintError, match=rf"numerics check 77c0…, here {here[:4]}…\); ablate it on a machine like that one"
        ),
        open_grid_of(study, "ablate", tmp_path, Workplace(observer=Observer())),
    ):
        pass
