"""A search that fills its disk: one sentence, and the same command goes on when there is room."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.commands import in_one_process
from support.damage import small_disk

pytestmark = pytest.mark.integration

LINE = "search smoke --trials 4 --concurrent-trials 4 --set subset=1000 --executor in-process"
FULL = f"{LINE} "
SCRIPT = f"""
import subprocess
run("{LINE} --results undisturbed")
run("{FULL}")
run("show smoke-0 --json")
subprocess.run(["mount", "-o", "remount,size=64m", "results"], check=True)
run("{LINE}")
run("doctor smoke-0")
"""


@pytest.fixture
def small_results(tmp_path: Path) -> Iterator[Path]:
    """Return a folder whose results are on a disk of 600 kilobytes."""
    with small_disk(tmp_path / "results", "600k"):
        yield tmp_path


def test_a_search_that_fills_its_disk_goes_on_when_there_is_room(small_results: Path) -> None:
    ran = in_one_process(small_results, SCRIPT)
    whole, full, resumed = ran[f"{LINE} --results undisturbed"], ran[FULL], ran[LINE]
    assert (whole.code, full.code, resumed.code) == (0, 1, 0)
    assert full.err.splitlines()[-1].startswith("Error: ")
    assert "full" in full.err or "No space left" in full.err
    assert "Nothing written is lost" in full.err
    assert digest(resumed.out) == digest(whole.out)
    assert ran["show smoke-0 --json"].code == 0
    assert ran["doctor smoke-0"].code == 0


def digest(printed: str) -> str:
    (line,) = [line for line in printed.splitlines() if line.startswith("digest")]
    return line.split("(")[0]
