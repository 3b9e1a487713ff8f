"""`mnist-bench bench search` over contests made by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from mnist_bench.errors import Stopped
from mnist_bench.experiments.contest import Contest, ContestOptions
from mnist_bench.experiments.trainings import Observer
from support.experiments import close
from support.tables import table

Cli = Callable[..., Result]
SEARCH = ("bench", "search")


class FakeTournament:
    """Stands in for `compare_methods`: remembers what was asked, and returns contests."""

    def __init__(self) -> None:
        self.contests: list[Contest] = [close()]
        self.stopped = False
        self.asked: list[ContestOptions] = []

    def __call__(self, asked: ContestOptions, observer: Observer) -> list[Contest]:
        self.asked.append(asked)
        observer.on_news("2 searches")
        if self.stopped:
            raise Stopped
        return self.contests


@pytest.fixture
def tournament(monkeypatch: pytest.MonkeyPatch) -> FakeTournament:
    made = FakeTournament()
    monkeypatch.setattr("mnist_bench.experiments.contest.compare_methods", made)
    return made


@pytest.mark.slow
def test_options_reach_the_contest(cli: Cli, tournament: FakeTournament) -> None:
    looked_up = cli(
        *SEARCH, "--table", "conv-5k,grid-5k", "--samplers", "tpe,my_lib:Mine",
        "--sampler-option", "times=3", "--sampler-option", "kind=wide",
        "--first-seed", "9", "--pruners", "asha,my_lib:Stop", "--pruner-option", "share=0.5",
        "--seeds", "3", "--trials", "7,14", "--concurrent-trials", "6",
    )  # fmt: skip
    assert looked_up.exit_code == 0, looked_up.output
    (asked,) = tournament.asked
    assert asked == ContestOptions(
        tables=("conv-5k", "grid-5k"), samplers=("tpe", "my_lib:Mine"), sampler_options={"times": 3, "kind": "wide"},
        pruners=("asha", "my_lib:Stop"), pruner_options={"share": 0.5},
        processes=asked.processes, first_seed=9, seeds=3, trials=(7, 14), concurrent_trials=6,
    )  # fmt: skip


def test_a_table_for_each_contest(cli: Cli, tournament: FakeTournament) -> None:
    result = cli(*SEARCH)
    lines = result.stdout.splitlines()
    assert lines[0] == "No difference between tpe + asha and another method is shown at 10 trials."
    assert lines[1] == "table handmade: 3 seeds, 8 concurrent trials."
    assert [line.split(" s  ")[-1] for line in result.stderr.splitlines()] == ["2 searches"]
    assert not Path("results").exists()
    tournament.contests = [close(), close(table="other")]
    assert cli(*SEARCH).stdout.count(": 3 seeds, 8 concurrent trials.") == 2


@pytest.mark.slow
def test_searches_over_a_table_come_to_a_verdict(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_bench.tables.recorded_benchmark.load", lambda name: table())
    result = cli(*SEARCH, "--seeds", "4", "--trials", "5", "--samplers", "random,tpe", "--pruners", "none")
    assert result.exit_code == 0, result.output
    assert "table handmade: 4 seeds" in result.stdout
    for name in ("random", "tpe"):
        assert any(line.startswith(name) for line in result.stdout.splitlines()), name


def test_a_contest_that_was_stopped(cli: Cli, tournament: FakeTournament) -> None:
    tournament.stopped = True
    result = cli(*SEARCH)
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr.endswith("Stopped. The next run starts from the beginning.\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--samplers", "tpe,radnom"], "no sampler 'radnom'"),
        (["--pruners", "asha,nune"], "no pruner 'nune'"),
        (["--samplers", "optuna:Nothing"], "No sampler optuna:Nothing; Optuna"),
        (["--samplers", "nowhere:Mine"], "nowhere"),
        (["--trials", "1,two"], "--trials 1,two: write a number, or several with commas between: 10,25,50."),
        (["--seeds", "1"], "1 is not a whole number from 2 to 10000"),
        (["--sampler-option", "foo=1"], "--sampler-option needs your own sampler in --samplers, file.py:Name"),
        (["--trials", "0"], "--trials 0: write a number"),
        (["--table", "grid-6k"], "There is no table grid-6k"),
        (["--markdown", "--csv"], "Give one of --csv and --markdown."),
    ],
)
def test_what_is_refused(cli: Cli, arguments: list[str], words: str) -> None:
    result = cli(*SEARCH, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in " ".join(result.stderr.split())
