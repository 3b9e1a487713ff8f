"""`mnist-bench table`: what its commands print of a table, and how they end."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import Result

from mnist_bench import tables
from mnist_bench.experiments import verify_table
from mnist_bench.numerics.kinds import PORTABLE_VARIABLES
from mnist_bench.tables import RecordedBenchmark, pack, shipped
from support import handmade_table
from support.paths import TESTS

Cli = Callable[..., Result]


def write(table: RecordedBenchmark, path: Path) -> str:
    content = pack(table.about, table.arrays)
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def file(tmp_path: Path) -> str:
    """Return the file of the handmade table."""
    write(handmade_table.table(), tmp_path / "mine.npz")
    return str(tmp_path / "mine.npz")


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ship two tables: the handmade one and one of the same points that is noisier."""
    made = [handmade_table.table(), handmade_table.table(name="noisy", noise=0.01, seeds=1)]
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    hashes = {table.name: write(table, shipped.path_of(table.name)) for table in made}
    for module in (shipped, tables):
        monkeypatch.setattr(module, "SHA256", hashes)


@pytest.mark.usefixtures("two")
def test_the_list_has_a_row_a_table(cli: Cli) -> None:
    lines = cli("table", "list").stdout.splitlines()
    assert lines[0].split()[:4] == ["name", "task", "space", "points"]
    assert lines[1].split()[:6] == ["handmade", "mnist-5k", "handmade", "90", "270", "3"]
    assert lines[2].split()[:6] == ["noisy", "mnist-5k", "handmade", "90", "90", "1"]
    (first, _) = json.loads(cli("table", "list", "--json").stdout)["tables"]
    assert (first["name"], first["rows"], first["seeds"], first["epochs"]) == ("handmade", 270, [0, 1, 2], [1, 2, 4])
    assert len(list(csv.DictReader(io.StringIO(cli("table", "list", "--csv").stdout)))) == 2


def test_where_none_is_shipped_the_list_says_what_else_there_is(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "SHA256", {})
    result = cli("table", "list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "has no bundled table" in result.stderr
    assert json.loads(cli("table", "list", "--json").stdout)["tables"] == []


def test_show_says_what_a_table_holds_and_where_it_comes_from(cli: Cli, file: str) -> None:
    out = cli("table", "show", file).stdout
    assert "Table handmade: space handmade (5 ranges) on task mnist-5k (5,000 images to train on, 10,000 whose" in out
    assert "90 configurations, 270 runs; a training reports after 1, 2, 4 epochs." in out
    assert [line.split()[:3] for line in out.splitlines() if line.endswith("–")] == [
        [seed, "90", "9"] for seed in "012"
    ]
    assert "Trainer revision 2, torch 2.13.0; data dddddddd, split eeeeeeee. Made: by hand." in out
    assert "Seconds are modeled: 1.00 times the estimated cost, a training off by 0%." in out
    document = json.loads(cli("table", "show", file, "--json").stdout)
    assert document["images"] == {"train": 5000, "validation": 10_000, "unseen": 20_000}
    assert document["trained"][0]["canary"] == handmade_table.CANARY


def test_show_of_a_point_has_its_parameters_costs_and_curves(cli: Cli, file: str) -> None:
    table = handmade_table.table()
    document = json.loads(cli("table", "show", f"{file}/5", "--json").stdout)
    assert document["params"] == table.points[5]
    assert [row["errors"] for row in document["curve"] if row["seed"] == 1] == list(table.curve(5, 1).errors)
    assert document["unseen_errors"]["2"] == table.row(5, 2).unseen_errors
    out = cli("table", "show", f"{file}/5").stdout
    assert "Configuration 5 of table handmade: 10,000 parameters, 100,000 MACs per image." in out
    assert sum(line.strip().startswith(("0 ", "1 ", "2 ")) for line in out.splitlines()) == 9
    rows = list(csv.DictReader(io.StringIO(cli("table", "show", f"{file}/5", "--csv").stdout)))
    assert len(rows) == 9
    assert rows[0]["weights"] == table.row(5, 0).periods[0].weights


def test_a_point_that_diverged_says_so(cli: Cli, file: str) -> None:
    table = handmade_table.table()
    point = next(point for point in range(90) if table.row(point, 0).diverged)
    assert "diverged" in cli("table", "show", f"{file}/{point}").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", "nothing"), "There is no table nothing"),
        (("show", "nothing.npz"), "nothing.npz: there is no such file."),
        (("show", "FILE/90"), "has no configuration 90; its configurations are 0 to 89."),
        (("card", "nothing"), "There is no table nothing"),
        (("card", "FILE", "nothing"), "There is no table nothing"),
        (("verify", "nothing"), "There is no table nothing"),
        (("show", "FILE", "--csv", "--markdown"), "Give one of --csv and --markdown."),
    ],
)
def test_what_is_not_there_is_a_sentence_and_wrong_usage(cli: Cli, file: str, arguments: list[str], words: str) -> None:
    result = cli("table", *(argument.replace("FILE", file) for argument in arguments))
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stdout == ""


