"""Studies of other trainers, functions and programs: shown as far as can be, trained again by whoever names the code,
and refused in one sentence where a command needs nets.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mnist_bench import cells
from mnist_bench.value_kind import kind_of
from support import handmade, search_fake as fake
from support.commands import Ran, in_one_process
from support.paths import ROOT

pytestmark = pytest.mark.slow

FUNCTION = """
import random

def objective(config):
    draws = random.Random(config.seed)
    for epoch in range(3):
        yield {"loss": (config.x - 2) ** 2 + draws.random() / 100, "epoch": epoch}
"""
PROGRAM = """echo '{"value": '$1'}'\n"""
X = "x: {float: [0.0, 5.0]}\n"
EXAMPLE = ROOT / "examples" / "own_trainer.py"
FILES = {
    "mine.py": FUNCTION,
    "changed/mine.py": FUNCTION.replace("100", "99"),
    "changed/own_trainer.py": EXAMPLE.read_text().replace("STEPS, SAMPLES = 8, 25", "STEPS, SAMPLES = 8, 26"),
    "program.sh": PROGRAM,
    "diverges.sh": PROGRAM.replace("$1", "NaN"),
    "bowl.yaml": f"name: bowl\nobjective: loss\ndirection: minimize\n{X}",
    "flat.yaml": f"name: flat\n{X}",
}
OWN = f"--trainer {EXAMPLE}:Trainer"
MADE_BY = {"ridge-0": " (own_trainer.py:Trainer)", "fake-0": ""}
"""Of studies made by the example, which says its trainer's name, and by one whose context names no trainer."""
DIVERGED = "search flat.yaml --command 'sh diverges.sh {x}' -n 2 --workers 1 --study-name diverged"
SEARCHES = (
    "search bowl.yaml --objective mine.py:objective --periods 3 -n 6 --workers 1",
    "search flat.yaml --command 'sh program.sh {x}' -n 2 --workers 1",
    DIVERGED,
)
SHOWN = (
    "studies", "studies --json", "leaderboard ridge-0", "leaderboard ridge-0 --json", "show ridge-0",
    "show ridge-0 --all", "show ridge-0/0", "show ridge-0/0 --json",
    "doctor ridge-0 --replay --json", "leaderboard fake-0 --csv --top 3", "show fake-0/0", "doctor fake-0",
)  # fmt: skip
FOR_NETS = (
    "ablate ridge-0", "export ridge-0 --to winner", "predict ridge-0 picture.png", "train ridge-0/0",
    "show ridge-0 --recipe", "search smoke --trials 1 --study-name ridge-0", "show fake-0 --recipe",
)  # fmt: skip
UNNAMED = ("reproduce ridge-0/0", "confirm ridge-0 --json", "reproduce fake-0")
"""What trains needs the trainer, which the command does not name."""
AGAIN = {
    f"reproduce ridge-0 --json {OWN}": 8,
    "reproduce bowl-0 --json --objective mine.py:objective": 3,
    "reproduce flat-0 --json --command 'sh program.sh {x}'": 1,
}
"""Commands that train again, and how many periods."""
REFUSED = {
    "reproduce ridge-0/0 --trainer other.py:Trainer": (
        "Error: Study ridge-0 was made by another trainer (own_trainer.py:Trainer), not by other.py:Trainer."
    ),
    f"reproduce ridge-0/0 {OWN} --data x": "and --data needs networks",
    f"confirm ridge-0 {OWN} --front": "and --front needs networks",
    "confirm ridge-0 --trainer changed/own_trainer.py:Trainer": (
        "was searched on a machine that gives different floating-point results"
    ),
    "show ridge-0/0 --why": "made by another trainer: only its own program can ask curves again",
    "reproduce bowl-0 --json": "which only you can name again: add --objective mine.py:objective",
    "reproduce bowl-0 --trainer mine.py:objective": "add --objective mine.py:objective",
    "reproduce bowl-0 --objective changed/mine.py:objective": "mine.py:objective has changed since the search",
    "reproduce flat-0 --command 'sh ./program.sh {x}'": "not by sh ./program.sh",
}
CHANGED = "reproduce ridge-0/0 --trainer changed/own_trainer.py:Trainer"
TEXT_AGAIN = "reproduce flat-0 --command 'sh program.sh {x}'"
CONFIRM = f"confirm ridge-0 --top 2 {OWN}"
CONFIRM_BOWL = "confirm bowl-0 --top 2 --json --objective mine.py:objective"
AFTER = (
    "leaderboard ridge-0 --json --top 1",
    "show ridge-0 ",
    "plot ridge-0 --formats png",
    "plot ridge-0 errors --json",
    "leaderboard bowl-0",
)
REPORTS = ("report ridge-0", "report bowl-0")
LINES = (*SEARCHES, *SHOWN, *FOR_NETS, *UNNAMED, *AGAIN, *REFUSED, CHANGED, TEXT_AGAIN, CONFIRM, CONFIRM_BOWL, *AFTER)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which the commands run."""
    folder = tmp_path_factory.mktemp("foreign")
    (folder / "changed").mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def ran(folder: Path) -> dict[str, Ran]:
    """Return what the commands come to, over all studies."""
    subprocess.run([sys.executable, str(EXAMPLE)], cwd=folder, check=True)
    fake.run(folder / "results", budget=8)
    commands, reports = ([f"run({line!r})" for line in lines] for lines in (LINES, REPORTS))
    undrawn = ["from support import drawn", "drawn.no_pictures()"]  # in the reports: they were drawn by `plot`
    return in_one_process(folder, "\n".join([*commands, *undrawn, *reports]))


def words(text: str) -> str:
    """Return a text on one line."""
    return " ".join(text.split())


def study_in(line: str) -> str:
    return "fake-0" if "fake-0" in line else "ridge-0"


@pytest.mark.parametrize("line", SHOWN)
def test_what_reads_shows_it(ran: dict[str, Ran], line: str) -> None:
    assert (ran[line].code, ran[line].err) == (0, "")
    assert study_in(line) in ran[line].out


@pytest.mark.parametrize("line", [*FOR_NETS, *UNNAMED])
def test_what_needs_nets_or_the_trainer_refuses_it_in_one_sentence(ran: dict[str, Ran], line: str) -> None:
    made_by = MADE_BY[study_in(line)]
    why = "and this command needs networks; `mnist-bench leaderboard`, `show`, `plot`, `report`, `reproduce`, "
    why += "`confirm` and `doctor` accept it, and only its own program can resume it."
    if line in UNNAMED:
        option = made_by.strip(" ()") or "file.py:Trainer"
        why = f"which only you can name again: add --trainer {option} (a file with the folder that it lies in)."
    assert (ran[line].code, bool(ran[line].out)) == (2, "--json" in line)
    assert words(ran[line].err) == f"Error: Study {study_in(line)} was made by another trainer{made_by}, {why}"


@pytest.mark.parametrize("line", REFUSED)
def test_other_code_and_options_of_nets_are_refused(ran: dict[str, Ran], line: str) -> None:
    assert ran[line].code == 2
    assert REFUSED[line] in words(ran[line].err)


@pytest.mark.parametrize("line", AGAIN)
def test_a_trial_is_reproduced_by_its_trainer(ran: dict[str, Ran], line: str) -> None:
    found = ran[line].values
    assert (found["verdict"], found["first_difference"], found["numerics"]) == ("identical", None, [])
    assert len(found["periods"]) == AGAIN[line]


def test_a_trial_is_not_reproduced_by_a_trainer_that_was_changed(ran: dict[str, Ran]) -> None:
    assert ran[CHANGED].code == 4
    first, *table = ran[CHANGED].out.splitlines()
    assert first.startswith("Reproducing ridge-0/0 (seed ")
    assert "numerics differ" in first
    assert [line.split()[0] for line in table[:3]] == ["report", "then", "1"]
    assert "Not identical: first difference in period 1, train loss" in words(ran[CHANGED].out)
    assert "only its reports show" in ran[TEXT_AGAIN].out, "of a program"


def test_a_search_all_of_whose_trials_diverge_says_so(ran: dict[str, Ran]) -> None:
    assert ran[DIVERGED].code == 1
    assert "\nEvery trial diverged: no value was finite. mnist-bench leaderboard diverged lists" in ran[DIVERGED].err
    assert "plot" not in ran[DIVERGED].err


def test_the_best_configurations_are_compared_by_their_values(ran: dict[str, Ran]) -> None:
    assert ran[CONFIRM].code == 0
    heading, *rest = ran[CONFIRM].out.splitlines()
    assert heading == "ridge-0: 2 configurations with 8 fresh seeds each."
    assert any(line.split()[:3] == ["trial", "val_loss", "verdict"] for line in rest)
    confirmed = ran["leaderboard ridge-0 --json --top 1"].values["studies"][0]["confirmed"]
    assert (confirmed["top"], confirmed["name"], len(confirmed["candidates"])) == (2, "val_loss", 2)
    assert confirmed["winner"] in [row["number"] for row in confirmed["candidates"]]
    assert f"trial {confirmed['winner']}, val_loss " in words(ran["show ridge-0 "].out)
    found = ran[CONFIRM_BOWL].values
    assert (found["name"], found["minimized"]) == ("loss", True)
    assert f"trial {found['winner']}, loss " in ran["leaderboard bowl-0"].out


def test_all_kinds_of_plots_that_need_no_nets_are_drawn(ran: dict[str, Ran]) -> None:
    found = ran["plot ridge-0 --formats png"]
    assert found.code == 0
    assert found.err.startswith("After 1 report, rate alone stands out from chance, of 3 hyperparameters.\n")
    assert "is not drawn" not in found.err
    kinds = ["history", "curves", "importances", "parallel", "timeline"]
    assert [Path(line).name for line in found.out.splitlines()] == [f"{kind}.png" for kind in kinds]
    refused = ran["plot ridge-0 errors --json"]
    (skipped,) = json.loads(refused.out)["skipped"]
    assert (refused.code, "and the plot errors needs networks" in skipped["reason"]) == (2, True)


@pytest.mark.parametrize("line", REPORTS)
def test_the_report_has_the_confirmation_and_nothing_of_nets(ran: dict[str, Ran], folder: Path, line: str) -> None:
    assert (ran[line].code, ran[line].err) == (0, "")
    page = (folder / ran[line].out.strip()).read_text()
    assert "Retrained with fresh seeds" in page
    assert not [word for word in ("test set", "recipe of", "accuracy", "Draw a") if word in page.partition("<body>")[2]]


def test_a_value_has_the_name_that_its_space_gives_it_and_is_no_percentage(ran: dict[str, Ran]) -> None:
    best = ran["leaderboard ridge-0 --json"].values["rows"][0]
    assert f"#{best['number']}  val_loss {cells.value(best['value'])}\n" in ran["show ridge-0 --all"].out
    assert re.match(r"ridge-0/0  [A-Z]+.*  val_loss \S+\n", ran["show ridge-0/0"].out)
    assert re.match(r"fake-0/0  [A-Z]+.*  [\d.]+\n", ran["show fake-0/0"].out)
    (listed,) = [row for row in ran["studies --json"].values["studies"] if row["study"] == "ridge-0"]
    assert listed["best"] == best["value"] > 0
    for line in ("studies", "leaderboard ridge-0", "show ridge-0", "show ridge-0/0"):
        out, _, ranges = ran[line].out.partition("hyperparameter")  # the place of a value in its range is in percent
        assert "%" not in out
        assert ("%" in ranges) == (line == "show ridge-0")
    assert "   features: " in ran["show ridge-0/0"].out
    assert ran["show ridge-0/0 --json"].values["config"].keys() == {"rate", "decay", "features"}


def test_doctor_examines_what_any_search_has(ran: dict[str, Ran]) -> None:
    found = ran["doctor ridge-0 --replay --json"].values
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
