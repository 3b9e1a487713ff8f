"""Tasks are trained to their ends, several at once, resumed where they stopped, and never believed half."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from search import canonical_json
from search.driver.tasks import Task, TaskStore, Training
from search.errors import WorkerError
from search.executors.in_process import InProcessExecutor
from search.executors.local.pool import LocalExecutor
from search.executors.protocol import Done, Executor, Job, Outcome
from search.study.checkpoint_store import CheckpointStore
from search.trainer_api import Report, TrainerSpec
from support.scripted import Clock, Scripted, killed, raised

CONFIG = {"model.depth": 2, "model.width": 8}
PERIODS = 3


@dataclass
class Heard:
    """Remembers the periods that it was told of."""

    periods: list[int] = field(default_factory=list)

    def __call__(self, task: Task, period: int, report: Report, state: bytes) -> Report:
        self.periods.append(period)
        return report


def tasks(number: int, periods: int = PERIODS) -> list[Task]:
    return [
        Task(
            name=f"task {seed}", identity=canonical_json.sha256([CONFIG, seed]), config=CONFIG, seed=seed,
            costs=(1,) * periods,
        )
        for seed in range(1, number + 1)
    ]  # fmt: skip


def test_a_task_is_known_by_48_bits_of_its_identity() -> None:
    (task,) = tasks(1)
    assert f"{task.number:012x}" == task.identity[:12]


def test_a_task_ends_with_its_last_period_or_with_one_that_could_not_go_on() -> None:
    (task,) = tasks(1)
    done = Report(value=0.5, metrics={}, weights="a", seconds=1.0)
    ended = replace(done, value=None, end="diverged")
    ends = [task.is_ended_by(reports) for reports in ([], [done], [done, ended], [done] * PERIODS)]
    assert ends == [False, False, True, True]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Executor]]:
    """Return a function that starts an executor with so many workers, 0 for this process."""
    started: list[Executor] = []

    def build(behaviour: str = "", workers: int = 0) -> Executor:
        spec = TrainerSpec(
            factory="support.fake_trainer:Trainer", options={"behaviour": behaviour, "marks": str(tmp_path)}
        )
        executor: Executor = LocalExecutor(spec, workers, tmp_path / "log") if workers else InProcessExecutor(spec)
        executor.start()
        started.append(executor)
        return executor

    yield build
    for executor in started:
        executor.stop()


def curves(training: Training) -> dict[str, list[str]]:
    return {identity: [report.weights for report in reports] for identity, reports in training.reports.items()}


@pytest.fixture
def undisturbed(start: Callable[..., Executor], tmp_path: Path) -> dict[str, list[str]]:
    """Return the weights after each period of five tasks."""
    training = Training(tasks(5), start(), TaskStore(CheckpointStore(tmp_path / "calm"), keep_last=True))
    assert training.run(lambda: False)
    return curves(training)


def test_every_task_is_trained_to_its_end(undisturbed: dict[str, list[str]]) -> None:
    assert sorted(undisturbed) == sorted(task.identity for task in tasks(5))
    assert [len(weights) for weights in undisturbed.values()] == [PERIODS] * 5


@pytest.mark.slow
@pytest.mark.parametrize("behaviour", ["", "die_once_sometimes"])
def test_two_workers_that_may_die_bring_the_same(
    start: Callable[..., Executor], tmp_path: Path, undisturbed: dict[str, list[str]], behaviour: str
) -> None:
    store = TaskStore(CheckpointStore(tmp_path / "two"), keep_last=True)
    training = Training(tasks(5), start(behaviour, workers=2), store)
    assert training.run(lambda: False)
    assert curves(training) == undisturbed


def test_stopped_and_started_again_it_trains_each_period_once(
    start: Callable[..., Executor], tmp_path: Path, undisturbed: dict[str, list[str]]
) -> None:
    heard: list[tuple[int, int]] = []

    def listen(task: Task, period: int, report: Report, state: bytes) -> Report:
        heard.append((task.seed, period))
        return replace(report, metrics={**report.metrics, "heard": len(heard)})

    ended, last = False, None
    while not ended:
        already = len(heard)
        last = Training(tasks(5), start(), TaskStore(CheckpointStore(tmp_path / "stop"), keep_last=False), listen)
        ended = last.run(lambda so_far=already: len(heard) >= so_far + 2)  # type: ignore[misc]
    assert last is not None
    assert curves(last) == undisturbed
    assert sorted(heard) == [(seed, period) for seed in range(1, 6) for period in range(1, PERIODS + 1)]
    assert sorted(r.metrics["heard"] or 0 for rs in last.reports.values() for r in rs) == list(range(1, 16))


def test_after_a_stop_what_runs_is_trained_to_its_end_and_nothing_else_begins(tmp_path: Path, clock: Clock) -> None:
    executor = Scripted(clock, lambda job: None, workers=2, at_once=1)
    training = Training(tasks(3), executor, TaskStore(CheckpointStore(tmp_path), keep_last=False))
    assert not training.run(lambda: clock.now > 0)
    assert len(executor.started) == sum(map(len, training.reports.values())) == 2


def test_a_damaged_checkpoint_is_trained_again(
    start: Callable[..., Executor], tmp_path: Path, undisturbed: dict[str, list[str]]
) -> None:
    store = TaskStore(CheckpointStore(tmp_path / "torn"), keep_last=True)
    heard = Heard()
    stopped = Training(tasks(1), start(), store, heard)
    stopped.run(lambda: len(heard.periods) == 2)
    (torn,) = (tmp_path / "torn").glob("*-2.state")
    torn.write_bytes(torn.read_bytes()[:-1])
    training = Training(tasks(1), start(), store)
    assert training.run(lambda: False)
    identity = tasks(1)[0].identity
    assert curves(training)[identity] == undisturbed[identity]


@pytest.mark.parametrize(
    ("damaged", "again"),
    [
        ([6], range(1, 11)),
        ([2, 6], range(1, 11)),
        ([2], [1, 2, 7, 8, 9, 10]),  # the state after period 6 is whole: with report 2 back, it goes on from there
    ],
)
def test_interrupted_again_and_again_after_a_damage_it_still_goes_forward(
    start: Callable[..., Executor], tmp_path: Path, damaged: list[int], again: Sequence[int]
) -> None:
    (task,) = tasks(1, periods=10)
    calm = Training([task], start(), TaskStore(CheckpointStore(tmp_path / "calm"), keep_last=True))
    assert calm.run(lambda: False)
    heard = Heard()

    def train_until(count: int) -> Training:
        training = Training([task], start(), TaskStore(CheckpointStore(tmp_path / "torn"), keep_last=True), heard)
        training.run(lambda: len(heard.periods) >= count)
        return training

    train_until(6)
    for period in damaged:
        (tmp_path / "torn" / f"{task.number}-{period}.state").write_bytes(b"torn")
    for count in range(8, 17, 2):
        last = train_until(count)
    assert heard.periods == [*range(1, 7), *again]
    assert curves(last) == curves(calm)


@pytest.mark.parametrize(("keep_last", "kept"), [(True, [False, False, True]), (False, [False] * 3)])
def test_only_the_state_that_is_needed_is_kept(
    start: Callable[..., Executor], tmp_path: Path, keep_last: bool, kept: list[bool]
) -> None:
    states = CheckpointStore(tmp_path / "states")
    Training(tasks(1), start(), TaskStore(states, keep_last=keep_last)).run(lambda: False)
    found = [states.get(tasks(1)[0].number, period) for period in range(1, PERIODS + 1)]
    assert [pair is not None and bool(pair[1]) for pair in found] == kept


def test_the_end_of_each_task_is_told_once_with_all_its_reports(start: Callable[..., Executor], tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    store = TaskStore(CheckpointStore(tmp_path / "states"), keep_last=False)
    for _ in range(2):
        Training(tasks(3), start(), store, on_end=lambda task, reports: told.append((task.seed, len(reports)))).run(
            lambda: False
        )
    assert told == [(1, PERIODS), (2, PERIODS), (3, PERIODS)]


def test_a_task_that_diverges_has_ended(start: Callable[..., Executor], tmp_path: Path) -> None:
    store = TaskStore(CheckpointStore(tmp_path / "states"), keep_last=False)
    for _ in range(2):
        training = Training(tasks(4), start("diverge"), store)
        assert training.run(lambda: False)
        assert [len(reports) for reports in training.reports.values()] == [3, 3, 3, 1]


def test_a_task_that_raises_twice_is_named(start: Callable[..., Executor], tmp_path: Path) -> None:
    store = TaskStore(CheckpointStore(tmp_path / "states"), keep_last=False)
    training = Training(tasks(4), start("raise"), store)
    with pytest.raises(WorkerError) as caught:
        training.run(lambda: False)
    assert str(caught.value) == "task 4 makes the trainer fail: ZeroDivisionError: the fake trainer divides by zero"
    assert "fake_trainer.py" in "".join(caught.value.__notes__)  # for those who ask for the traceback


def test_what_came_back_together_with_the_last_straw_is_kept(tmp_path: Path, clock: Clock) -> None:
    bad, good = tasks(2)
    store = TaskStore(CheckpointStore(tmp_path / "states"), keep_last=False)
    executor = Scripted(clock, lambda job: raised(job) if job.trial == bad.number else None, workers=2)
    with pytest.raises(WorkerError, match="task 1 makes the trainer fail"):
        Training([bad, good], executor, store).run(lambda: False)
    assert len(store.load(good)[0]) == 2


def test_a_task_whose_workers_always_die_is_named(tmp_path: Path, clock: Clock) -> None:
    store = TaskStore(CheckpointStore(tmp_path / "states"), keep_last=False)
    executor = Scripted(clock, lambda job: killed(job) if job.period == 2 else None)
    with pytest.raises(WorkerError) as caught:
        Training(tasks(1), executor, store).run(lambda: False)
    assert str(caught.value) == "20 workers in a row died while they trained task 1, period 2: SIGKILL."


def test_a_task_that_lacks_memory_beside_others_is_tried_once_more_alone(tmp_path: Path, clock: Clock) -> None:
    lacking, other = tasks(2, periods=1)
    lack = Report(value=None, metrics={}, weights="", seconds=0.0, end="out_of_memory")

    def lacks(job: Job) -> Outcome | None:
        has_company = len([at for at, _ in executor.started if at == executor.started[-1][0]]) > 1
        return Done(job=job, report=lack, state=b"") if job.trial == lacking.number and has_company else None

    executor, store = Scripted(clock, lacks, workers=2), TaskStore(CheckpointStore(tmp_path), keep_last=False)
    store.save(lacking, [lack], b"")  # of an earlier run, which ended with it
    training = Training([lacking, other], executor, store)
    assert training.run(lambda: False)
    assert [job.trial for _, job in executor.started] == [lacking.number, other.number, lacking.number]
    assert {reports[-1].end for reports in training.reports.values()} == {None}


def test_a_lost_period_is_tried_again_later_with_twice_the_time_and_others_go_on(tmp_path: Path, clock: Clock) -> None:
    first, second = tasks(2, periods=2)

    def fails(job: Job) -> Outcome | None:
        return killed(job) if job.trial == first.number and job.stall_seconds < 240 else None

    executor = Scripted(clock, fails)
    assert Training([first, second], executor, TaskStore(CheckpointStore(tmp_path), keep_last=False)).run(lambda: False)
    tries = [(at, job.stall_seconds) for at, job in executor.started if job.trial == first.number and job.period == 1]
    assert tries == [(0, 60), (0.375, 120), (1.0, 240)]  # lost at 0.125 and 0.5, to wait for 0.2 s and 0.4 s
    others = [(at, job.period) for at, job in executor.started if job.trial == second.number]
    assert others == [(0.125, 1), (0.25, 2)]


def test_tasks_that_have_begun_come_first(start: Callable[..., Executor], tmp_path: Path) -> None:
    one, two, three = tasks(3)
    heard: list[tuple[int, int]] = []

    def train(listed: list[Task], stopping: Callable[[], bool]) -> bool:
        def listen(task: Task, period: int, report: Report, state: bytes) -> Report:
            heard.append((task.seed, period))
            return report

        return Training(listed, start(), TaskStore(CheckpointStore(tmp_path / "states"), keep_last=False), listen).run(
            stopping
        )

    assert not train([two], lambda: bool(heard))
    assert train([one, two, three], lambda: False)
    assert heard == [(2, 1), (2, 2), (2, 3), (1, 1), (1, 2), (1, 3), (3, 1), (3, 2), (3, 3)]
