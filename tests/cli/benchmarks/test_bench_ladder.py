"""`mnist-bench bench ladder`: what it says, and the whole of it on a few images, in a process of its own."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from mnist_bench.errors import Stopped
from mnist_bench.experiments import cold_start
from mnist_bench.experiments.ladder import Ladder, LadderRun, Rung, footnotes, seed_of, verdict
from mnist_bench.numerics.machine import Machine
from support.handmade_data import write_data

pytestmark = pytest.mark.slow

Run = Callable[..., Result]
InOneProcess = Callable[[Path, str], dict[str, Any]]
MACHINE = Machine(processor="An Abacus", cores=2, gpu=None, precision="fp32", python="3.11.7", versions={"torch": "2"})


def rung(*accuracies: float, unended: int = 0) -> Rung:
    runs = tuple(
        LadderRun(
            seed=seed, test_errors=round(10_000 * (1 - accuracy)), test_accuracy=accuracy, seconds=3.0, weights="00"
        )
        for seed, accuracy in enumerate(accuracies)
    )
    return Rung(
        target=0.99,
        recipe="ladder/99.0",
        epochs=1,
        parameters=7850,
        macs=380_000,
        images=60_000,
        training_macs=60_000 * 380_000,
        runs=runs,
        unended=unended,
        wall_seconds=9.0,
    )


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (rung(*[0.9900, 0.9910] * 5), "met: 99.05% [99.01, 99.09]"),
        (rung(*[0.9895, 0.9911] * 5), "not met: 99.03% [98.97, 99.09]"),
        (rung(0.999), "not met: 99.90% by one run, which shows no spread"),
        (rung(0.999, 0.999, unended=1), "not met: 1 of 3 runs did not finish, the others 99.90% [99.87, 99.93]"),
        (rung(unended=2), "not met: 2 of 2 runs did not finish"),
        (rung(1.0, 1.0), "not met: 100.00%, without an error to judge by"),
    ],
)
def test_verdicts_in_words(found: Rung, words: str) -> None:
    assert verdict(found) == words


def test_footnotes_say_what_a_run_used_and_where() -> None:
    found = Ladder(machine=MACHINE, workers=2, train_images=60_000, rungs=(rung(0.99),))
    text = " ".join(footnotes(found))
    assert "all 60,000 training images" in text
    assert "median over the seeds, 2 at a time." in text
    assert "so a single one leaves 1 of 2 cores idle." in text
    assert text.endswith("2 cores of An Abacus, fp32, Python 3.11.7, torch 2")
    on_gpu = replace(found, workers=1, machine=replace(MACHINE, gpu="Some GPU"))
    assert "at a time" not in " ".join(footnotes(on_gpu))
    assert "idle" not in " ".join(footnotes(on_gpu))


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Ladder:
    """Let the command find this ladder without training."""
    rungs = (rung(*[0.9900, 0.9910] * 5), replace(rung(unended=2), target=0.994, recipe="ladder/99.4"))
    ladder = Ladder(machine=MACHINE, workers=2, train_images=60_000, rungs=rungs)
    monkeypatch.setattr("mnist_bench.experiments.ladder.train_ladder", lambda asked, observer: ladder)
    return ladder


def test_the_table(cli: Run, found: Ladder) -> None:
    heads, first, second, gap, *notes = cli("bench", "ladder").stdout.splitlines()
    assert heads.split() == [
        "target",
        "reached",
        "recipe",
        "epochs",
        "parameters",
        "TFLOP",
        "seeds",
        "training",
        "wall",
    ]
    cells = ["99.0%", "met: 99.05% [99.01, 99.09]", "ladder/99.0", "1", "7,850", "0.14", "10", "3.0 s", "9.0 s"]
    assert re.split(" {2,}", first) == cells
    assert re.split(" {2,}", second)[1:3] == ["not met: 2 of 2 runs did not finish", "ladder/99.4"]
    assert re.split(" {2,}", second)[-2:] == ["–", "9.0 s"]
    assert (gap, notes) == ("", footnotes(found))


def test_other_forms_hold_the_same(cli: Run, found: Ladder) -> None:
    rungs = json.loads(cli("bench", "ladder", "--json").stdout)["rungs"]
    assert [(each["met"], each["unended"], len(each["runs"])) for each in rungs] == [(True, 0, 10), (False, 2, 0)]
    first, second = csv.DictReader(io.StringIO(cli("bench", "ladder", "--csv").stdout))
    assert (first["target"], first["met"], first["seeds"]) == ("0.99", "True", "10")
    assert float(first["mean"]) == pytest.approx(0.9905)
    assert (second["low"], second["seconds"], second["unended"]) == ("", "", "2")
    lines = cli("bench", "ladder", "--markdown").stdout.splitlines()
    assert lines[2].startswith("| 99.0% | met: 99.05% \\[99.01, 99.09\\] | ladder/99.0 |")


def test_stopped_it_says_how_to_go_on(cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(asked: object, observer: object) -> None:
        raise Stopped

    monkeypatch.setattr("mnist_bench.experiments.ladder.train_ladder", stopped)
    monkeypatch.setattr("sys.argv", ["x", "bench", "ladder"])
    result = cli("bench", "ladder")
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr == "Stopped. The same command continues where it stopped:\n  mnist-bench bench ladder\n"


TRAIN = cold_start.train_arguments("ladder/99.0", seed_of(0), device="cpu", precision="fp32", data_dir=Path("data"))
SCRIPT = f"""
run("bench ladder 99.0 --seeds 2 --workers 1 --data-dir data --precision fp32 --json")
run("{" ".join(TRAIN)} --json")
"""


@pytest.mark.integration
def test_a_real_ladder_trains_judges_and_times(tmp_path: Path, in_one_process: InOneProcess) -> None:
    write_data(tmp_path / "data", train=1500, test=500)
    ladder, alone = in_one_process(tmp_path, SCRIPT).values()
    assert ladder.code == 0, ladder.err
    assert ladder.err.count("on the test images, trained in") == 2
    assert ladder.err.count("ladder/99.0: one run alone, in a process of its own") == 1
    rung = json.loads(ladder.out)["rungs"][0]
    assert (rung["recipe"], rung["met"], rung["unended"], len(rung["runs"])) == ("ladder/99.0", False, 0, 2)
    trained = json.loads(alone.out)["runs"][0]["curve"][-1]
    assert trained["weights"] == rung["runs"][0]["weights"], "what is timed is one of the runs"
    ledger = (tmp_path / "results" / "test-openings.jsonl").read_text().splitlines()
    assert [json.loads(line)["purpose"] for line in ledger] == ["bench ladder: 99.0; 2 seeds"]


def test_an_unknown_target_is_one_sentence(cli: Run, tmp_path: Path) -> None:
    result = cli("bench", "ladder", "99")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: 99: no target of the ladder; ")
    assert not (tmp_path / "results").exists()
