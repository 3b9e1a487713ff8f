"""What a search decides is held by digests: a change of any of them needs a new DRIVER_REVISION."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from search.study.spec import DRIVER_REVISION
from support import golden_searches
from support.paths import ROOT

GOLDEN: dict[str, Any] = json.loads((ROOT / golden_searches.FILE).read_text())
CASES = golden_searches.cases()


def test_the_digests_are_those_of_this_revision() -> None:
    assert GOLDEN["driver_revision"] == DRIVER_REVISION, (
        f"{golden_searches.FILE} is of DRIVER_REVISION {GOLDEN['driver_revision']}, and the driver is at "
        f"{DRIVER_REVISION}: write the file anew with `python benchmarks/golden.py`"
    )


@pytest.mark.usefixtures("log_alone")
@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    # gp takes a second for a proposal.
    [pytest.param(name, marks=pytest.mark.integration if name == "gp none two" else ()) for name in CASES],
)
def test_a_search_decides_as_this_revision_did(name: str, tmp_path: Path) -> None:
    place = golden_searches.place(CASES[name])
    if place not in GOLDEN["digests"]:
        pytest.skip(f"not checked: no digest is known of any search with {place}")
    known = GOLDEN["digests"][place].get(name)
    assert known is not None, f"no digest is known of the search {name!r}: add it with `python benchmarks/golden.py`"
    assert golden_searches.searched(tmp_path, CASES[name]).digest == known, (
        f"the search {name!r} decides otherwise than before with the same versions: if that is meant, raise "
        "search.study.spec.DRIVER_REVISION and write the digests anew with "
        "`python benchmarks/golden.py`; if not, undo it"
    )


def test_digests_are_known_of_all_that_is_searched_and_of_nothing_else() -> None:
    """On whatever machine: a new search, such as one with a new sampler, has no digest until somebody adds it."""
    known = {name for digests in GOLDEN["digests"].values() for name in digests}
    unknown = sorted(set(CASES) - known)
    assert not unknown, f"no digest is known of the searches {unknown}: add them with `python benchmarks/golden.py`"
    assert known <= set(CASES), f"{golden_searches.FILE} has digests of searches that are not made any more"
