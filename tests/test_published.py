"""The committed results are real: the winner's record is begun again, and the tables are those of the record."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.experiments.scored_recipes import PUBLISHED
from mnist_bench.leaderboard.board import grouped
from mnist_bench.training.trainer import numerics_here
from search.study.studies import open_study
from support import wants
from support.paths import ROOT
from support.wants import check_as_published

FOLDER = ROOT / "results" / "published"


def record_of(part: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((FOLDER / part / "RECORD.json").read_text())
    return record


@pytest.mark.integration
@pytest.mark.parametrize("part", ["conv", "portable"])
def test_the_published_winner_begins_as_it_did(part: str, tmp_path: Path) -> None:
    """To the bit if the canary agrees; its first two periods, for all of them take a minute."""
    record = record_of(part)
    begun = {**record, "curve": record["curve"][:2], "correct": None}
    del begun["sha256"]  # of what was published
    program = str(Path(sys.executable).with_name("mnist-bench"))
    done = subprocess.run(
        [program, "reproduce", "-", "--json"],
        input=json.dumps(begun), cwd=tmp_path, stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    found = json.loads(done.stdout)
    if any(difference["name"] == "check" for difference in found["numerics"]):
        assert done.returncode == 4
    elif not wants.is_that_of(record["versions"]["torch"]):
        assert done.returncode in (0, 4)
    else:
        assert (done.returncode, found["verdict"], found["first_difference"]) == (0, "identical", None)


@pytest.mark.integration
def test_the_search_that_readme_begins_with_has_its_published_digest(tmp_path: Path) -> None:
    """On every machine that computes portable bits."""
    check_as_published(numerics_here("cpu", "portable"))
    program = str(Path(sys.executable).with_name("mnist-bench"))
    words = [program, "search", "smoke", "--trials", "20"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    digest = grouped(open_study(tmp_path / "results", None).digest)
    assert f"digest {digest}" in (FOLDER.parent.parent / "README.md").read_text()
    assert f"\nexpected digest {digest[:9]} ... {digest[-4:]} (published; " in done.stderr
    assert "\n       equal to the published digest (" in done.stdout


@pytest.mark.parametrize("part", ["conv", "portable"])
def test_the_record_is_that_of_the_first_row(part: str) -> None:
    first = json.loads((FOLDER / part / "leaderboard.json").read_text())["studies"][0]["rows"][0]
    record = record_of(part)
    assert record["trial"] == first["number"]
    assert record["curve"][-1]["value"] == first["accuracy"]
    assert record["curve"][-1]["metrics"]["errors"] == first["errors"]


def test_the_notebooks_table_has_every_recipe_over_five_seeds_in_portable_precision() -> None:
    rows = json.loads((FOLDER / "notebook.json").read_text())["rows"]
    assert [row["recipe"] for row in rows] == list(PUBLISHED)
    assert {(len(row["runs"]), row["precision"]) for row in rows} == {(5, "portable")}
