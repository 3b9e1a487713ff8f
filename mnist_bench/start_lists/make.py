"""A start list for a space, from sources whose spaces and data may be others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mnist_bench.start_lists.sources import Source
from search import canonical_json
from search.errors import UsageError
from search.proposals import Coordinates, portfolio
from search.space import Choice, Distribution, FloatRange, IntRange, Levels, Space
from search.study import StartList
from search.trainer_api import Planner

NUMBER = 10
"""Configurations of a list."""


def make(space: Space, planner: Planner[Any], sources: Sequence[Source], number: int = NUMBER) -> StartList:
    """Return the configurations of a space to try first, the most promising one first.

    A number beyond the ends of its range in this space becomes the nearest end. A configuration is left out where the
    space asks for a setting that its source does not have, or has no such option; and where it exceeds a limit.

    Raises:
        UsageError: nothing is left.
    """
    losses: dict[str, list[float]] = {}
    configurations: dict[str, Mapping[str, Any]] = {}
    for each in sources:
        for tried in each.tried:
            params = _adapted(space, tried.settings)
            if params is not None:
                key = canonical_json.dumps(dict(params))
                configurations[key] = params
                losses.setdefault(key, []).append(tried.loss)
    feasible = [key for key, params in configurations.items() if planner(params).feasible]
    names = tuple(each.name for each in sources)
    if not feasible:
        raise UsageError(f"Nothing that was tried in {' and '.join(names)} fits the space {space.name}.")
    chosen = portfolio(
        [configurations[key] for key in feasible],
        [sum(losses[key]) / len(losses[key]) for key in feasible],
        Coordinates(space.distributions),
        number,
    )
    return StartList(made_of=names, configurations=tuple(configurations[feasible[each]] for each in chosen))


def _adapted(space: Space, settings: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the parameters of a space that are nearest to some settings; None where one is missing."""
    try:
        return space.sample(lambda path, span: _nearest(span, settings[path]))
    except LookupError:
        return None


def _nearest(span: Distribution, value: Any) -> Any:
    """Return the value of a range that is nearest to a value.

    Raises:
        LookupError: no value of the range is like it.
    """
    if span.contains(value):
        return value
    if isinstance(span, Choice) or isinstance(value, bool) or not isinstance(value, int | float):
        raise LookupError(value)
    match span:
        case FloatRange(low=low, high=high, step=None):
            return min(max(float(value), low), high)
        case FloatRange(low=low, high=high, step=float() | int() as step):
            return min(max(low + step * round((value - low) / step), low), high)
        case IntRange() | Levels():
            return min(span.values, key=lambda each: abs(each - value))
        case _:
            raise AssertionError(span)
