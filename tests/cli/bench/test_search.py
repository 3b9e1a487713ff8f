"""`mnist-bench bench search` over contests made by hand."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from mnist_bench.experiments.contest.run import Options
from mnist_bench.experiments.contest.trace import Contest
from mnist_bench.experiments.grid import Observer
from support.handmade_contest import RANDOM, TWICE, clear, close, contest, trace

Cli = Callable[..., Result]
SEARCH = ("bench", "search")


class FakeTournament:
    """Stands in for `contest.run`: remembers what was asked, and returns a contest."""

    def __init__(self) -> None:
        self.contest: Contest | None = close()
        self.asked: list[Options] = []

    def __call__(self, asked: Options, observer: Observer, stopping: Callable[[], bool]) -> Contest | None:
        self.asked.append(asked)
        observer.on_news("2 searches")
        return self.contest


@pytest.fixture
def tournament(monkeypatch: pytest.MonkeyPatch) -> FakeTournament:
    made = FakeTournament()
    monkeypatch.setattr("mnist_bench.experiments.contest.run.run", made)
    return made


@pytest.mark.slow
def test_options_reach_the_contest(cli: Cli, tournament: FakeTournament) -> None:
    result = cli(
        *SEARCH, "conv", "--samplers", "gp, qmc,gp", "--pruners", "none", "--seeds", "3", "--trials", "7",
        "--workers", "4", "--device", "cpu", "--results", "out",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    cli(*SEARCH, "--workers", "1")
    assert tournament.asked == [
        Options(
            space="conv", samplers=("gp", "qmc"), pruners=("none",), seeds=3, trials=7, workers=4, device="cpu",
            results=Path("out"),
        ),
        Options(
            space="mini", samplers=("tpe", "random"), pruners=("asha", "none"), seeds=5, trials=30, workers=1,
            device="auto", results=Path("results"),
        ),
    ]  # fmt: skip


def test_as_a_table(cli: Cli, tournament: FakeTournament) -> None:
    result = cli(*SEARCH)
    lines = result.stdout.splitlines()
    assert lines[:2] == [
        "mini: best accuracy on 1,000 validation images for what 10 whole trainings cost (about 15 s of one worker), "
        "3 seeds.",
        "2 cores of Abacus [bold]9[/bold], bf16, Python 3.11.7, torch 2.13.0",
    ]
    assert lines[3].endswith("rank at the end  rank on the way  tpe + asha ahead by      p")
    assert lines[4].split() == ["tpe", "+", "asha", "3.0", "2.0", "98.20", "%", "±", "0.26", "2.0", "2.0"]
    assert lines[5].split()[:7] == ["random", "3.0", "2.0", "98.13", "%", "±", "0.25"]
    assert lines[6].split()[:3] == ["random", "×2", "4.0"]
    assert lines[8].startswith("tpe + asha against random: no difference shown (+0.07 points [")
    assert lines[8].endswith("; would need about 53 seeds.")
    assert "by Holm's method for 2 comparisons" in lines[11]
    assert lines[13].startswith("All else is equal: ")
    assert [line.split(" s  ")[-1] for line in result.stderr.splitlines()] == [
        "2 searches",
        "results/_bench/search/mini-0/contest.png",
        "results/_bench/search/mini-0/contest.svg",
    ]


def test_a_search_that_found_nothing_has_dashes(cli: Cli, tournament: FakeTournament) -> None:
    fine = [trace((2, 0.9)), trace((3, 0.91))]
    tournament.contest = contest({RANDOM: fine, TWICE: [trace((30, 0.9)), trace((40, 0.9))]})
    result = cli(*SEARCH)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    (row,) = [line.split() for line in lines if line.startswith("random ×2 ")]
    assert row[4] == "–"
    assert (
        "random ×2, seed 0: no trial is complete within the budget of 10 trainings; --trials makes it larger." in lines
    )
    first, second = json.loads(cli(*SEARCH, "--json").stdout)["contestants"]
    assert (first["bests"], second["bests"], second["best"], second["p_value"]) == (
        [0.9, 0.91],
        [None, None],
        None,
        None,
    )


def test_two_forms_are_refused_before_anything_is_trained(cli: Cli, tournament: FakeTournament) -> None:
    result = cli(*SEARCH, "--json", "--csv")
    assert (result.exit_code, result.stderr, tournament.asked) == (2, "Error: Give one of --json and --csv.\n", [])


def test_a_difference_that_is_shown(cli: Cli, tournament: FakeTournament) -> None:
    tournament.contest = clear()
    lines = cli(*SEARCH).stdout.splitlines()
    assert lines[8].startswith("tpe + asha finds 1.00 points more than random at the same budget [0.87, 1.13], p < 0.0")
    assert lines[9].startswith("tpe + asha finds 0.10 points less than random at double the budget [")


@pytest.mark.slow
def test_as_data(cli: Cli, tournament: FakeTournament) -> None:
    values = json.loads(cli(*SEARCH, "--json").stdout)
    assert (values["space"], values["budget"], values["seeds"]) == ("mini", 10, [0, 1, 2])
    assert values["machine"]["versions"] == {"torch": "2.13.0"}
    assert values["finding"] == "No difference shown between tpe + asha and any other in 3 seeds"
    first, random, twice = values["contestants"]
    assert (first["contestant"], first["verdict"], first["p_value"]) == ("tpe + asha", None, None)
    assert first["curves"][0] == [[2, 0.9], [5, 0.98]]
    assert (random["seeds_needed"], twice["budgets"], values["ended_early"]) == (53, 2, [])
    rows = list(csv.DictReader(cli(*SEARCH, "--csv").stdout.splitlines()))
    assert [row["contestant"] for row in rows] == ["tpe + asha", "random", "random ×2"]
    assert float(rows[0]["best"]) == pytest.approx(0.982)
    assert (rows[0]["p_value"], rows[1]["seeds_needed"], rows[2]["budget"]) == ("", "53", "10")
    assert "| random ×2 | 4.0 | 2.0 | 98.20 % ± 0.10 |" in cli(*SEARCH, "--markdown").stdout


def test_a_search_that_ended_before_its_budget_is_told_of(cli: Cli, tournament: FakeTournament) -> None:
    early = [trace((2, 0.9)), trace((3, 0.9), (20, 0.9))]
    tournament.contest = contest({RANDOM: early, TWICE: early})
    result = cli(*SEARCH, "--json")
    warning = "random, seed 0: the search ended after 2 of 10 trainings, at 1 trials; "
    assert warning in result.stderr
    assert json.loads(result.stdout)["ended_early"][0].startswith(warning)


def test_the_picture_goes_where_it_is_wanted(cli: Cli, tournament: FakeTournament) -> None:
    assert cli(*SEARCH, "--output", "pictures/of").exit_code == 0
    assert Path("pictures/of/contest.png").read_bytes().startswith(b"\x89PNG")
    Path("file").write_text("")
    result = cli(*SEARCH, "--output", "file")
    assert (result.exit_code, len(tournament.asked)) == (2, 1)
    assert result.stderr.startswith("Error: file: cannot be made a folder")


def test_a_contest_that_was_stopped(cli: Cli, tournament: FakeTournament) -> None:
    tournament.contest = None
    result = cli(*SEARCH)
    assert (result.exit_code, result.stdout) == (130, "")
    assert "Stopped. The same command goes on where it stopped:\n" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--samplers", "tpe,radnom"], "--samplers radnom: no such name; did you mean `random`?"),
        (["--pruners", "asha,"], "--pruners : no such name. There are asha, hyperband, median, none."),
        (
            ["conv", "--samplers", "qmc", "--pruners", "none"],
            "qmc on conv: sampler: qmc needs all ranges in every trial",
        ),
        (["mimi"], "mimi: no such file or shipped space; did you mean `mini`?"),
        (["--seeds", "1"], "--seeds"),
        (["--trials", "0"], "--trials"),
    ],
)
def test_what_is_refused(cli: Cli, arguments: list[str], words: str) -> None:
    result = cli(*SEARCH, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
