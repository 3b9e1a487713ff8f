"""A trial's rank among the others after each of its periods, by which pruners decide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from search.event_log.events import Asked, Event, Reported, Told
from search.event_log.records import TrialRecord
from search.space.objective import Direction, score
from search.strategies.pruners import Pruner


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """A trial after one of its periods, among all trials that had reported after the same period by then; with two
    objectives among those of them that cost no more."""

    period: int
    """From 1."""
    value: float | None
    """The figure that the search maximises or minimizes; None if the trial could not continue."""
    place: int
    """1 is the best; of equal values all have the best place."""
    arrived: int
    """Trials that had reported, this one among them."""
    asked: bool
    """Whether the pruner may stop a trial after this period."""
    rule: str
    """Which trials the pruner lets continue, in a few words; or why it lets this one continue (its start condition);
    empty if it stops none."""
    stopped: bool


def standings(
    events: Sequence[Event], trial: TrialRecord, pruner: Pruner, cost: str | None = None
) -> Iterator[Standing]:
    """Yield the rank of a trial after each of its periods, as the pruner knew it.

    `cost` is the fact that a search with two objectives minimises.
    """
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
            awaited = pruner.awaits(len(complete & arrived.keys())) if is_judged else ""
            asked = is_judged and not awaited
            yield Standing(
                period=event.period,
                value=value,
                place=1 + sum(value is None or _beats(other, value, trial.direction) for other in arrived.values()),
                arrived=len(arrived) + (value is None),
                asked=asked,
                rule=pruner.rule(len(arrived), "" if cost is None else " that cost no more") if asked else awaited,
                stopped=event.prune,
            )


def _beats(one: float, other: float, direction: Direction) -> bool:
    return score(one, direction) > score(other, direction)


def _costs_no_more(proposed: Asked, trial: TrialRecord, cost: str) -> bool:
    """Return whether a proposed trial costs at most as much as the trial in question."""
    return cost in proposed.facts and cost in trial.facts and proposed.facts[cost] <= trial.facts[cost]
