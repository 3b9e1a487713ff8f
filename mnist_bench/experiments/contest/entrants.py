"""The entrants of a contest: those that the user named, and the baselines that every search method has to beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mnist_bench.experiments.contest.contest_record import Entrant
from search.errors import UsageError
from search.loading import is_code
from search.messages import show
from search.repeatability import TriedOn, require
from search.strategies import registry
from search.strategies.pruners import Pruner
from search.strategies.samplers import Sampler

BASELINES = (
    Entrant(sampler="random"),
    Entrant(sampler="random", budgets=2),
    Entrant(method="first_period"),
)
"""Chance; chance with twice the budget (Li et al. 2018); and "the first period for all, then the best to their ends",
which on many benchmarks does as well as successive halving (Egele et al. 2023)."""


Named = str | Mapping[str, Any]
"""A sampler or a pruner by its name, or as a space file has it: `name`, and options of a built-in one."""


def line_up(
    samplers: Sequence[Named],
    pruners: Sequence[Named],
    *,
    sampler_options: Mapping[str, Any] | None = None,
    pruner_options: Mapping[str, Any] | None = None,
    baselines: bool = True,
) -> tuple[Entrant, ...]:
    """Return every sampler with every pruner, and `baselines`; the first is the one that all are compared with.

    `sampler_options` and `pruner_options` go to your own strategies.

    Raises:
        UsageError: there are options, and no strategy that takes them; or a mapping names no strategy.
    """
    named_samplers = _with_options("sampler", samplers, sampler_options or {})
    named_pruners = _with_options("pruner", pruners, pruner_options or {})
    pairs = [
        Entrant(sampler=sampler, pruner=pruner, sampler_options=of_sampler, pruner_options=of_pruner)
        for sampler, of_sampler in named_samplers
        for pruner, of_pruner in named_pruners
    ]
    known = BASELINES if baselines else ()
    return tuple({entrant.name: entrant for entrant in [*pairs, *known]}.values())


def name_and_options(kind: str, given: Named) -> tuple[str, dict[str, Any]]:
    """Return a sampler's or a pruner's name and the options that stand next to it.

    Raises:
        UsageError: there is no name.
    """
    if isinstance(given, str):
        return given, {}
    options = dict(given)
    name = options.pop("name", None)
    if not isinstance(name, str):
        raise UsageError(f"{kind} {show(dict(given))}: give its name, such as {{name: tpe, n_startup_trials: 5}}.")
    return name, options


def _with_options(kind: str, given: Sequence[Named], shared: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return names with their options; `shared` goes to your own strategies."""
    found = [name_and_options(kind, one) for one in given]
    _check_taken(kind, [name for name, _ in found], shared)
    return [(name, {**options, **shared} if is_code(name) else options) for name, options in found]


def _check_taken(kind: str, names: Sequence[str], options: Mapping[str, Any]) -> None:
    """Check that options have a strategy to go to.

    Raises:
        UsageError: they have none.
    """
    if options and not any(map(is_code, names)):
        raise UsageError(
            f"--{kind}-option needs your own {kind} in --{kind}s, file.py:Name, and there is none: {', '.join(names)}. "
            f"For a built-in one, write its options there: --{kind}s '{{name: {names[0]}, OPTION: VALUE}}'."
        )


def strategies_of(entrant: Entrant) -> tuple[Sampler, Pruner]:
    """Return the sampler and the pruner of an entrant that searches; your own code is loaded.

    Raises:
        UsageError: there is no such strategy, or an option is unknown or out of range.
    """
    sampler = registry.named_sampler(entrant.sampler, entrant.sampler_options)
    return sampler, registry.named_pruner(entrant.pruner, entrant.pruner_options)


def check_fit(entrant: Entrant, tried_on: TriedOn) -> None:
    """Check that an entrant's sampler fits a space, and that your own code repeats.

    Raises:
        UsageError: they do not; the message gives the reason.
        PluginError: the user's code raises, or proposes a value outside its range.
    """
    if entrant.method != "search":
        return
    sampler, pruner = strategies_of(entrant)
    if reason := sampler.misfit(tried_on.space):
        raise UsageError(f"{entrant.way} on {tried_on.space.name}: {reason}.")
    require(sampler, pruner, tried_on)
