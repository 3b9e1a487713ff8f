"""The check of own strategies for a search that was made in Python: `mnist-bench search` makes it by itself."""

from __future__ import annotations

from search.driver import Search
from search.event_log import repeats
from search.repeatability.check import TriedOn, require
from search.repeatability.made_up import CANARY


def require_repeatable(asked: Search) -> None:
    """Check in a few seconds that a sampler and a pruner of the user's own decide the same again, before `run`.

    `asked` is what `Search.of` returns. Of a search by arrival, or with strategies that are built in, nothing is asked.

    Raises:
        UsageError: one does not; the message says how to search with it all the same.
        PluginError: it raises, or proposes what its range does not hold.
    """
    spec = asked.spec_for({"canary": CANARY})
    if repeats(spec.order):
        planner = asked.planner_for(spec)
        # No command tries a strategy out on this very search.
        tried_on = TriedOn(space=spec.space, planner=planner, periods=spec.periods, seed=spec.seed, words=None)
        require(spec.sampler, spec.pruner, tried_on)
