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
model: {blocks: 0, hidden_layers: 1, hidden_units: {int: [2, 16]}}
optim: {lr: {float: [1e-2, 1e-1], log: true}}
search: {sampler: random, pruner: none}
"""
SCRIPT = """
run("search tiny.yaml -n 6 --executor in-process")
run("confirm tiny-0 --front --budget 1h")
run("confirm tiny-0 --front --workers 1 --json")
run("confirm tiny-0 --front --workers 1")
run("confirm tiny-0 --front --top 1 --workers 1 --json")
run("confirm tiny-0 --front --top 8 --workers 1 --json")
run("export tiny-0 --confirmed --to nothing")
run("leaderboard tiny-0")
"""
FURTHER = """
from support import undrawn

undrawn.pictures()
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
    assert [one.code for one in found] == [0, 2, 0, 0, 0, 0, 3, 0], [one.err for one in found]
    return found


@pytest.fixture(scope="module")
def further(ran: list[Ran], folder: Path, in_one_process: Callable[[Path, str], dict[str, Ran]]) -> list[Ran]:
    found = list(in_one_process(folder, FURTHER).values())
    assert [one.code for one in found] == [0, 0, 0], [one.err for one in found]
    return found


def test_every_configuration_on_the_front_has_eight_seeds(ran: list[Ran]) -> None:
    values = json.loads(ran[2].out)
    costs = [member["cost"] for member in values["members"]]
    assert costs == sorted(costs)
    assert len(costs) >= 2
    assert {member["test"]["seeds"] for member in values["members"]} == {8}
    assert (values["cost"], values["train_images"], values["test_images"]) == ("parameters", 1000, 10_000)
    assert "confirm tiny-0 --front" in ran[0].out + ran[0].err
    assert len(values["nets"]) == 8 * len(costs)


def test_a_member_is_on_the_front_where_its_interval_says_so(ran: list[Ran]) -> None:
    members = json.loads(ran[2].out)["members"]
    assert (members[0]["on_front"], members[0]["ahead"]) == ("yes", None), "nothing is as cheap"
    for member in members[1:]:
        low, high = member["ahead"]["low"], member["ahead"]["high"]
        assert member["on_front"] == ("yes" if low > 0 else "no" if high < 0 else "not shown"), member


def test_it_takes_no_budget(ran: list[Ran]) -> None:
    assert "--front does not use --budget" in ran[1].err


def test_asked_again_it_neither_trains_nor_opens_the_test_set(ran: list[Ran], folder: Path) -> None:
    dearest = json.loads(ran[2].out)["members"][-1]["number"]
    assert ran[3].err.splitlines()[0] == "To export the selected network:"
    assert f"mnist-bench export tiny-0/{dearest} --confirmed --to winner" in ran[3].err
    assert len(ran[3].err.splitlines()) == 2
    first, alone, again = (json.loads(ran[place].out) for place in (2, 4, 5))
    assert [member["number"] for member in alone["members"]] == [dearest]
    assert (again["finals"], again["members"]) == (first["finals"], first["members"])
    assert "the test set is not evaluated again" in ran[4].err
    assert ran[3].out.splitlines()[-1] == "The test set has been evaluated once."
    lines = (folder / "results" / "test-openings.jsonl").read_text().splitlines()
    assert json.loads(lines[0])["purpose"].startswith("confirm tiny-0: #")


def test_a_race_afterwards_believes_what_is_known(ran: list[Ran], further: list[Ran], folder: Path) -> None:
    raced, front = json.loads(further[0].out), json.loads(ran[2].out)
    (final,) = raced["finals"]
    known = {final["number"]: final["errors"] for final in front["finals"]}
    assert final["errors"] == known[final["number"]]
    assert raced["test_images"] == 10_000
    assert "the test set is not evaluated again" in further[0].err
    assert len((folder / "results" / "test-openings.jsonl").read_text().splitlines()) == 1


def test_nothing_was_chosen_so_that_a_net_has_to_be_named(ran: list[Ran]) -> None:
    assert "tiny-0 has a confirmed front and no selected trial; name one of the front: tiny-0/" in ran[6].err


def test_the_leaderboard_tells_of_it(ran: list[Ran]) -> None:
    assert re.search(r"^front confirmed: On the test images: .* parameters \(#\d\)\.", ran[7].out, re.M)


def test_a_report_shows_it(further: list[Ran], folder: Path) -> None:
    assert further[1].code == 0
    page = (folder / "results" / "tiny-0" / "report.html").read_text()
    assert re.search(r"<h2[^>]*>The front, with fresh seeds</h2>", page)
    assert "the front of accuracy and parameters, 8 fresh seeds each" in page
    assert "Nothing is confirmed yet" not in page
