"""`mnist-bench confirm --front`: the whole of it on a few images."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from support.copies import Ran

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
run("search tiny.yaml -n 4 --executor in-process")
run("confirm tiny-0 --front --workers 1 --json")
run("confirm tiny-0 --front --workers 1")
run("confirm tiny-0 --front --top 1 --workers 1 --json")
run("confirm tiny-0 --front --top 8 --workers 1 --json")
run("export tiny-0 --confirmed --to nothing")
run("leaderboard tiny-0")
run("confirm tiny-0 --top 1 --workers 1 --json")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("front")
    (made / "tiny.yaml").write_text(SPACE)
    return made


@pytest.fixture(scope="module")
def ran(folder: Path, in_one_process: Callable[[Path, str], dict[str, Ran]]) -> list[Ran]:
    found = list(in_one_process(folder, SCRIPT).values())
    assert [one.code for one in found] == [0, 0, 0, 0, 0, 3, 0, 0], [one.err for one in found]
    return found


def test_every_configuration_on_the_front_has_eight_seeds(ran: list[Ran]) -> None:
    values, members = ran[1].values, ran[1].values["members"]
    costs = [member["cost"] for member in members]
    assert costs == sorted(costs)
    assert len(costs) >= 2
    assert {member["test"]["seeds"] for member in members} == {8}
    assert (values["cost"], values["train_images"], values["test_images"]) == ("parameters", 1000, 10_000)
    assert "confirm tiny-0 --front" in ran[0].out + ran[0].err
    assert len(values["nets"]) == 8 * len(costs)
    assert (members[0]["on_front"], members[0]["ahead"]) == ("yes", None), "nothing is as cheap"
    for member in members[1:]:
        low, high = member["ahead"]["low"], member["ahead"]["high"]
        assert member["on_front"] == ("yes" if low > 0 else "no" if high < 0 else "not shown"), member


def test_asked_again_it_neither_trains_nor_opens_the_test_set(ran: list[Ran], folder: Path) -> None:
    first, again, alone, longer, raced = (ran[place] for place in (1, 2, 3, 4, 7))
    dearest = first.values["members"][-1]["number"]
    head, command = again.err.splitlines()
    assert head == "To export the selected network:"
    assert f"mnist-bench export tiny-0/{dearest} --confirmed --to winner" in command
    assert again.out.splitlines()[-1] == "The test set has been evaluated once."
    assert [member["number"] for member in alone.values["members"]] == [dearest]
    assert (longer.values["finals"], longer.values["members"]) == (first.values["finals"], first.values["members"])
    known = {final["number"]: final["errors"] for final in first.values["finals"]}
    (final,) = raced.values["finals"]
    assert final["errors"] == known[final["number"]]
    assert raced.values["test_images"] == 10_000
    assert all("the test set is not evaluated again" in one.err for one in (alone, raced))
    (line,) = (folder / "results" / "test-openings.jsonl").read_text().splitlines()
    assert json.loads(line)["purpose"].startswith("confirm tiny-0: #")


def test_what_comes_after_knows_of_it(ran: list[Ran]) -> None:
    assert "tiny-0 has a confirmed front and no selected trial; name one of the front: tiny-0/" in ran[5].err
    assert re.search(r"^front confirmed: On the test images: .* parameters \(#\d\)\.", ran[6].out, re.M)
