"""What an experiment says on stderr while it trains, and where it is stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import typer

from mnist_bench.api.arguments import WatchedRuns
from mnist_bench.cli import running
from mnist_bench.config.settings import TrainConfig
from mnist_bench.config.values import to_json
from mnist_bench.errors import Stopped
from mnist_bench.experiments.trainings import Observer, Task
from search.driver.attended import Screen, State
from search.trainer_api import Report
from support import experiments, handmade
from support.scripted import Clock

RUN = Task(
    name="net", seed=7, title="net, seed 1 of 2", identity="", config=to_json(TrainConfig()), costs=(1,), of_net=True
)
REPORT = handmade.report(1, [1, 2], last=True)
TESTED = replace(REPORT, metrics={**REPORT.metrics, "test_accuracy": 0.5})


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()


@pytest.mark.parametrize(
    ("run", "report", "words"),
    [
        (RUN, REPORT, "99.80% (2 errors), trained in 1.5 s"),
        (RUN, TESTED, "50.00% on the test images, trained in 1.5 s"),
        (RUN, replace(REPORT, end="out_of_memory"), "out of memory, trained in 1.5 s"),
        (replace(RUN, config=to_json(TrainConfig(train_on="all"))), REPORT, "trained in 1.5 s"),
        (
            replace(RUN, config={"rate": 0.1}, of_net=False),
            replace(REPORT, value=0.25, end="finished"),
            "0.25, trained",
        ),
    ],
)
def test_a_run_is_told_by_what_it_can_be_judged_by(
    run: Task, report: Report, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def experiment(observer: Observer) -> None:
        observer.on_start([run, replace(run, seed=8)], None)
        observer.on_run(run, [report])
        observer.on_progress([])

    running.result_of(experiment)
    assert said(capsys)[-1].startswith(f"1/2  net, seed 1 of 2: {words}")


class Seen(Screen):
    """A screen that keeps the last state."""

    def __init__(self) -> None:
        super().__init__()
        self.shown = 0

    def show(self, state: Callable[[], State]) -> None:
        super().show(state)
        self.shown += 1

    def now(self) -> State:
        assert self._state is not None
        return replace(self._state(), seconds=40.0)


def test_runs_of_several_parts_are_counted_together_and_their_costs_foresee_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock().set_in(monkeypatch, "search.driver.attended")
    seen = Seen()
    heard = experiments.Stopping(lambda runs: runs >= 1)
    watched = WatchedRuns(seen, lambda: False, heard)
    long = replace(RUN, seed=8, title="net, seed 2 of 2", costs=(1, 1), config=to_json(TrainConfig(epochs=2)))
    values = replace(RUN, seed=9, title="#3", costs=(1, 1), config={}, of_net=False)
    watched.on_start([RUN, long], 60.0)
    assert not watched.stopping()
    for _ in range(3):
        watched.on_progress([(long, [])])
    assert (seen.now().line, seen.now().left) == ("0 of 2 runs · 40 s gone, about 60 s left", 60.0)
    assert seen.shown == 1, "nothing has changed"
    clock.now += 10
    watched.on_run(RUN, [REPORT])
    watched.on_start([values], None)
    watched.on_progress([(long, [REPORT]), (values, [])])
    now = seen.now()
    assert (now.done, now.total, now.share, now.left) == (1, 3, 0.4, 15.0)
    assert now.line.startswith("1 of 3 runs · net, seed 1 of 2: 99.80% (2 errors), trained in 1.5 s · 40 s gone, about")
    assert [(row.name, row.values, row.words) for row in now.running] == [
        ("net, seed 2 of 2", (0.998,), "epoch 1/2    99.80% (2 errors)  1.5 s/epoch"),
        ("#3", (), "report 0/2 "),
    ]
    for run in (long, values, RUN):  # one more than was announced
        watched.on_run(run, [REPORT])
    for several, ended in ((watched, 4), (WatchedRuns(seen), 0)):
        several.on_progress([(RUN, [REPORT])])
        assert (seen.now().done, seen.now().total, seen.now().share) == (ended, ended, 1.0)
    watched.on_notice("a step")
    assert (heard.started, heard.ended, heard.news) == ([2, 1], [RUN, long, values, RUN], ["a step"])
    assert watched.stopping()


def test_an_experiment_is_heard_and_one_that_was_stopped_says_how_to_go_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["x", "bench", "notebook", "linear"])

    def experiment(observer: Observer) -> int:
        observer.on_start([RUN], 75.0)
        observer.on_notice("a step")
        return int(observer.stopping())

    def stopped(observer: Observer) -> None:
        raise Stopped

    assert running.result_of(experiment) == 0
    with pytest.raises(typer.Exit) as ended:
        running.result_of(stopped)
    assert ended.value.exit_code == 130
    assert said(capsys) == [
        "1 run to train, about 75 s",
        "a step",
        "Stopped. The same command continues where it stopped:",
        "  mnist-bench bench notebook linear",
    ]


def test_what_an_earlier_command_trained_of_a_run_does_not_hasten_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, seen = Clock().set_in(monkeypatch, "search.driver.attended"), Seen()
    watched, half_trained = WatchedRuns(seen), replace(RUN, costs=(1, 1, 1, 1))
    watched.on_start([half_trained], None)
    watched.on_progress([(half_trained, [REPORT] * 2)])
    assert (seen.now().share, seen.now().left) == (0.5, None)
    clock.now += 10
    watched.on_progress([(half_trained, [REPORT] * 3)])
    assert (seen.now().share, seen.now().left) == (0.75, 10.0)
