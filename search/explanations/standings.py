"""How a trial compared with the others after each of its periods, which is what pruners decide by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never

from search.event_log import Event, Reported, TrialRecord
from search.strategies import Asha, ForeignPruner, Hyperband, Median, NoPruner, Pruner


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """A trial after one of its periods, among all trials that had reported after the same period by then."""

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


def standings(events: Sequence[Event], trial: TrialRecord, pruner: Pruner) -> Iterator[Standing]:
    """Yield where a trial stood after each of its periods, as the pruner knew it."""
    values: dict[int, list[float]] = {}
    for event in events:
        if not isinstance(event, Reported):
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
                rule=_rule(pruner, len(arrived)) if asked else "",
                stopped=event.prune,
            )


def _rule(pruner: Pruner, arrived: int) -> str:
    match pruner:
        case Asha(reduction_factor=factor):
            most = max(1, arrived // factor)
            return f"of {arrived} the best {most} go on" if most > 1 else f"of {arrived} the best one goes on"
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
