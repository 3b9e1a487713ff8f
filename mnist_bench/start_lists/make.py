"""A start list for a space, from sources whose spaces and data may be others."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from operator import itemgetter
from statistics import fmean
from typing import Any

from mnist_bench.start_lists.portfolio import portfolio
from mnist_bench.start_lists.sources import EarlierTrials
from search import canonical_json
from search.arguments import is_number
from search.errors import UsageError
from search.proposals.coordinates import Coordinates
from search.space.ranges import Choice, Distribution, NumberRange
from search.space.space import Space
from search.study.spec import StartList
from search.trainer_api import Planner

NUMBER = 10
"""Configurations of a list."""


def make(
    space: Space,
    planner: Planner[Any],
    sources: Sequence[EarlierTrials],
    number: int = NUMBER,
) -> StartList:
    """Return the configurations of a space to try first, the most promising one first.

    A number beyond the ends of its range in this space becomes the nearest end; a number for all layers becomes the
    list that is most like it; a setting that the source's space does not name has its default. A configuration is left
    out where the space asks for a setting that did not apply to it, or has no such option; and where it exceeds a
    limit.

    Raises:
        UsageError: nothing is left.
    """
    losses: dict[str, list[float]] = {}
    configurations: dict[str, Mapping[str, Any]] = {}
    for each in sources:
        for tried in each.tried:
            params = _adapted(space, {**each.unnamed, **tried.settings})
            if params is not None:
                key = canonical_json.dumps(dict(params))
                configurations[key] = params
                losses.setdefault(key, []).append(tried.loss)
    feasible = [key for key, params in configurations.items() if planner(params).feasible]
    names = tuple(each.name for each in sources)
    if not feasible:
        raise UsageError(f"No configuration of {' and '.join(names)} fits the space {space.name}.")
    chosen = portfolio(
        [configurations[key] for key in feasible],
        [sum(losses[key]) / len(losses[key]) for key in feasible],
        Coordinates(space.distributions),
        number,
    )
    listed = tuple(configurations[feasible[each]] for each in chosen)
    return StartList(made_of=names, configurations=listed)


class _NoSuchValue(Exception):
    """No value of a range is like that of a setting, or the setting is missing."""


def _adapted(space: Space, settings: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the parameters of a space that are nearest to some settings; None if one is missing."""
    try:
        return space.sample(lambda path, span: _nearest(span, settings.get(path)))
    except _NoSuchValue:
        return None


def _nearest(span: Distribution, value: Any) -> Any:
    """Return the value of a range that is nearest to a value."""
    if not isinstance(span, NumberRange):
        return value if span.contains(value) else _alike(span, value)
    if not is_number(value):
        raise _NoSuchValue
    return span.nearest(value)


def _alike(span: Choice, value: Any) -> Any:
    """Return the option that is most like a value, if one of the two is a list with one number per layer.

    A number stands for as many equal ones: 2 is more like [1, 2, 2] than like [1, 1, 2].
    """
    distance, nearest = min(((_distance(option, value), option) for option in span.values), key=itemgetter(0))
    if distance == math.inf:
        raise _NoSuchValue
    return nearest


def _distance(option: Any, value: Any) -> float:
    """Return how far apart two settings are on average over the layers; infinity if they are not lists of as many
    numbers, or if neither is a list."""
    lengths = {len(each) for each in (option, value) if isinstance(each, list | tuple)}
    if len(lengths) != 1 or 0 in lengths:
        return math.inf
    layers = lengths.pop()
    ours, theirs = (each if isinstance(each, list | tuple) else [each] * layers for each in (option, value))
    if not all(is_number(each) for each in (*ours, *theirs)):
        return math.inf
    return fmean(abs(one - other) for one, other in zip(ours, theirs, strict=True))
