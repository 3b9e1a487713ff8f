"""What an experiment says on stderr while it trains, and where it is stopped."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import typer

from mnist_bench.cli import running
from mnist_bench.config.settings import TrainConfig
from mnist_bench.config.values import to_json
from mnist_bench.errors import Stopped
from mnist_bench.experiments.trainings import Observer, Task
from search.trainer_api import Report
from support import handmade

RUN = Task(
    name="net", seed=7, title="net, seed 1 of 2", identity="", config=to_json(TrainConfig()), costs=(1,), of_net=True
)
REPORT = handmade.report(1, [1, 2], last=True)
TESTED = replace(REPORT, metrics={**REPORT.metrics, "test_accuracy": 0.5})


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [re.sub(r"· \d\.\d s ·", "·", line) for line in captured.err.splitlines()]


@pytest.mark.parametrize(
    ("run", "report", "words"),
    [
        (RUN, REPORT, "99.80% (2 errors), trained in "),
        (RUN, TESTED, "50.00% on the test images, trained in "),
        (RUN, replace(REPORT, end="out_of_memory"), "out of memory, trained in "),
        (replace(RUN, config=to_json(TrainConfig(train_on="all"))), REPORT, "trained in "),
        (
            replace(RUN, config={"rate": 0.1}, of_net=False),
            replace(REPORT, value=0.25, end="finished"),
            "0.25, trained in ",
        ),
    ],
)
def test_a_run_is_told_by_what_it_can_be_judged_by(
    run: Task, report: Report, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def experiment(observer: Observer) -> None:
        observer.on_start(2, None)
        observer.on_run(run, [report])

    running.result_of(experiment)
    assert said(capsys)[-1].startswith(f"1 of about 2 runs · net, seed 1 of 2: {words}")


def test_an_experiment_is_heard_and_one_that_was_stopped_says_how_to_go_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["x", "bench", "notebook", "linear"])

    def experiment(observer: Observer) -> int:
        observer.on_start(3, 75.0)
        observer.on_news("a step")
        return int(observer.stopping())

    def stopped(observer: Observer) -> None:
        raise Stopped

    assert running.result_of(experiment) == 0
    with pytest.raises(typer.Exit) as ended:
        running.result_of(stopped)
    assert ended.value.exit_code == 130
    assert said(capsys) == [
        "0 of about 3 runs · about 75 s if none was trained before",
        "0 of about 3 runs · a step",
        "Stopped. The same command continues where it stopped:",
        "  mnist-bench bench notebook linear",
    ]
