"""The ladder's runs are what they are said to be: all images, derived seeds, the test images once, kept truly."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.data.mnist import DataOptions
from mnist_bench.data.tensors import load_dataset
from mnist_bench.errors import DataError, Stopped
from mnist_bench.experiments import cold_start
from mnist_bench.experiments.grid import Observer, TrainingRun
from mnist_bench.experiments.ladder import LadderOptions, seed_of, train_ladder
from mnist_bench.experiments.test_set_scores import Scores
from mnist_bench.numerics import device
from mnist_bench.space_files import space_sources
from mnist_bench.training.period import fit
from search.errors import UsageError
from search.trainer_api import Report
from support.handmade_data import write_data

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("in_this_process")]


SEEDS = [147961454, 4229421305, 1488245288]


class Heard(Observer):
    """An observer that remembers."""

    def __init__(self) -> None:
        self.runs: list[tuple[str, int]] = []
        self.news: list[str] = []
        self.started = 0

    def on_start(self, runs: int, seconds: float) -> None:
        self.started = runs

    def on_run(self, run: TrainingRun, reports: Sequence[Report]) -> None:
        self.runs.append((run.name, run.seed))

    def on_news(self, text: str) -> None:
        self.news.append(text.partition(":")[0])


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """Let timings take no time; the arguments of each are remembered."""
    commands: list[Sequence[str]] = []

    def seconds(arguments: Sequence[str], stopping: object) -> float:
        commands.append(arguments)
        return 10.0 + len(commands)

    monkeypatch.setattr(cold_start, "seconds", seconds)
    return commands


def options(tmp_path: Path, *targets: str, data: Path, seeds: int = 2) -> LadderOptions:
    return LadderOptions(
        targets=targets, seeds=seeds, workers=1, precision="fp32", data_dir=data, results=tmp_path / "results",
    )  # fmt: skip


def _stopped(arguments: Sequence[str], stopping: object) -> float:
    raise Stopped


def openings(tmp_path: Path) -> list[str]:
    return [
        json.loads(line)["purpose"] for line in (tmp_path / "results" / "test-openings.jsonl").read_text().splitlines()
    ]


def test_runs_are_fit_on_all_images_judged_at_their_ends_and_not_repeated(
    tmp_path: Path, timed: list[Sequence[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_data(tmp_path / "data", train=600, test=120)
    asked = options(tmp_path, "99.4", data=data)
    heard, score = Heard(), Scores.score
    judged: list[tuple[Any, ...]] = []

    def counted(*of: Any) -> Any:
        judged.append(of)
        return score(*of)

    monkeypatch.setattr(Scores, "score", counted)
    with monkeypatch.context() as patch:
        patch.setattr(cold_start, "seconds", _stopped)
        with pytest.raises(Stopped):
            train_ladder(asked, heard)
    assert heard.started == 2
    assert heard.runs == [("ladder/99.4", seed_of(0)), ("ladder/99.4", seed_of(1))]
    assert len(judged) == 2, "once a run, whatever its epochs"
    assert openings(tmp_path) == ["bench ladder: 99.4; 2 seeds"]

    again = Heard()
    found = train_ladder(asked, again)
    rung = found.rungs[0]
    assert (again.runs, again.news, len(judged), len(openings(tmp_path))) == ([], ["ladder/99.4"], 2, 1)
    assert (found.train_images, found.workers, found.machine.precision) == (600, 1, "fp32")
    arguments = cold_start.train_arguments("ladder/99.4", seed_of(0), device="cpu", precision="fp32", data_dir=data)
    assert (timed, rung.wall_seconds) == ([arguments], 11.0)

    config = space_sources.recipe(space_sources.load("ladder/99.4"))
    loaded = load_dataset(DataOptions(data_dir=str(data)), device.setup("cpu"))
    alone = [fit(config, seed_of(number), loaded, "fp32").reports[-1].weights for number in range(2)]
    assert [run.weights for run in rung.runs] == alone
    assert all(run.test_accuracy == pytest.approx(1 - run.test_errors / 120) for run in rung.runs)

    more = train_ladder(replace(asked, seeds=3), again)
    assert (more.rungs[0].runs[:2], more.rungs[0].wall_seconds, len(timed)) == (rung.runs, 11.0, 1)
    assert (again.runs, len(judged), len(openings(tmp_path))) == ([("ladder/99.4", seed_of(2))], 3, 2)


def test_times_are_told_with_what_they_were_measured_on(
    tmp_path: Path, timed: list[Sequence[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_data(tmp_path / "data", train=600, test=120)
    alone = options(tmp_path, "99.0", data=data, seeds=1)
    by_two = replace(alone, seeds=2, workers=2)
    found = [train_ladder(asked, Heard()) for asked in (alone, by_two, alone, replace(alone, seeds=2))]
    assert [one.workers for one in found] == [1, 2, 1, 2]
    assert len(timed) == 1
    monkeypatch.setattr("mnist_bench.numerics.machine.version", lambda package: "99.0")
    elsewhere = train_ladder(alone, Heard())
    assert (elsewhere.rungs[0].wall_seconds, elsewhere.workers, len(timed)) == (12.0, 1, 2)


def test_a_run_that_diverges_is_counted_and_meets_nothing(
    tmp_path: Path, timed: list[Sequence[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_data(tmp_path / "data", train=600, test=120)
    config = space_sources.recipe(space_sources.load("notebook/dropout"))
    wild = replace(config, epochs=3, optim=replace(config.optim, optimizer="sgd_nesterov", lr=10.0))
    monkeypatch.setattr(space_sources, "recipe", lambda space: wild)
    found = train_ladder(options(tmp_path, "99.0", data=data), Heard())
    assert (len(found.rungs[0].runs), found.rungs[0].unended, found.rungs[0].met) == (0, 2, False)
    assert not (tmp_path / "results" / "test-openings.jsonl").exists(), "there was nothing to judge"


def test_missing_test_files_are_noticed_before_anything_is_trained(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data", train=600, test=120)
    (data / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="t10k-labels"):
        train_ladder(options(tmp_path, "99.0", data=data), Heard())
    assert not (tmp_path / "results").exists()


def test_an_unknown_target_is_named_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"99\.5: no target of the ladder; did you mean `99\..`\? There are 99\.0, "):
        train_ladder(LadderOptions(targets=("99.0", "99.5"), results=tmp_path), Observer())


def test_seeds_are_fixed_and_their_own() -> None:
    assert [seed_of(number) for number in range(3)] == SEEDS, "runs that were kept would be others'"
    assert len({seed_of(number) for number in range(100)} | set(range(100))) == 200
