"""Studies of other trainers: shown as far as can be, and refused in one sentence where a command needs nets."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
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
    "reproduce {}", "reproduce {}/0", "plot {}", "confirm {}", "ablate {}", "report {}",
    "search smoke --trials 1 --study-name {}",
)  # fmt: skip


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, in_one_process: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """Return what the commands come to, over both studies."""
    folder = tmp_path_factory.mktemp("foreign")
    subprocess.run([sys.executable, str(ROOT / "examples" / "own_trainer.py")], cwd=folder, check=True)
    fake.run(folder / "results", goal=8)
    lines = [line.format(study) for study in STUDIES for line in (*SHOWN, *REFUSED)]
    return in_one_process(folder, "\n".join(f"run({line!r})" for line in lines))


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
    assert (found.code, found.out) == (2, "")
    name = " (own_trainer.py:Trainer)" if study == "ridge-0" else ""
    assert " ".join(found.err.split()) == (
        f"Error: Study {study} was made by another trainer{name}, and this command needs networks; `mnist-bench "
        "leaderboard`, `show` and `doctor` accept it, and only its own program can resume it."
    )


def test_the_leaderboard_has_values_states_periods_and_parameters(ran: dict[str, Any]) -> None:
    heading, *rows = [line.split() for line in ran["leaderboard ridge-0"].out.splitlines()[4:]]
    parameters = ["ridge.decay", "ridge.features", "ridge.rate"]
    assert heading == ["rank", "trial", "value", "state", "periods", "time", *parameters]
    assert rows[0][0] == "1"
    assert rows[0][3:5] == ["COMPLETE", "8"]
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
    assert {one["about"] for one in found["findings"]} == {"event log", "trainer", "driver", "Optuna's tables"}


def test_a_study_of_nets_that_has_lost_a_part_is_damaged_and_not_foreign() -> None:
    spec = handmade.spec()
    assert not is_foreign(spec)
    assert not is_foreign({**spec, "context": {}})
    other = {**spec["space"], "fields": [["ridge.rate", 0.1]]}
    assert not is_foreign({**spec, "space": other})
    assert is_foreign({**spec, "space": other, "context": {"canary": ""}})
    assert is_foreign({**spec, "context": {"canary": "", "trainer": {"factory": "mine.py:Trainer", "options": {}}}})
