"""Sentences about early stops: of a search before its goal, and of trials that were ahead when they stopped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from mnist_bench import cells
from search.event_log.history import StopRules
from search.event_log.records import EarlyStop, TrialRecord
from search.messages import first_few, number_of
from search.space.objective import score

NAMED = 5
"""Largest number of trials that a sentence names."""


def stop_line(stop: EarlyStop, *, foreign: bool) -> str:
    """Return why a search ended before its goal; the values of `foreign` studies are no accuracies."""
    value = cells.value(stop.value) if foreign else cells.percent(stop.value)
    match stop.rule:
        case "target":
            return f"Stopped early by {stop_option(stop, foreign=foreign)}: #{stop.best} reached {value}."
        case "patience":
            better = "came to the front" if stop.two_objectives else "was better"
            ended = f"{number_of(stop.since, 'trial')} ended since #{stop.best} ({value})"
            return f"Stopped early by {stop_option(stop, foreign=foreign)}: {ended}, and none {better}."
        case _:
            assert_never(stop.rule)


def stop_option(stop: EarlyStop, *, foreign: bool) -> str:
    """Return the option with which a search stops as this one did: `--patience 12`, `--target 99.4%`."""
    share = stop.rule == "target" and not foreign
    return f"--{stop.rule} {f'{100 * stop.limit:.9g}%' if share else f'{stop.limit:.9g}'}"


def rules_words(rules: StopRules, *, foreign: bool = False) -> list[str]:
    """Return the rules that may end a search before its goal, a few words each; `foreign` as in `stop_line`."""
    patience = [] if rules.patience is None else [f"patience {rules.patience}"]
    if rules.target is None:
        return patience
    return [*patience, f"target {rules.target:.9g}" if foreign else f"target {100 * rules.target:.9g}%"]


def first_then(trial: TrialRecord, first: TrialRecord | None) -> float | None:
    """Return the value that the first complete trial had after as many periods as another trial trained in all.

    None if the other trial is complete, still trains, or ended without a value.
    """
    periods = len(trial.reports)
    is_cut = trial.state != "COMPLETE" and trial.reason != "running" and trial.value is not None
    return first.reports[periods - 1].value if is_cut and first and periods <= len(first.reports) else None


def is_ahead(trial: TrialRecord, first: TrialRecord | None) -> bool:
    """Return whether a trial stopped early, and had a better value than the first one after as many periods."""
    then = first_then(trial, first)
    return then is not None and trial.score is not None and trial.score > score(then, trial.direction)


def ahead_line(first: int, ahead: Sequence[int], *, foreign: bool) -> str:
    """Return which trials stopped early though they were ahead of the first complete one at the same epoch; `foreign`
    studies have reports, and no epochs."""
    named = first_few([f"#{number}" for number in ahead], NAMED)
    which = "it" if len(ahead) == 1 else "one of them"
    unit = "report" if foreign else "epoch"
    return (
        f"ahead: stopped early, ahead of #{first} at the same {unit}: {named}. With more training, {which} might lead."
    )
