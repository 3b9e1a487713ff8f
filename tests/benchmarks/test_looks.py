"""How often the interim analyses of a claim, all together, report a difference between equal search methods."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from looks import compared
from numpy.typing import NDArray
from plans import plan_of

pytestmark = pytest.mark.slow

PLANS = Path(__file__).parents[2] / "benchmarks" / "strategies"
SIMULATED = 40_000
"""Claims about equal methods; the standard error of their share of wrong ones is then 0.11 percentage points."""
LEVEL = 0.05


def plans() -> list[Mapping[int, float]]:
    """Return the analyses of all planned claims, each schedule once: the boundary of |z| by number of pairs."""
    read = [plan_of(PLANS / f"{name}.yaml") for name in ("contest", "contest-coarse")]
    found = [claim.looks[0] for plan in read for claim in plan.claims]
    return [looks for place, looks in enumerate(found) if looks not in found[:place]]


def claimed(differences: NDArray[np.float64], pairs: int, boundary: float) -> NDArray[np.bool_]:
    """Return which of the simulated claims, shape (claims, pairs), an analysis of the first pairs reports."""
    seen = differences[:, :pairs]
    statistic = seen.mean(axis=1) / (seen.std(axis=1, ddof=1) / math.sqrt(pairs))
    return np.abs(statistic) > compared(seen[0], boundary, 0.0).boundary  # type: ignore[no-any-return]


@pytest.mark.parametrize("looks", plans(), ids=lambda looks: "-".join(map(str, looks)))
def test_all_analyses_of_a_claim_together_are_wrong_one_time_in_twenty(looks: Mapping[int, float]) -> None:
    differences = np.random.default_rng(0).standard_normal((SIMULATED, max(looks)))
    by_look = [claimed(differences, pairs, boundary) for pairs, boundary in looks.items()]
    wrong = float(np.any(by_look, axis=0).mean())
    tolerance = 4 * math.sqrt(LEVEL * (1 - LEVEL) / SIMULATED)
    assert abs(wrong - LEVEL) < tolerance, f"{100 * wrong:.2f}% of {SIMULATED:,}"


def test_the_simulation_reports_what_an_analysis_does() -> None:
    differences = np.random.default_rng(1).standard_normal((200, 50))
    said = [compared(each, 1.960, 0.0).verdict in ("better", "worse") for each in differences]
    assert claimed(differences, 50, 1.960).tolist() == said
    assert 0 < sum(said) < 40
