"""Studies of other trainers: shown as far as can be, and refused in one sentence where a command needs nets."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mnist_bench import cells
from mnist_bench.studies.foreign import is_foreign
from support import handmade, search_fake as fake
from support.paths import ROOT

pytestmark = pytest.mark.slow

STUDIES = ("ridge-0", "fake-0")
"""One made by the example, which says its trainer's name, and one whose context names no trainer."""
SHOWN = (
    "studies", "studies --json", "leaderboard {}", "leaderboard {} --json", "leaderboard {} --csv --top 3",
    "leaderboard {} --markdown", "show {}", "show {} --json", "show {}/0", "show {}/0 --json", "doctor {}",
    "doctor {} --replay --json", "show {} --all", "show {}/0 --why",
)  # fmt: skip
REFUSED = (
    "ablate {}", "export {} --to winner", "predict {} picture.png", "train {}/0", "show {} --recipe",
    "search smoke --trials 1 --study-name {}",
)  # fmt: skip
UNNAMED = ("reproduce {}", "reproduce {}/0", "confirm {}", "confirm {} --json")
"""What trains needs the trainer, which the command does not name."""
OWN = str(ROOT / "examples" / "own_trainer.py:Trainer")
FRONT = f"confirm ridge-0 --trainer {OWN} --front"
TRAINED = (
    f"reproduce ridge-0/0 --trainer {OWN}", f"reproduce ridge-0 --json --trainer {OWN}",
    "reproduce ridge-0/0 --trainer changed/own_trainer.py:Trainer", f"reproduce ridge-0/0 --trainer {OWN} --data x",
    "reproduce ridge-0/0 --trainer other.py:Trainer", f"confirm ridge-0 --top 2 --trainer {OWN}",
    "leaderboard ridge-0 --json --top 1", "show ridge-0 ", "doctor ridge-0 --json", "report ridge-0",
    "plot ridge-0 --format png", "plot ridge-0 confusion --json", FRONT,
    "confirm ridge-0 --trainer changed/own_trainer.py:Trainer",
)  # fmt: skip
"""In this order: the race is shown by what follows it."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which the commands run."""
    return tmp_path_factory.mktemp("foreign")


