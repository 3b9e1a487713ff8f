"""Studies of a function: their trials are reproduced and confirmed by naming it again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from typing import Any

import pytest

import search

pytestmark = pytest.mark.slow

FUNCTION = """
import random

def objective(config):
    draws = random.Random(config.seed)
    for epoch in range(3):
        yield {"loss": (config.x - 2) ** 2 + draws.random() / 100, "epoch": epoch}
"""
SPACE: dict[str, Any] = {"x": {"float": [0.0, 5.0]}}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, in_one_process: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """Return what the commands come to, by their lines."""
    folder = tmp_path_factory.mktemp("objectives")
    (folder / "changed").mkdir()
    (folder / "mine.py").write_text(FUNCTION)
    (folder / "changed" / "mine.py").write_text(FUNCTION.replace("100", "99"))
    results = folder / "results"
    space = {"name": "bowl", "objective": "loss", "direction": "minimize", **SPACE}
    search.run(f"{folder / 'mine.py'}:objective", space, trials=6, periods=3, results=results)
    program = folder / "program.sh"
    program.write_text("""echo '{"value": '$1'}'\n""")
    command = f"sh {program} {{x}}"
    search.planned(
        search.Objective.of_command(command), {**space, "name": "flat", "objective": "value"}, trials=3, results=results
    ).run()
    lines = (
        f"reproduce flat-0 --command {shlex.quote(command)}", "reproduce flat-0 --command 'sh program.sh {x}'",
        "reproduce bowl-0 --json", "reproduce bowl-0 --json --objective mine.py:objective",
        "reproduce bowl-0 --objective changed/mine.py:objective", "reproduce bowl-0 --trainer mine.py:objective",
        "confirm bowl-0 --top 2 --json --objective mine.py:objective", "leaderboard bowl-0", "report bowl-0",
        "search bowl.yaml --command \"echo '{{\\\"value\\\": NaN}}'\" -n 2 --study-name diverged",
    )  # fmt: skip
    (folder / "bowl.yaml").write_text("x: {float: [0.0, 5.0]}")
    found = in_one_process(folder, "\n".join(f"run({line!r})" for line in lines))
    return found | dict(zip(("program", "other program"), found.values(), strict=False))


def test_a_trial_of_a_function_is_reproduced(ran: dict[str, Any]) -> None:
    found = json.loads(ran["reproduce bowl-0 --json --objective mine.py:objective"].out)
    assert (found["identical"], len(found["periods"])) == (True, 3)


def test_a_search_all_of_whose_trials_diverge_says_so(ran: dict[str, Any]) -> None:
    found = next(found for line, found in ran.items() if line.endswith("--study-name diverged"))
    assert found.code == 1
    assert "\nEvery trial diverged: no value was finite. mnist-bench leaderboard diverged lists them." in found.err
    assert "plot" not in found.err


def test_a_trial_of_a_program_is_reproduced(ran: dict[str, Any]) -> None:
    assert ran["program"].out.endswith("Identical, bit for bit.\n")
    assert "only its reports show" in ran["program"].out
    assert ran["other program"].code == 2
    assert "not by sh program.sh" in " ".join(ran["other program"].err.split())


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("reproduce bowl-0 --json", "which only you can name again: add --objective mine.py:objective"),
        ("reproduce bowl-0 --trainer mine.py:objective", "add --objective mine.py:objective"),
        ("reproduce bowl-0 --objective changed/mine.py:objective", "mine.py:objective has changed since the search"),
    ],
)
def test_code_that_is_not_named_or_has_changed_is_refused(ran: dict[str, Any], line: str, words: str) -> None:
    assert ran[line].code == 2
    assert words in " ".join(ran[line].err.split())


def test_the_best_configurations_of_a_function_race(ran: dict[str, Any]) -> None:
    found = json.loads(ran["confirm bowl-0 --top 2 --json --objective mine.py:objective"].out)
    assert (found["name"], found["minimized"], found["cut"]) == ("loss", True, False)
    assert len(found["candidates"]) <= 2
    assert f"#{found['winner']}, loss " in ran["leaderboard bowl-0"].out
    assert ran["report bowl-0"].code == 0
