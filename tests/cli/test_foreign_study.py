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
from mnist_bench.value_kind import kind_of
from support import handmade, search_fake as fake
from support.paths import ROOT

pytestmark = pytest.mark.slow

NAMED = {"ridge-0": " (own_trainer.py:Trainer)", "fake-0": ""}
"""A study made by the example, which says its trainer's name, and one whose context names no trainer."""
OWN = str(ROOT / "examples" / "own_trainer.py:Trainer")
SHOWN = (
    "studies", "studies --json", "leaderboard ridge-0", "leaderboard ridge-0 --json", "show ridge-0",
    "show ridge-0 --all", "show ridge-0/0", "show ridge-0/0 --json", "show ridge-0/0 --why",
    "doctor ridge-0 --replay --json", "leaderboard fake-0 --csv --top 3", "show fake-0/0", "doctor fake-0",
)  # fmt: skip
REFUSED = (
    "ablate ridge-0", "export ridge-0 --to winner", "predict ridge-0 picture.png", "train ridge-0/0",
    "show ridge-0 --recipe", "search smoke --trials 1 --study-name ridge-0", "show fake-0 --recipe",
)  # fmt: skip
UNNAMED = ("reproduce ridge-0/0", "confirm ridge-0 --json", "reproduce fake-0")
"""What trains needs the trainer, which the command does not name."""
AGAIN, CONFIRM = f"reproduce ridge-0 --json --trainer {OWN}", f"confirm ridge-0 --top 2 --trainer {OWN}"
CHANGED = tuple(
    f"{each} --trainer changed/own_trainer.py:Trainer" for each in ("reproduce ridge-0/0", "confirm ridge-0")
)
OTHER = "reproduce ridge-0/0 --trainer other.py:Trainer"
OF_NETS = {
    f"reproduce ridge-0/0 --trainer {OWN} --data x": "--data",
    f"confirm ridge-0 --trainer {OWN} --front": "--front",
}
AFTER_CONFIRM = (
    "leaderboard ridge-0 --json --top 1", "show ridge-0 ", "plot ridge-0 --formats png",
    "plot ridge-0 errors --json",
)  # fmt: skip
LINES = (*SHOWN, *REFUSED, *UNNAMED, AGAIN, *CHANGED, OTHER, *OF_NETS, CONFIRM, *AFTER_CONFIRM)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which the commands run."""
    return tmp_path_factory.mktemp("foreign")


@pytest.fixture(scope="module")
def ran(folder: Path, in_one_process: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """Return what the commands come to, over both studies."""
    subprocess.run([sys.executable, str(ROOT / "examples" / "own_trainer.py")], cwd=folder, check=True)
    fake.run(folder / "results", budget=8)
    (folder / "changed").mkdir()
    source = (ROOT / "examples" / "own_trainer.py").read_text()
    (folder / "changed" / "own_trainer.py").write_text(
        source.replace("STEPS, SAMPLES = 8, 25", "STEPS, SAMPLES = 8, 26")
    )
    commands = [f"run({line!r})" for line in LINES]
    undrawn = ["from support import drawn", "drawn.no_pictures()"]  # in the report: they were drawn by `plot`
    return in_one_process(folder, "\n".join([*commands, *undrawn, "run('report ridge-0')"]))


def words(text: str) -> str:
    """Return a text on one line."""
    return " ".join(text.split())


def study_in(line: str) -> str:
    return "fake-0" if "fake-0" in line else "ridge-0"


@pytest.mark.parametrize("line", SHOWN)
def test_what_reads_shows_it(ran: dict[str, Any], line: str) -> None:
    assert (ran[line].code, ran[line].err) == (0, "")
    assert study_in(line) in ran[line].out


@pytest.mark.parametrize("line", REFUSED)
def test_what_needs_nets_refuses_it_in_one_sentence(ran: dict[str, Any], line: str) -> None:
    study = study_in(line)
    assert (ran[line].code, ran[line].out) == (2, "")
    assert words(ran[line].err) == (
        f"Error: Study {study} was made by another trainer{NAMED[study]}, and this command needs networks; "
        "`mnist-bench leaderboard`, `show`, `plot`, `report`, `reproduce`, `confirm` and `doctor` accept it, and only "
        "its own program can resume it."
    )


@pytest.mark.parametrize("line", UNNAMED)
def test_what_trains_asks_for_the_trainer(ran: dict[str, Any], line: str) -> None:
    study = study_in(line)
    option = NAMED[study].strip(" ()") or "file.py:Trainer"
    assert (ran[line].code, bool(ran[line].out)) == (2, "--json" in line)
    assert words(ran[line].err) == (
        f"Error: Study {study} was made by another trainer{NAMED[study]}, which only you can name again: add --trainer "
        f"{option} (a file with the folder that it lies in)."
    )


def test_a_trial_is_reproduced_by_its_trainer_and_not_by_one_that_was_changed(ran: dict[str, Any]) -> None:
    again = json.loads(ran[AGAIN].out)
    assert (again["verdict"], again["first_difference"], again["numerics"]) == ("identical", None, [])
    reproduced, confirmed = (ran[line] for line in CHANGED)
    assert (reproduced.code, confirmed.code) == (4, 2)
    first, *table = reproduced.out.splitlines()
    assert first.startswith("Reproducing ridge-0/0 (seed ")
    assert "numerics differ" in first
    assert [line.split()[0] for line in table[:3]] == ["report", "then", "1"]
    assert "Not identical: first difference in period 1, train loss" in words(reproduced.out)
    assert "was searched on a machine that gives different floating-point results" in confirmed.err


def test_another_trainer_and_options_of_nets_are_refused(ran: dict[str, Any]) -> None:
    assert ran[OTHER].err == (
        "Error: Study ridge-0 was made by another trainer (own_trainer.py:Trainer), not by other.py:Trainer.\n"
    )
    for line, option in OF_NETS.items():
        assert ran[line].code == 2
        assert f"and {option} needs networks" in words(ran[line].err)


def test_the_best_configurations_are_compared_by_their_values(ran: dict[str, Any]) -> None:
    assert ran[CONFIRM].code == 0
    heading, *rest = ran[CONFIRM].out.splitlines()
    assert heading == "ridge-0: 2 configurations with 8 fresh seeds each."
    assert any(line.split()[:3] == ["trial", "val_loss", "verdict"] for line in rest)
    confirmed = json.loads(ran["leaderboard ridge-0 --json --top 1"].out)["studies"][0]["confirmed"]
    assert (confirmed["top"], confirmed["name"], len(confirmed["candidates"])) == (2, "val_loss", 2)
    assert confirmed["winner"] in [row["number"] for row in confirmed["candidates"]]
    assert f"trial {confirmed['winner']}, val_loss " in words(ran["show ridge-0 "].out)


def test_all_kinds_of_plots_that_need_no_nets_are_drawn(ran: dict[str, Any]) -> None:
    found = ran["plot ridge-0 --formats png"]
    assert found.code == 0
    assert found.err.startswith("After 1 report, rate alone stands out from chance, of 3 hyperparameters.\n")
    assert "is not drawn" not in found.err
    kinds = ["history", "curves", "importances", "parallel", "timeline"]
    assert [Path(line).name for line in found.out.splitlines()] == [f"{kind}.png" for kind in kinds]
    refused = ran["plot ridge-0 errors --json"]
    assert refused.code == 2
    (skipped,) = json.loads(refused.out)["skipped"]
    assert "and the plot errors needs networks" in skipped["reason"]


def test_the_report_has_the_confirmation_and_nothing_of_nets(ran: dict[str, Any], folder: Path) -> None:
    found = ran["report ridge-0"]
    assert (found.code, found.err) == (0, "")
    page = (folder / found.out.strip()).read_text()
    for word in ("20 trials of own_trainer.py:Trainer", "Retrained with fresh seeds", "mnist-bench reproduce ridge-0/"):
        assert word in page
    for word in ("test set", "recipe of", "accuracy", "Draw a"):
        assert word not in page.partition("<body>")[2]


def test_the_leaderboard_has_values_states_periods_and_parameters(ran: dict[str, Any]) -> None:
    heading, *rows = [line.split() for line in ran["leaderboard ridge-0"].out.splitlines()[4:]]
    parameters = ["ridge.rate", "ridge.decay", "ridge.features"]
    assert heading == ["rank", "trial", "val_loss", "train_loss", "state", "reports", "time", *parameters]
    assert (rows[0][0], *rows[0][4:6]) == ("1", "COMPLETE", "8")
    board = json.loads(ran["leaderboard ridge-0 --json"].out)
    (study,) = board["studies"]
    assert (study["trial_budget"], len(board["rows"]), study["confirmed"]) == (20, 20, None)
    best = board["rows"][0]
    assert best["value"] == min(row["value"] for row in board["rows"] if row["state"] == "COMPLETE")
    assert best["params"].keys() == set(parameters)
    first, *_ = csv.DictReader(io.StringIO(ran["leaderboard fake-0 --csv --top 3"].out))
    assert first["rank"] == "1"
    assert first.keys() >= {"study", "value", "reports", "model.width", "model.extra"}


def test_a_value_has_the_name_that_its_space_gives_it_and_is_no_percentage(ran: dict[str, Any]) -> None:
    best = json.loads(ran["leaderboard ridge-0 --json"].out)["rows"][0]
    assert f"#{best['number']}  val_loss {cells.value(best['value'])}\n" in ran["show ridge-0 --all"].out
    assert re.match(r"ridge-0/0  [A-Z]+.*  val_loss \S+\n", ran["show ridge-0/0"].out)
    assert re.match(r"fake-0/0  [A-Z]+.*  [\d.]+\n", ran["show fake-0/0"].out)
    (listed,) = [row for row in json.loads(ran["studies --json"].out)["studies"] if row["study"] == "ridge-0"]
    assert listed["best"] == best["value"] > 0
    for line in ("studies", "leaderboard ridge-0", "show ridge-0", "show ridge-0/0"):
        out, _, ranges = ran[line].out.partition("hyperparameter")  # the place of a value in its range is in percent
        assert "%" not in out
        assert ("%" in ranges) == (line == "show ridge-0")
    assert "   features: " in ran["show ridge-0/0"].out
    assert json.loads(ran["show ridge-0/0 --json"].out)["config"].keys() == {"rate", "decay", "features"}


def test_doctor_examines_what_any_search_has(ran: dict[str, Any]) -> None:
    found = json.loads(ran["doctor ridge-0 --replay --json"].out)
    assert found["problems"] == 0
    known = {"event log", "trainer", "replay", "driver", "Optuna's tables"}
    assert {one["about"] for one in found["findings"]} == known


def test_a_study_of_nets_that_has_lost_a_part_is_damaged_and_not_foreign() -> None:
    spec = handmade.spec()
    other = {**spec["space"], "fields": [["ridge.rate", 0.1]]}
    trainer = {"factory": "mine.py:Trainer", "options": {}}
    for context, of_nets, of_others in (
        (spec["context"], False, False),
        ({}, False, True),
        ({"check": ""}, False, True),
        ({"check": "", "trainer": trainer}, True, True),
    ):
        assert kind_of({**spec, "context": context}).of_nets != of_nets
        assert kind_of({**spec, "context": context, "space": other}).of_nets != of_others
