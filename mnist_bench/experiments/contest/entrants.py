"""The entrants of a contest: those that the user named, and the baselines that every search method has to beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mnist_bench.experiments.contest.contest_record import Entrant
from search import strategies
from search.errors import UsageError
from search.plugins import is_code
from search.repeatability import TriedOn, require

BASELINES = (
    Entrant(sampler="random"),
    Entrant(sampler="random", budgets=2),
    Entrant(sampler="qmc"),
    Entrant(method="first_period"),
)
"""Chance; chance with twice the budget (Li et al. 2018); points spread evenly; and "the first period for all, then the
best to their ends", which on many benchmarks does as well as successive halving (Egele et al. 2023)."""


def line_up(
    samplers: Sequence[str],
    pruners: Sequence[str],
    *,
    sampler_options: Mapping[str, Any] | None = None,
    pruner_options: Mapping[str, Any] | None = None,
    start: tuple[str, ...] = (),
    baselines: bool = True,
) -> tuple[Entrant, ...]:
    """Return every sampler with every pruner, and `baselines`; the first is the one that all are compared with.

    Options go to your own strategies. `start` names the sources of the start list with which every
    pair takes part a second time.

    Raises:
        UsageError: there are options, and no strategy that takes them.
    """
    _check_taken("sampler", samplers, sampler_options)
    _check_taken("pruner", pruners, pruner_options)
    pairs = [
        Entrant(
            sampler=sampler,
            pruner=pruner,
            sampler_options=dict(sampler_options or {}) if is_code(sampler) else {},
            pruner_options=dict(pruner_options or {}) if is_code(pruner) else {},
        )
        for sampler in samplers
        for pruner in pruners
    ]
    known = BASELINES if baselines else ()
    with_list = [replace(pair, start=start) for pair in pairs] if start else []
    return tuple({entrant.name: entrant for entrant in [*pairs, *with_list, *known]}.values())


def _check_taken(kind: str, names: Sequence[str], options: Mapping[str, Any] | None) -> None:
    """Check that options have a strategy to go to.

    Raises:
        UsageError: they have none.
    """
    if options and not any(map(is_code, names)):
        raise UsageError(
            f"--{kind}-option is for your own {kind}s, file.py:Name; --{kind}s names none: {', '.join(names)}."
        )


def strategies_of(entrant: Entrant) -> tuple[strategies.Sampler, strategies.Pruner]:
    """Return the sampler and the pruner of an entrant that searches; your own code is loaded.

    Raises:
        UsageError: there is no such strategy, or an option is unknown or out of range.
    """
    sampler = strategies.named_sampler(entrant.sampler, entrant.sampler_options)
    return sampler, strategies.named_pruner(entrant.pruner, entrant.pruner_options)


def check_fit(entrant: Entrant, tried_on: TriedOn) -> None:
    """Check that an entrant's sampler and pruner fit each other and a space, and that your own code repeats.

    Raises:
        UsageError: they do not; the message gives the reason.
        PluginError: the user's code raises, or proposes a value outside its range.
    """
    if entrant.method != "search":
        return
    sampler, pruner = strategies_of(entrant)
    if reasons := [reason for _, reason in strategies.misfits(sampler, pruner, tried_on.space, tried_on.periods)]:
        raise UsageError(f"{entrant.way} on {tried_on.space.name}: {'; '.join(reasons)}.")
    require(sampler, pruner, tried_on)
