"""How a trial compared with the others after each of its periods, which is what pruners decide by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never

from search.event_log import Asked, Event, Reported, TrialRecord
from search.strategies import Asha, ForeignPruner, Hyperband, Median, NoPruner, Pruner


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """A trial after one of its periods, among all trials that had reported after the same period by then; with two
    objectives among those of them that cost no more."""

    period: int
    """From 1."""
    value: float | None
    """What the search maximises; None where the trial could not go on."""
    place: int
    """1 is the best; of equal values all have the best place."""
    arrived: int
    """Trials that had reported, this one among them."""
    asked: bool
    """Whether the pruner may stop a trial after this period."""
    rule: str
    """What the pruner lets go on, in a few words; empty where it stops none."""
    stopped: bool


def standings(
    events: Sequence[Event], trial: TrialRecord, pruner: Pruner, cost: str | None = None
) -> Iterator[Standing]:
    """Yield where a trial stood after each of its periods, as the pruner knew it; `cost` is the fact that a search with
    two objectives minimises."""
    values: dict[int, list[float]] = {}
    rivals: set[int] = set()
    for event in events:
        if isinstance(event, Asked) and (cost is None or _costs_no_more(event, trial, cost)):
            rivals.add(event.trial)
        if not isinstance(event, Reported) or event.trial not in rivals:
            continue
        value, arrived = event.report.value, values.setdefault(event.period, [])
        if value is not None:
            arrived.append(value)
        if event.trial == trial.number:
            asked = event.period < len(trial.costs) and pruner.may_stop_at(event.period)
            yield Standing(
                period=event.period,
                value=value,
                place=1 + sum(value is None or other > value for other in arrived),
                arrived=len(arrived) + (value is None),
                asked=asked,
                rule=_rule(pruner, len(arrived), "" if cost is None else " that cost no more") if asked else "",
                stopped=event.prune,
            )


def _costs_no_more(asked: Asked, trial: TrialRecord, cost: str) -> bool:
    """Return whether a trial's cost is at most that of the trial in question, which it is of itself."""
    return cost in asked.facts and cost in trial.facts and asked.facts[cost] <= trial.facts[cost]


def _rule(pruner: Pruner, arrived: int, which: str) -> str:
    match pruner:
        case Asha(reduction_factor=factor):
            most = max(1, arrived // factor)
            return f"of {arrived}{which} the best {f'{most} go' if most > 1 else 'one goes'} on"
        case Hyperband(reduction_factor=factor):
            return f"of each bracket about one in {factor} goes on"
        case Median():
            return "whose best value is above the median goes on"
        case NoPruner():
            return ""
        case ForeignPruner(name=name):
            return f"{name} decides"
        case _:
            assert_never(pruner)
