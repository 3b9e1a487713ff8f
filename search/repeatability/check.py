"""Check whether a custom sampler or pruner is repeatable: asked again, it decides the same turns alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from search.differences import CHECK, differences
from search.driver.run import Search
from search.errors import UsageError
from search.event_log.records import repeats
from search.messages import on_one_line
from search.repeatability.elsewhere import decided_elsewhere
from search.repeatability.made_up import CANARY, MadeUpPlanner
from search.repeatability.rehearsal import Decision, Length, decided_anew, recorded, rehearse
from search.space.space import Space
from search.strategies.pruners import Pruner
from search.strategies.samplers import Sampler
from search.strategies.strategy import is_own
from search.study.spec import StudySpec
from search.trainer_api import Planner

SLOTS = 8
LENGTH = Length(proposals=60, trials=16)
"""More trained trials than the ten that Optuna's samplers draw at random."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TriedOn:
    """The space and planner on which a strategy is tried out."""

    space: Space
    planner: Planner[Any]
    """Says what a trial's periods cost and what exceeds a limit; its configurations are not trained."""
    periods: int
    seed: int = 0


def require(sampler: Sampler, pruner: Pruner, tried_on: TriedOn) -> None:
    """Check in a few seconds that your own sampler and pruner decide the same here and in another process.

    Raises:
        UsageError: one does not; the message says how to search with it all the same. Or it sets a system attribute
            that no study can keep.
        PluginError: it raises, or proposes a value outside its range.
    """
    own = [way for way in (sampler, pruner) if is_own(way)]
    if not own:
        return
    names = " and ".join(way.loaded.whole_name if way.loaded else way.name for way in own)
    spec = StudySpec(
        space=tried_on.space, seed=tried_on.seed, concurrent_trials=SLOTS, sampler=sampler, pruner=pruner,
        periods=tried_on.periods, order="deterministic", context={}, versions={}, numerics={CHECK: CANARY},
    )  # fmt: skip
    events = rehearse(spec, MadeUpPlanner(tried_on.planner), LENGTH)
    decided = recorded(spec, events)
    for where, again in (("asked again", decided_anew), ("asked in another process", decided_elsewhere)):
        if (difference := _difference(decided, again(spec, events))) is not None:
            raise UsageError(
                f"{names}: not repeatable: {where} after the same history, it decides differently ({difference}). A "
                "search in deterministic order requires this; `--order as-completed` does not (in Python, "
                "order='as-completed')."
            )


def require_repeatable(planned: Search) -> None:
    """Check in a few seconds that your own sampler and pruner decide the same again, before `run`.

    `planned` is what `Search.of` returns. A search by arrival, and one with built-in strategies, needs no check.

    Raises:
        UsageError: one does not; the message says how to search with it all the same.
        PluginError: it raises, or proposes a value outside its range.
    """
    spec = planned.spec_for({CHECK: CANARY})
    if repeats(spec.order):
        planner = planned.planner_for(spec)
        tried_on = TriedOn(space=spec.space, planner=planner, periods=spec.periods, seed=spec.seed)
        require(spec.sampler, spec.pruner, tried_on)


def _difference(then: Mapping[str, Decision], now: Mapping[str, Decision]) -> str | None:
    """Return the first difference in words, or None."""
    for turn, decision in then.items():
        for path, old, new in differences({turn: decision}, {turn: now.get(turn, {})}):
            return on_one_line(f"{turn}: {path.removeprefix(f'{turn}.')} {old}, then {new}")
    return None
