"""Studies of a function and of a program: their trials are reproduced and confirmed by naming it again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

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
SEARCHES = (
    "search bowl.yaml --objective mine.py:objective --periods 3 -n 6 --workers 1",
    "search flat.yaml --command 'sh program.sh {x}' -n 2 --workers 1",
    "search flat.yaml --command 'sh diverges.sh {x}' -n 2 --workers 1 --study-name diverged",
)
AGAIN = "reproduce bowl-0 --json --objective mine.py:objective"
PROGRAM_AGAIN = "reproduce flat-0 --command 'sh program.sh {x}'"
CONFIRM = "confirm bowl-0 --top 2 --json --objective mine.py:objective"
REFUSED = {
    "reproduce bowl-0 --json": "which only you can name again: add --objective mine.py:objective",
    "reproduce bowl-0 --trainer mine.py:objective": "add --objective mine.py:objective",
    "reproduce bowl-0 --objective changed/mine.py:objective": "mine.py:objective has changed since the search",
    "reproduce flat-0 --command 'sh ./program.sh {x}'": "not by sh ./program.sh",
}
LINES = (*SEARCHES, AGAIN, PROGRAM_AGAIN, *REFUSED, CONFIRM, "leaderboard bowl-0", "report bowl-0")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, in_one_process: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """Return what the commands come to, by their lines."""
    folder = tmp_path_factory.mktemp("objectives")
    (folder / "changed").mkdir()
    for name, text in {
        "mine.py": FUNCTION,
        "changed/mine.py": FUNCTION.replace("100", "99"),
        "program.sh": PROGRAM,
        "diverges.sh": PROGRAM.replace("$1", "NaN"),
        "bowl.yaml": f"name: bowl\nobjective: loss\ndirection: minimize\n{X}",
        "flat.yaml": f"name: flat\n{X}",
    }.items():
        (folder / name).write_text(text)
    undrawn = "from support import drawn\ndrawn.no_pictures()\n"
    return in_one_process(folder, undrawn + "\n".join(f"run({line!r})" for line in LINES))


def test_a_trial_of_a_function_is_reproduced(ran: dict[str, Any]) -> None:
    found = json.loads(ran[AGAIN].out)
    assert (found["verdict"], len(found["periods"])) == ("identical", 3)


def test_a_trial_of_a_program_is_reproduced(ran: dict[str, Any]) -> None:
    assert ran[PROGRAM_AGAIN].out.endswith("Identical, bit for bit.\n")
    assert "only its reports show" in ran[PROGRAM_AGAIN].out


def test_a_search_all_of_whose_trials_diverge_says_so(ran: dict[str, Any]) -> None:
    found = ran[SEARCHES[2]]
    assert found.code == 1
    assert "\nEvery trial diverged: no value was finite. mnist-bench leaderboard diverged lists them." in found.err
    assert "plot" not in found.err


@pytest.mark.parametrize("line", REFUSED)
def test_code_that_is_not_named_or_has_changed_is_refused(ran: dict[str, Any], line: str) -> None:
    assert ran[line].code == 2
    assert REFUSED[line] in " ".join(ran[line].err.split())


def test_the_best_configurations_of_a_function_are_confirmed(ran: dict[str, Any]) -> None:
    found = json.loads(ran[CONFIRM].out)
    assert (found["name"], found["minimized"]) == ("loss", True)
    assert len(found["candidates"]) <= 2
    assert f"trial {found['winner']}, loss " in ran["leaderboard bowl-0"].out
    assert ran["report bowl-0"].code == 0
