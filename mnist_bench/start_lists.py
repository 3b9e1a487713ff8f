"""Start lists: the configurations that were best on tables whose spaces and data may be others, to be tried first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from statistics import fmean, median
from typing import Any

import numpy as np

from mnist_bench.config.settings import TrainConfig
from mnist_bench.config.values import settings_of
from mnist_bench.tables.recorded_benchmark import load
from search import canonical_json
from search.arguments import is_number
from search.elementary import NATIVE, Elementary
from search.errors import SpaceError, UsageError
from search.messages import show
from search.proposals.coordinates import Coordinates, Params
from search.proposals.curves import DEVIATION, MIN_ERROR
from search.proposals.exact import cholesky, product
from search.proposals.gaussian_process import alike
from search.space.ranges import Choice, Distribution, NumberRange
from search.space.space import Space
from search.study.spec import StartList
from search.trainer_api import Planner

NUMBER = 10  # configurations of a list


def make(space: Space, planner: Planner[Any], sources: Sequence[EarlierTrials], number: int = NUMBER) -> StartList:
    """Return the configurations of a space to try first, the most promising one first.

    A number beyond the ends of its range in this space becomes the nearest end; a number for all layers becomes the
    list that is most like it; a setting that the source's space does not name has its default. A configuration is left
    out where the space asks for a setting that did not apply to it, or has no such option; and where it exceeds a
    limit.
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


NAMES = ("conv-5k", "conv-5k-wrong")
"""The tables that a space may name in `search.start`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TriedConfiguration:
    """One configuration that was trained to its end."""

    settings: Mapping[str, Any]  # by path, that its space names, ranges and constants; without what did not apply
    loss: float  # in standard deviations from the usual of its source; low is good


@dataclass(frozen=True, kw_only=True, slots=True)
class EarlierTrials:
    """The configurations of a table, which a start list is made of."""

    name: str
    tried: tuple[TriedConfiguration, ...]
    unnamed: Mapping[str, Any] = field(default_factory=dict)  # settings by path that its space leaves at their defaults


def source(name: str, elementary: Elementary = NATIVE) -> EarlierTrials:
    """Return the table of a name, one of `NAMES`."""
    table = load(name)
    space, tried = table.space, []
    for point, seeds in sorted(table.seeds.items()):
        curves = [table.curve(point, seed) for seed in seeds]
        if not any(curve.diverged for curve in curves):
            errors = [curve.errors[-1] / curve.images for curve in curves]
            tried.append((space.resolve(table.points[point]), elementary.ln(sum(errors) / len(errors) + MIN_ERROR)))
    middle = median(error for _, error in tried)
    deviation = DEVIATION * median(abs(error - middle) for _, error in tried) or 1.0
    named = {entry.path for entry in space.fields}
    without = "model." if "net_code" in space.settings else ()  # your own network has none of these
    defaults = settings_of(TrainConfig()).items()
    return EarlierTrials(
        name=name,
        tried=tuple(TriedConfiguration(settings=each, loss=(error - middle) / deviation) for each, error in tried),
        unnamed={path: value for path, value in defaults if path not in named and not path.startswith(without)},
    )


def check_named(space: Space) -> None:
    """Check that there are all tables which a space names to begin with."""
    problems = [
        space.origins["search"].problem(
            f"search.start: no table {show(name)}; there are {' and '.join(NAMES)}", "start", index
        )
        for index, name in enumerate(space.settings.get("search", {}).get("start", ()))
        if name not in NAMES
    ]
    if problems:
        raise SpaceError(problems)


TRANSFER = 0.5  # how far another task moves a loss, in standard deviations of all: smoothly over settings
TASKS = 256  # that are imagined
LONG_LIST = 120  # configurations that are thought about: those with the least loss
LENGTH = 0.5  # of the kernel: how far two values in a range have to be apart to say half as much of each other
SEED = 0


def portfolio(configurations: Sequence[Params], losses: Sequence[float], spans: Coordinates, number: int) -> list[int]:
    """Return which configurations to try first on an unknown task, in their order.

    Greedily, each one lowers the expected least loss the most, over imagined tasks on which similar configurations do
    better or worse alike. A good one is therefore not followed by its copies (Feurer et al. 2015; Wistuba et al. 2015).

    Args:
        configurations: those trained elsewhere.
        losses: of each, low is good, in one unit.
        spans: the space's coordinates.
        number: how many to return at most.
    """
    known = np.array(losses)
    long_list = np.argsort(known, kind="stable")[:LONG_LIST]
    points = np.array([spans.of(configurations[each]) for each in long_list.tolist()])
    moves = alike(spans.squares(points, points), LENGTH) + 1e-6 * np.eye(len(points))
    deviation = float(known.std()) or 1.0
    # The same on every processor: only eight of them need libm, and these are 2e-11 away from a change of rounding.
    normals = np.round(np.random.default_rng(SEED).standard_normal((len(points), TASKS)), 9)
    imagined = known[long_list, None] + TRANSFER * deviation * product(cholesky(moves).T, normals)
    chosen: list[int] = []
    best = np.full(TASKS, np.inf)
    while len(chosen) < min(number, len(points)):
        expected = np.minimum(imagined, best).mean(axis=1)
        expected[chosen] = np.inf
        chosen.append(int(np.argmin(np.round(expected, 9))))
        best = np.minimum(best, imagined[chosen[-1]])
    return [int(long_list[each]) for each in chosen]
