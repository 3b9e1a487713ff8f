"""The check of own strategies for a search that was made in Python: `mnist-bench search` makes it by itself."""

from __future__ import annotations

from search.driver import Search
from search.event_log import repeats
from search.repeatability.check import TriedOn, require
from search.repeatability.made_up import CANARY


def require_repeatable(planned: Search) -> None:
    """Check in a few seconds that a sampler and a pruner of the user's own decide the same again, before `run`.

    `planned` is what `Search.of` returns. A search by arrival, and one with built-in strategies, needs no check.

    Raises:
        UsageError: one does not; the message says how to search with it all the same.
        PluginError: it raises, or proposes what its range does not hold.
    """
    spec = planned.spec_for({"canary": CANARY})
    if repeats(spec.order):
        planner = planned.planner_for(spec)
        # No command tries a strategy out on this very search.
        tried_on = TriedOn(space=spec.space, planner=planner, periods=spec.periods, seed=spec.seed, words=None)
        require(spec.sampler, spec.pruner, tried_on)