@pytest.mark.usefixtures("two")
def test_the_card_compares_with_the_other_tables(cli: Cli) -> None:
    out = cli("table", "card", "handmade").stdout
    assert out.startswith(
        "Table handmade: 90 configurations, 270 runs, 10.0% of them diverged; a full training costs 0.4 s, "
    )
    headings = ["floor, seen images", "seed to seed, unseen images", "rank correlation, epoch 1 and end"]
    assert all(any(line.startswith(heading) for line in out.splitlines()) for heading in headings)
    assert "rank correlation with noisy (90 configurations)" in out
    document = json.loads(cli("table", "card", "noisy", "handmade", "--json").stdout)
    assert [shared["table"] for shared in document["shared"]] == ["handmade"]
    rows = list(csv.DictReader(io.StringIO(cli("table", "card", "handmade", "--csv").stdout)))
    assert list(rows[0]) == ["figure", "all_points", "best_third"]
    assert all(0 <= float(row["all_points"] or 0) <= float(rows[0]["all_points"]) for row in rows[:7])
    assert "| figure | all points | best third |" in cli("table", "card", "handmade", "--markdown").stdout


def checked(**changes: object) -> verify_table.Verified:
    row = verify_table.CheckedRow(
        point=3, seed=1, canary="c" * 64, then=0.04, now=0.04, tolerance=0.01, first_difference=None, must_be_equal=True
    )
    rows = (row, replace(row, point=4, **changes))  # type: ignore[arg-type]
    return verify_table.Verified(table="handmade", canary="c" * 64, seed=0, of=270, rows=rows)


@pytest.mark.parametrize(
    ("changes", "code", "verdict"),
    [
        ({}, 0, "identical"),
        ({"first_difference": "period 2, weights"}, 4, "differs"),
        ({"first_difference": "period 1, val loss", "must_be_equal": False}, 0, "within noise"),
        ({"first_difference": "period 1, val loss", "must_be_equal": False, "now": 0.06}, 4, "outside noise"),
        ({"first_difference": "period 1, errors", "must_be_equal": False, "now": None}, 4, "outside noise"),
        ({"first_difference": "period 1, errors", "must_be_equal": False, "tolerance": None}, 0, "cannot tell"),
    ],
)
def test_a_verification_ends_with_4_where_a_row_does_not_hold(
    cli: Cli, file: str, monkeypatch: pytest.MonkeyPatch, changes: dict[str, object], code: int, verdict: str
) -> None:
    asked: list[verify_table.VerifyOptions] = []

    def run(table: RecordedBenchmark, options: verify_table.VerifyOptions, *_: object) -> verify_table.Verified:
        asked.append(options)
        return checked(**changes)

    monkeypatch.setattr(verify_table, "verify_rows", run)
    result = cli("table", "verify", file, "--rows", "2", "--seed", "7", "--workers", "1")
    assert result.exit_code == code
    assert [(options.rows, options.seed, options.workers) for options in asked] == [(2, 7, 1)]
    assert result.stdout.splitlines()[-1].split()[0] == "4"
    assert verdict in result.stdout.splitlines()[-1]
    document = json.loads(cli("table", "verify", file, "--json").stdout)
    assert document["holds"] == (code == 0)
    assert document["rows"][1]["verdict"] == verdict


@pytest.mark.integration
def test_a_row_trained_by_workers_is_identical_or_within_noise(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in PORTABLE_VARIABLES:  # the table was made with the kernels of its processors
        monkeypatch.delenv(name)
    small = str(TESTS / "data" / "small.npz")
    cheapest = ("--rows", "1", "--seed", "3")
    result = cli("table", "verify", small, *cheapest, "--workers", "1", "--results", str(tmp_path), "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    (row,) = document["rows"]
    assert row["verdict"] == ("identical" if row["must_be_equal"] else "within noise")
    assert "About 1 runs" in result.stderr