@pytest.fixture(scope="module")
def ran(folder: Path, in_one_process: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """Return what the commands come to, over both studies."""
    subprocess.run([sys.executable, str(ROOT / "examples" / "own_trainer.py")], cwd=folder, check=True)
    fake.run(folder / "results", goal=8)
    (folder / "changed").mkdir()
    source = (ROOT / "examples" / "own_trainer.py").read_text()
    (folder / "changed" / "own_trainer.py").write_text(
        source.replace("STEPS, SAMPLES = 8, 25", "STEPS, SAMPLES = 8, 26")
    )
    lines = [line.format(study) for study in STUDIES for line in (*SHOWN, *REFUSED, *UNNAMED)]
    return in_one_process(folder, "\n".join(f"run({line!r})" for line in (*lines, *TRAINED)))


@pytest.mark.parametrize("study", STUDIES)
@pytest.mark.parametrize("line", SHOWN)
def test_what_reads_shows_it(ran: dict[str, Any], study: str, line: str) -> None:
    found = ran[line.format(study)]
    assert (found.code, found.err) == (0, "")
    assert study in found.out


@pytest.mark.parametrize("study", STUDIES)
@pytest.mark.parametrize("line", REFUSED)
def test_what_needs_nets_refuses_it_in_one_sentence(ran: dict[str, Any], study: str, line: str) -> None:
    found = ran[line.format(study)]
    assert (found.code, bool(found.out)) == (2, "--json" in line)
    name = " (own_trainer.py:Trainer)" if study == "ridge-0" else ""
    assert " ".join(found.err.split()) == (
        f"Error: Study {study} was made by another trainer{name}, and this command needs networks; `mnist-bench "
        "leaderboard`, `show`, `plot`, `report`, `reproduce`, `confirm` and `doctor` accept it, and only its own "
        "program can resume it."
    )


@pytest.mark.parametrize("study", STUDIES)
@pytest.mark.parametrize("line", UNNAMED)
def test_what_trains_asks_for_the_trainer(ran: dict[str, Any], study: str, line: str) -> None:
    found = ran[line.format(study)]
    assert (found.code, bool(found.out)) == (2, "--json" in line)
    name = " (own_trainer.py:Trainer)" if study == "ridge-0" else ""
    option = "own_trainer.py:Trainer" if study == "ridge-0" else "file.py:Trainer"
    assert " ".join(found.err.split()) == (
        f"Error: Study {study} was made by another trainer{name}, which only you can name again: add --trainer "
        f"{option} (a file with the folder that it lies in)."
    )


def test_a_trial_is_reproduced_by_its_trainer(ran: dict[str, Any]) -> None:
    found = ran[f"reproduce ridge-0/0 --trainer {OWN}"]
    assert (found.code, found.err) == (0, "")
    first, *table, weights, verdict = found.out.splitlines()
    assert first.startswith("Reproducing ridge-0/0 (seed ")
    assert "numerics agree" in first
    assert [line.split()[0] for line in table] == ["report", "then", *map(str, range(1, len(table) - 1))]
    assert all(" = " in line for line in table[2:])
    assert weights.startswith("weights  sha256")
    assert verdict == "Identical, bit for bit."
    again = json.loads(ran[f"reproduce ridge-0 --json --trainer {OWN}"].out)
    assert (again["identical"], again["first_difference"], again["numerics"]) == (True, None, [])


def test_a_trainer_that_was_changed_does_not_reproduce(ran: dict[str, Any]) -> None:
    found = ran["reproduce ridge-0/0 --trainer changed/own_trainer.py:Trainer"]
    assert found.code == 4
    words = " ".join(found.out.split())
    assert "numerics differ" in words
    assert "Not identical: first difference in period 1, train loss" in words
    refused = ran["confirm ridge-0 --trainer changed/own_trainer.py:Trainer"]
    assert refused.code == 2
    assert "was searched on a machine that gives different floating-point results" in refused.err


def test_another_trainer_and_options_of_nets_are_refused(ran: dict[str, Any]) -> None:
    assert ran["reproduce ridge-0/0 --trainer other.py:Trainer"].err == (
        "Error: Study ridge-0 was made by another trainer (own_trainer.py:Trainer), not by other.py:Trainer.\n"
    )
    for line, option in ((f"reproduce ridge-0/0 --trainer {OWN} --data x", "--data"), (FRONT, "--front")):
        assert ran[line].code == 2
        assert f"and {option} needs networks" in " ".join(ran[line].err.split())


def test_the_best_configurations_race_by_their_values(ran: dict[str, Any]) -> None:
    found = ran[f"confirm ridge-0 --top 2 --trainer {OWN}"]
    assert found.code == 0
    heading, *rest = found.out.splitlines()
    assert heading.startswith("ridge-0: 2 configurations raced with up to 8 fresh seeds in ")
    assert any(line.split()[:3] == ["trial", "seeds", "val_loss"] for line in rest)
    board = json.loads(ran["leaderboard ridge-0 --json --top 1"].out)["studies"][0]
    confirmed = board["confirmed"]
    assert (confirmed["top"], confirmed["cut"], len(confirmed["candidates"])) == (2, False, 2)
    assert confirmed["winner"] in [row["number"] for row in confirmed["candidates"]]
    assert f"trial {confirmed['winner']}, val_loss " in " ".join(ran["show ridge-0 "].out.split())
    assert json.loads(ran["doctor ridge-0 --json"].out)["problems"] == 0


def test_all_kinds_of_plots_that_need_no_nets_are_drawn(ran: dict[str, Any]) -> None:
    found = ran["plot ridge-0 --format png"]
    assert found.code == 0
    assert found.err.startswith("After 1 report, rate alone stands out from chance, of 3 hyperparameters.\n")
    assert "is not drawn" not in found.err
    assert [line.rpartition("/")[2] for line in found.out.splitlines()] == [
        "history.png", "curves.png", "importances.png", "parallel.png", "timeline.png"
    ]  # fmt: skip
    refused = ran["plot ridge-0 confusion --json"]
    assert refused.code == 2
    (skipped,) = json.loads(refused.out)["skipped"]
    assert "and the plot confusion needs networks" in skipped["reason"]


def test_the_report_has_the_race_and_nothing_of_nets(ran: dict[str, Any], folder: Path) -> None:
    found = ran["report ridge-0"]
    assert (found.code, found.err) == (0, "")
    page = (folder / found.out.strip()).read_text()
    assert "20 trials of own_trainer.py:Trainer" in page
    assert "Raced with fresh seeds" in page
    assert "mnist-bench reproduce ridge-0/" in page
    for word in ("test set", "recipe of", "accuracy", "Draw a"):
        assert word not in page.partition("<body>")[2]


def test_the_leaderboard_has_values_states_periods_and_parameters(ran: dict[str, Any]) -> None:
    heading, *rows = [line.split() for line in ran["leaderboard ridge-0"].out.splitlines()[4:]]
    parameters = ["ridge.decay", "ridge.features", "ridge.rate"]
    assert heading == ["rank", "trial", "val_loss", "train_loss", "state", "periods", "time", *parameters]
    assert rows[0][0] == "1"
    assert rows[0][4:6] == ["COMPLETE", "8"]
    board = json.loads(ran["leaderboard ridge-0 --json"].out)["studies"][0]
    assert (board["goal"], len(board["rows"]), board["confirmed"]) == (20, 20, None)
    best = board["rows"][0]
    assert best["value"] == min(row["value"] for row in board["rows"] if row["state"] == "COMPLETE")
    assert best["params"].keys() == set(parameters)
    rows = list(csv.DictReader(io.StringIO(ran["leaderboard fake-0 --csv --top 3"].out)))
    assert [row["rank"] for row in rows][:1] == ["1"]
    assert rows[0].keys() >= {"study", "value", "periods", "model.width", "model.extra"}


def test_a_value_has_the_name_that_its_space_gives_it(ran: dict[str, Any]) -> None:
    best = json.loads(ran["leaderboard ridge-0 --json"].out)["studies"][0]["rows"][0]
    shown = f"#{best['number']}  val_loss {cells.value(best['value'])}\n"
    assert shown in ran["show ridge-0 --all"].out
    assert re.match(r"ridge-0/0  [A-Z]+.*  val_loss \S+\n", ran["show ridge-0/0"].out)
    (listed,) = [row for row in json.loads(ran["studies --json"].out)["studies"] if row["study"] == "ridge-0"]
    assert listed["best"] == best["value"] > 0
    assert re.match(r"fake-0/0  [A-Z]+.*  [\d.]+\n", ran["show fake-0/0"].out)


def test_values_are_no_percentages(ran: dict[str, Any]) -> None:
    for line in ("studies", "leaderboard ridge-0", "show ridge-0", "show ridge-0/0"):
        out, _, ranges = ran[line].out.partition("hyperparameter")  # the place of a value in its range is in percent
        assert "%" not in out
        assert ("%" in ranges) == (line == "show ridge-0")
    assert "   features: " in ran["show ridge-0/0"].out
    trial = json.loads(ran["show ridge-0/0 --json"].out)
    assert trial["config"].keys() == {"rate", "decay", "features"}


def test_doctor_examines_what_any_search_has(ran: dict[str, Any]) -> None:
    found = json.loads(ran["doctor ridge-0 --replay --json"].out)
    assert found["problems"] == 0
    assert {one["about"] for one in found["findings"]} == {
        "event log", "trainer", "replay", "driver", "Optuna's tables",
    }  # fmt: skip


def test_a_study_of_nets_that_has_lost_a_part_is_damaged_and_not_foreign() -> None:
    spec = handmade.spec()
    assert not is_foreign(spec)
    assert not is_foreign({**spec, "context": {}})
    other = {**spec["space"], "fields": [["ridge.rate", 0.1]]}
    assert not is_foreign({**spec, "space": other})
    assert is_foreign({**spec, "space": other, "context": {"check": ""}})
    assert is_foreign({**spec, "context": {"check": "", "trainer": {"factory": "mine.py:Trainer", "options": {}}}})
