"""A trial's rank among the others after each of its periods, by which pruners decide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never

from search.event_log import Asked, Event, Reported, Told, TrialRecord
from search.strategies import Asha, ForeignPruner, Hyperband, Median, NoPruner, Pruner


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """A trial after one of its periods, among all trials that had reported after the same period by then; with two
    objectives among those of them that cost no more."""

    period: int
    """From 1."""
    value: float | None
    """The figure that the search maximises; None if the trial could not continue."""
    place: int
    """1 is the best; of equal values all have the best place."""
    arrived: int
    """Trials that had reported, this one among them."""
    asked: bool
    """Whether the pruner may stop a trial after this period."""
    rule: str
    """Which trials the pruner lets continue, in a few words, or what it waits for; empty if it stops none."""
    stopped: bool


def standings(
    events: Sequence[Event], trial: TrialRecord, pruner: Pruner, cost: str | None = None
) -> Iterator[Standing]:
    """Yield where a trial stood after each of its periods, as the pruner knew it; `cost` is the fact that a search with
    two objectives minimises."""
    values: dict[int, dict[int, float]] = {}
    rivals: set[int] = set()
    complete: set[int] = set()
    for event in events:
        if isinstance(event, Asked) and (cost is None or _costs_no_more(event, trial, cost)):
            rivals.add(event.trial)
        if isinstance(event, Told) and event.state == "COMPLETE":
            complete.add(event.trial)
        if not isinstance(event, Reported) or event.trial not in rivals:
            continue
        value, arrived = event.report.value, values.setdefault(event.period, {})
        if value is not None:
            arrived[event.trial] = value
        if event.trial == trial.number:
            is_judged = value is not None and event.period < len(trial.costs) and pruner.may_stop_at(event.period)
            awaited = _awaited(pruner, len(complete & arrived.keys())) if is_judged else ""
            asked = is_judged and not awaited
            yield Standing(
                period=event.period,
                value=value,
                place=1 + sum(value is None or other > value for other in arrived.values()),
                arrived=len(arrived) + (value is None),
                asked=asked,
                rule=_rule(pruner, len(arrived), "" if cost is None else " that cost no more") if asked else awaited,
                stopped=event.prune,
            )


def _costs_no_more(proposed: Asked, trial: TrialRecord, cost: str) -> bool:
    """Return whether a proposed trial costs at most as much as the trial in question."""
    return cost in proposed.facts and cost in trial.facts and proposed.facts[cost] <= trial.facts[cost]


def _awaited(pruner: Pruner, complete: int) -> str:
    """Return in words which complete trials a pruner waits for before it stops any; empty if it does not wait."""
    match pruner:
        case Median(n_startup_trials=first, n_min_trials=least):
            needed = max(1, first, least)
            return f"stops none before {needed} {'is' if needed == 1 else 'are'} complete" if complete < needed else ""
        case Asha() | Hyperband() | NoPruner() | ForeignPruner():
            return ""
        case _:
            assert_never(pruner)


def _rule(pruner: Pruner, arrived: int, which: str) -> str:
    match pruner:
        case Asha(reduction_factor=factor):
            most = max(1, arrived // factor)
            return f"of {arrived}{which} the best {f'{most} go' if most > 1 else 'one goes'} on"
        case Hyperband(reduction_factor=factor):
            return f"of each bracket about one in {factor} goes on"
        case Median():
            return f"whose best value is not below the median of those complete{which} goes on"
        case NoPruner():
            return ""
        case ForeignPruner(name=name):
            return f"{name} decides"
        case _:
            assert_never(pruner)
