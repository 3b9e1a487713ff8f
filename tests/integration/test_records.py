"""Every record is verified with a new draw, and the small ones are scored again."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from mnist_bench.certificates import VerifyOptions, read, verify
from mnist_bench.experiments import Observer
from mnist_bench.numerics.canaries import is_as_published
from mnist_bench.training.remote import numerics_here
from support.paths import ROOT

pytestmark = pytest.mark.integration
FOLDER = ROOT / "results" / "records"
SCORES = {row["entry"]: row for row in json.loads((FOLDER / "scores.json").read_text())}
DRAWN = {"smoke": 60}
"""Reporting intervals to draw of a space's entries; of a larger space 3, whose trials take minutes."""


@pytest.mark.parametrize("entry", sorted(SCORES))
def test_a_record_holds(entry: str) -> None:
    if not is_as_published(numerics_here("cpu", "portable")):
        pytest.skip("this machine computes no portable bits")
    file = FOLDER / f"{entry}.json"
    found = verify(file, VerifyOptions(periods=DRAWN.get(SCORES[entry]["space"], 3), workers=2), Observer())
    assert found.verdict in (("holds",) if not found.conditions else ("holds", "cannot tell")), found


@pytest.mark.parametrize("entry", sorted(name for name, row in SCORES.items() if row["space"] == "smoke"))
def test_a_small_record_is_scored_as_it_was(entry: str) -> None:
    if not is_as_published(numerics_here("cpu", "portable")):
        pytest.skip("this machine computes no portable bits")
    sys.path.insert(0, str(ROOT / "benchmarks"))
    from records import scored

    row = SCORES[entry]
    again = scored(Path(FOLDER / f"{entry}.json"), row["draw"], len(row["seeds"]), Observer())
    assert [*again.values] == row["values"]
    assert read(FOLDER / f"{entry}.json").root == again.root
