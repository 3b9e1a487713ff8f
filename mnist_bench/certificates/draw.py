"""Which periods are trained again, and the share of forgeries that such a draw finds."""

from __future__ import annotations

import math
import secrets
from fractions import Fraction

from search import canonical_json
from search.event_log import StudyRecord, TrialRecord

Place = tuple[int, int]
"""A trial and one of its periods."""
MAX_DRAW = 2**53
"""Seeds of a draw lie below; they are exact in JSON."""


def new_seed() -> int:
    """Return the seed of a draw, from the system's randomness."""
    return secrets.randbelow(MAX_DRAW)


def places(study: StudyRecord, best: TrialRecord) -> list[Place]:
    """Return the periods to draw from: all but those of the best trial, which is always trained again, and those that
    ran out of memory, because another machine may have more."""
    return [
        (trial.number, period)
        for trial in study.trials
        if trial.number != best.number
        for period, report in enumerate(trial.reports, start=1)
        if report.end != "out_of_memory"
    ]


def drawn(among: list[Place], number: int, seed: int, root: str) -> list[Place]:
    """Return `number` of the periods, drawn without replacement, each as probable as the others; all if there are
    fewer.

    The same seed gives the same periods on every machine and with every version of Python.
    """
    by_hash = sorted(among, key=lambda place: canonical_json.sha256(["draw", seed, root, *place]))
    return sorted(by_hash[:number])


def share_found(periods: int, forged: int, drawn: int) -> float:
    """Return the probability that at least one of the drawn periods is forged: 1 - C(m - b, k) / C(m, k).

    Args:
        periods: m, those drawn from.
        forged: b, at most as many.
        drawn: k, at most as many.

    >>> round(share_found(400, 20, 60), 3), share_found(400, 1, 60)
    (0.964, 0.15)
    """
    return float(1 - Fraction(math.comb(periods - forged, drawn), math.comb(periods, drawn)))
