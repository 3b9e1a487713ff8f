"""The weights of a real study are removed, and trained again bit for bit."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from support import canned
from support.commands import Ran

pytestmark = pytest.mark.slow

SCRIPT = """
from pathlib import Path

kept = {path: path.read_bytes() for path in Path("results/finished/weights").iterdir()}
number = min(kept).stem
run("studies remove finished --weights", stdin="n\\n")
assert all(path.exists() for path in kept)
run("studies remove --weights finished --yes")
assert not any(path.exists() for path in kept)
run("studies remove --weights finished")
run("leaderboard finished")
run(f"predict finished/{number} digit.png")
run(f"reproduce finished/{number} --weights")
assert min(kept).read_bytes() == kept[min(kept)]
Path("RECORD.json").write_text(run(f"show finished/{number} --json"))
run("reproduce RECORD.json --weights")
"""


def test_weights_go_after_a_yes_and_are_trained_again_bit_for_bit(
    in_one_process: Callable[[Path, str], dict[str, Ran]], tmp_path: Path
) -> None:
    shutil.copytree(canned.studies(), tmp_path / "results")
    ran = in_one_process(tmp_path, SCRIPT).values()
    asked, removed, none, board, predicted, reproduced, _, of_a_record = ran
    assert [each.code for each in ran] == [1, 0, 0, 0, 3, 0, 0, 2]
    assert asked.err.startswith("finished: ")
    assert "`predict`, plots of a network and exports of confirmed networks need the weights." in asked.err
    assert removed.err.startswith("Removed ")
    assert none.err == "There are no weights to remove.\n"
    assert "COMPLETE" in board.out
    assert "are not here; `mnist-bench reproduce finished/" in predicted.err
    assert "--weights` trains it again." in predicted.err
    assert "The weights are in results/finished/weights/" in reproduced.out
    assert "a record has none" in of_a_record.err
