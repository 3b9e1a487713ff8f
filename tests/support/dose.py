"""How many examples a property is tried with: a tenth by default, all of them where HYPOTHESIS_PROFILE is full."""

from __future__ import annotations

import os

from hypothesis import settings

FULL = 100
"""Examples of a property that names no number of its own, in the full dose."""
SHARES = {"tenth": 0.1, "full": 1.0}
SHARE = SHARES[os.environ.get("HYPOTHESIS_PROFILE", "tenth")]


def dose(full: int) -> int:
    """Return how many of so many examples are tried in this run."""
    return max(1, round(full * SHARE))


def load() -> None:
    """Let this run's dose be the default of all properties; no time limit, for machines are busy; the rest stays."""
    settings.register_profile("dose", settings(), max_examples=dose(FULL), deadline=None)
    settings.load_profile("dose")
