"""`mnist-bench confirm --front`: the whole of it on a thousand images."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

SPACE = """
name: tiny
epochs: 1
subset: 1000
objective: [val_accuracy, parameters]
model: {blocks: 1, filters: {int: [1, 6]}, hidden_layers: 0}
optim: {lr: {float: [1e-2, 1e-1], log: true}}
search: {sampler: random, pruner: none}
"""
SCRIPT = """
run("search tiny.yaml -n 6 --executor in-process")
run("confirm tiny-0 --front --budget 1h")
run("confirm tiny-0 --front --workers 1 --json")
run("confirm tiny-0 --front --workers 1")
run("confirm tiny-0 --top 1 --workers 1 --json")
run("report tiny-0")
run("doctor tiny-0")
"""
Ran = Any
"""See conftest.py."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("front")
    (made / "tiny.yaml").write_text(SPACE)
    return made


@pytest.fixture(scope="module")
def ran(folder: Path, in_one_process: Callable[[Path, str], dict[str, Ran]]) -> list[Ran]:
    found = list(in_one_process(folder, SCRIPT).values())
    assert [one.code for one in found] == [0, 2, 0, 0, 0, 0, 0], [one.err for one in found]
    return found


def test_every_configuration_on_the_front_has_eight_seeds(ran: list[Ran]) -> None:
    values = json.loads(ran[2].out)
    costs = [member["cost"] for member in values["members"]]
    assert costs == sorted(costs)
    assert len(costs) >= 2
    assert {member["test"]["seeds"] for member in values["members"]} == {8}
    assert (values["cost"], values["train_images"], values["test_images"]) == ("parameters", 1000, 10_000)
    assert "confirm tiny-0 --front" in ran[0].out + ran[0].err


def test_it_takes_no_budget(ran: list[Ran]) -> None:
    assert "--front races for nothing; leave out --budget" in ran[1].err


def test_asked_again_it_neither_trains_nor_opens_the_test_set(ran: list[Ran], folder: Path) -> None:
    assert ran[3].err == ""
    assert ran[3].out.splitlines()[-1] == "The test set has been opened once."
    lines = (folder / "results" / "test-openings.jsonl").read_text().splitlines()
    assert json.loads(lines[0])["purpose"].startswith("confirm tiny-0: #")


def test_a_race_afterwards_believes_what_is_known(ran: list[Ran], folder: Path) -> None:
    raced, front = json.loads(ran[4].out), json.loads(ran[2].out)
    (final,) = raced["finals"]
    known = {member["number"]: member["final"]["errors"] for member in front["members"]}
    assert final["errors"] == known[final["number"]]
    assert raced["test_images"] == 10_000
    assert "the test set is not opened again" in ran[4].err
    assert len((folder / "results" / "test-openings.jsonl").read_text().splitlines()) == 1


def test_a_report_shows_it(ran: list[Ran], folder: Path) -> None:
    page = (folder / "results" / "tiny-0" / "report.html").read_text()
    assert re.search(r"<h2[^>]*>The front, with fresh seeds</h2>", page)
    assert "the front of accuracy and parameters, 8 fresh seeds each" in page
