"""What portable searches decide is recorded; `make digests` compares that of all others with the base commit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support import golden_searches
from support.paths import ROOT

RECORDED: dict[str, dict[str, str]] = json.loads((ROOT / "tests" / "digests.json").read_text())
PORTABLE = {name: options for name, options in golden_searches.cases().items() if options["portable"]}


@pytest.mark.usefixtures("log_alone")
@pytest.mark.slow
@pytest.mark.parametrize("name", PORTABLE)
def test_a_portable_search_has_the_recorded_digest(name: str, tmp_path: Path) -> None:
    place = golden_searches.place(PORTABLE[name])
    if place not in RECORDED:
        pytest.skip(f"no digests are recorded for these versions: {place}")
    assert golden_searches.searched(tmp_path, PORTABLE[name]).digest == RECORDED[place][f"search: {name}"]
