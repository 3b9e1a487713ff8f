"""`mnist-bench notebook` on a few images, in a process of its own: it opens the test set, and workers train."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.handmade_data import write_data

pytestmark = pytest.mark.integration


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with `data/`: 800 of MNIST's training images to train on and 300 others to test on."""
    write_data(tmp_path / "data", train=800, test=300)
    return tmp_path


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    program = Path(sys.executable).with_name("mnist-bench")
    command = [str(program), "notebook", *arguments, "--data-dir", "data"]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(folder: Path, *arguments: str) -> tuple[int, str, str]:
    process = start(folder, *arguments)
    out, err = process.communicate()
    return process.returncode, out, err


def openings(folder: Path) -> list[str]:
    ledger = folder / "results" / "test-openings.jsonl"
    return [json.loads(line)["purpose"] for line in ledger.read_text().splitlines()] if ledger.exists() else []


def test_trains_compares_and_does_not_train_again(folder: Path) -> None:
    arguments = ("hidden", "linear", "--seeds", "2", "--workers", "2")
    code, out, err = run(folder, *arguments)
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0].split()[:2] == ["recipe", "notebook"]
    assert all(" ± " in line for line in lines[1:3])
    assert [line.split()[0] for line in lines[1:3]] == ["linear", "hidden"]
    assert "92.31%" in lines[1]
    assert "7,850 =" in lines[1]
    assert err.count("on the test images, trained in") == 4
    assert openings(folder) == ["notebook: linear, hidden; 2 seeds"]
    assert err.count("the test set is evaluated, and results/test-openings.jsonl logs it") == 1

    code, out, err = run(folder, *arguments, "--json")
    assert (code, err) == (0, "")
    rows = json.loads(out)["rows"]
    assert [row["recipe"] for row in rows] == ["linear", "hidden"]
    assert [[len(run) for run in row["runs"]] for row in rows] == [[10, 10], [10, 10]]
    assert all(0.7 < row["accuracy"] < 1 for row in rows)
    assert len(openings(folder)) == 1


def test_runs_of_each_precision_are_kept_apart(folder: Path) -> None:
    write_data(folder / "data", train=60, test=30)
    rows, trained = [], []
    for precision in ("fp32", "auto", "fp32", "portable"):
        code, out, err = run(folder, "linear", "--seeds", "1", "--precision", precision, "--json")
        assert code == 0, err
        rows += json.loads(out)["rows"]
        trained.append("trained in" in err)
    assert trained == [True, True, False, False]
    assert [row["precision"] for row in rows] == ["fp32", "portable", "fp32", "portable"]
    assert (rows[0], rows[1]) == (rows[2], rows[3])


def test_runs_that_begin_alike_have_the_same_bits(folder: Path) -> None:
    write_data(folder / "data", train=60, test=30)  # how well it learns is of no interest here
    code, out, err = run(folder, "vgg_as_written", "vgg_augmented", "--seeds", "1", "--json")
    assert code == 0, err
    first, second = (row["runs"][0] for row in json.loads(out)["rows"])
    assert {**first[0], "seconds": 0} == {**second[0], "seconds": 0}


def test_three_channels_are_trained_on_beside_one(folder: Path) -> None:
    write_data(folder / "data", train=60, test=30)
    code, out, err = run(folder, "three_channels", "batchnorm", "batchnorm_2", "--seeds", "1", "--json")
    assert code == 0, err
    grey, _, red = json.loads(out)["rows"]
    assert [grey["parameters"], red["parameters"]] == [340_700, 340_700 + 2 * 9 * 10]
    assert red["published"]["accuracy"] is None
    assert red["runs"][0][0]["weights"] != grey["runs"][0][0]["weights"]
    assert openings(folder) == ["notebook: batchnorm, batchnorm_2; 1 seed", "notebook: three_channels; 1 seed"]


def test_interrupted_it_goes_on_where_it_stopped(folder: Path) -> None:
    write_data(folder / "data", train=60, test=30)
    process = start(folder, "linear", "--seeds", "4", "--workers", "1")
    assert process.stderr is not None
    opened, first = process.stderr.readline(), process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130
    assert "continues where it stopped" in err
    code, out, err = run(folder, "linear", "--seeds", "4", "--workers", "1", "--csv")
    assert code == 0, err
    assert "the test set is evaluated" in opened
    assert "linear, seed 1 of 4: " in first
    assert "seed 1 of 4" not in err
    assert out.splitlines()[1].startswith("linear,")


def test_one_seed_claims_no_spread(folder: Path) -> None:
    write_data(folder / "data", train=60, test=30)
    code, out, err = run(folder, "linear", "--seeds", "1", "--markdown")
    assert code == 0, err
    assert "ours (1 seed) " in out
    assert "±" not in out
    assert out.splitlines()[-1] == "= as many parameters as the notebook's network has."


def test_an_unknown_recipe_is_one_sentence(folder: Path) -> None:
    code, out, err = run(folder, "liner")
    assert (code, out) == (2, "")
    assert err.startswith("Error: liner: no recipe of the notebook; did you mean `linear`?")
    assert openings(folder) == []
