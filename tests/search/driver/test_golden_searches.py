"""What a search decides is held by digests: a change of any of them needs a new DRIVER_REVISION."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from search.study.spec import DRIVER_REVISION
from support import golden_searches, native
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
    place, digest = searched(name, tmp_path)
    if place not in GOLDEN["digests"]:
        pytest.skip(f"not checked: no digest is known of any search with {place}")
    known = GOLDEN["digests"][place].get(name)
    assert known is not None, f"no digest is known of the search {name!r}: add it with `python benchmarks/golden.py`"
    assert digest == known, (
        f"the search {name!r} decides otherwise than before with the same versions: if that is meant, raise "
        "search.study.spec.DRIVER_REVISION and write the digests anew with "
        "`python benchmarks/golden.py`; if not, undo it"
    )


def searched(name: str, folder: Path) -> tuple[str, str]:
    """Return the place and the digest of a search; gp computes with PyTorch, so with the kernels of this processor."""
    if not CASES[name]["sampler"].own_arithmetic:
        return golden_searches.place(CASES[name]), golden_searches.searched(folder, CASES[name]).digest
    code = (
        "import sys; from pathlib import Path; from support import golden_searches as golden\n"
        "case = golden.cases()[sys.argv[1]]; print(golden.place(case))\n"
        "print(golden.searched(Path(sys.argv[2]), case).digest)"
    )
    place, digest = native.printed("-c", code, name, str(folder)).splitlines()
    return place, digest


def test_digests_are_known_of_all_that_is_searched_and_of_nothing_else() -> None:
    """On whatever machine: a new search, such as one with a new sampler, has no digest until somebody adds it."""
    known = {name for digests in GOLDEN["digests"].values() for name in digests}
    unknown = sorted(set(CASES) - known)
    assert not unknown, f"no digest is known of the searches {unknown}: add them with `python benchmarks/golden.py`"
    assert known <= set(CASES), f"{golden_searches.FILE} has digests of searches that are not made any more"
