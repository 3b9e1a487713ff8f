"""A space described before anything is trained: its fields, its smallest and largest net, the time of its search."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from itertools import islice, product
from typing import Any

from mnist_bench.config.catalogue import all_settings
from mnist_bench.config.json import from_json, with_params
from mnist_bench.errors import ArchitectureError
from mnist_bench.nets.architecture import plan_layers
from mnist_bench.nets.planner import COEFFICIENTS
from mnist_bench.numerics.kinds import DeviceKind
from mnist_bench.own_nets.own_net import loaded_net
from mnist_bench.picture_form import PictureForm
from mnist_bench.space_files.content import OWN
from mnist_bench.space_files.drawn import Drawn, is_impossible, planner
from search.canonical_json import dumps
from search.event_log.forecast import Forecast
from search.event_log.history import History
from search.messages import show
from search.space.ranges import Distribution, NumberRange
from search.space.space import Field, Space
from search.strategies.pruners import Pruner

MAX_CORNERS = 10_000

_COUNTS = {path: declared.setting.counts for path, declared in all_settings().items() if path.startswith("model.")}
SIZE_FIELDS = frozenset(path for path, where in _COUNTS.items() if where != "not at all")
"""Fields that decide a net's counts."""
COUNTED_FIELDS = frozenset(path for path, where in _COUNTS.items() if where == "everywhere")
"""Fields of which every value is tried: a net's size is not monotonic in them. More blocks can mean fewer weights."""

PACE = 1.6
"""Seconds of a search per second of training that `Forecast` expects. Measured over 50 trials with two workers on two
idle cores of an AMD EPYC (Zen 4): conv 1.7 and conv-fast 1.8 in bf16, conv in portable precision 1.4, smoke 1.3 (by
processor time). With two objectives, 60 trials of small took 3.0."""
START = 4.0
"""Seconds of a search in which nothing trains: the workers start, and the data are loaded."""
ROUGHLY = "a rough estimate, for idle cores of an AMD EPYC (Zen 4)"
"""What a user is told about `search_seconds`."""


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One line of a space's description."""

    field: str
    values: str  # the constant, or the range in words
    condition: str  # when the field counts; empty for always
    about: str  # the setting's docstring, with its unit


@dataclass(frozen=True, slots=True)
class Extremes:
    """The smallest and the largest net, by two measures, whatever the limits."""

    parameters: tuple[int, int]
    macs: tuple[int, int]  # multiply-accumulates for one image
    exact: bool
    """False if more extreme nets may exist: there are too many corners to visit, or filter_multiple has a
    range."""


def describe(space: Space) -> list[FieldRow]:
    """Return one row a field, in the order of the file."""
    return [_row(space, item) for item in space.fields]


def extremes(drawn: Drawn) -> Extremes:
    """Return the smallest and largest nets among the corners of the ranges that decide a net's size.

    Counts grow with the filters, the growth, the kernels, the convolutions and the units. The ends of these ranges,
    with every number of blocks and layers and every choice, hold the extremes: exact up to `MAX_CORNERS` corners.
    Impossible nets are left out. The size of your own networks depends on unknown settings, so random ones are counted,
    and those at the lower and upper ends of all ranges.

    Raises:
        ArchitectureError: none of the nets can exist.
    """
    space = drawn.space
    is_own = "net_code" in space.settings
    axes = _corner_axes(space)
    sizes = list(_own_sizes(drawn)) if is_own else list(_sizes(space, axes, drawn.form))
    if not sizes:
        raise ArchitectureError(f"{space.source}: none of the networks at the ends of the ranges can be built")
    parameters, macs = zip(*sizes, strict=True)
    few = math.prod(len(values) for values in axes.values()) <= MAX_CORNERS
    exact = few and not is_own and "model.filter_multiple" not in axes
    return Extremes((min(parameters), max(parameters)), (min(macs), max(macs)), exact)


def search_seconds(drawn: Drawn, kind: DeviceKind, pruner: Pruner, *, trials: int, workers: int) -> float:
    """Return about how many seconds a search takes on a CPU; no GPU was measured.

    Args:
        drawn: configurations of the space.
        kind: the kind of the device that trains.
        pruner: the pruner of the search.
        trials: trials that are still to end.
        workers: trials that train at the same time, on one core each.
    """
    costs = replace(drawn, coefficients=asdict(COEFFICIENTS[kind])).mean_costs
    has_cost = drawn.space.aim.cost is not None
    kept = pruner.survivors(trials, len(costs), two_objectives=has_cost)
    left = Forecast(History(goals=[trials]), kept, costs).remaining({})
    return START + left.seconds(workers=workers, pace=PACE * 1e-6)


def _own_sizes(drawn: Drawn) -> Iterator[tuple[int, int]]:
    """Yield the parameters and MACs of your own networks."""
    space, plan = drawn.space, planner(drawn.space, drawn.coefficients, form=drawn.form)
    ends = [space.sample(lambda _, span, end=end: _corners("", span)[end]) for end in (0, -1)]  # type: ignore[misc]
    for planned in [*map(plan, ends), *drawn.plans]:
        if not is_impossible(planned):
            yield int(planned.facts["parameters"]), int(planned.facts["macs"])


def _about(space: Space, path: str) -> str:
    section, _, name = path.partition(".")
    if section == OWN:
        return loaded_net(space.settings["net_code"]).settings.docs.get(name, "")
    return all_settings()[path].about


def _row(space: Space, item: Field) -> FieldRow:
    section = item.path.partition(".")[0]
    condition = " and ".join(
        f"{parent if parent.partition('.')[0] != section else parent.partition('.')[2]} is "
        + " or ".join(show(value) for value in allowed)
        for parent, allowed in item.when.items()
    )
    return FieldRow(item.path, values_in_words(item), condition, _about(space, item.path))


def values_in_words(item: Field) -> str:
    """Return a field's constant, or its range in words: `0.001 to 0.05, log`."""
    return show(item.value) if item.distribution is None else item.distribution.text


def _corner_axes(space: Space) -> dict[str, list[Any]]:
    """Return the values to visit of each range that decides a net's size, or whether another such range counts."""
    wanted = set(SIZE_FIELDS)
    needed: dict[str, list[Any]] = {}
    for item in reversed(space.order):
        if item.path in wanted:
            wanted |= item.when.keys()
            for parent, allowed in item.when.items():
                needed.setdefault(parent, []).extend(allowed)
    ranges = {item.path: item.distribution for item in space.fields if item.path in wanted and item.distribution}
    corners = {
        path: [*_corners(path, span), *filter(span.contains, needed.get(path, []))] for path, span in ranges.items()
    }
    return {path: [v for i, v in enumerate(values) if v not in values[:i]] for path, values in corners.items()}


def _corners(path: str, span: Distribution) -> list[Any]:
    if isinstance(span, NumberRange):
        return list(span.values if path in COUNTED_FIELDS else ()) or [span.low, span.high]
    return list(span.values)


def _sizes(space: Space, axes: Mapping[str, list[Any]], form: PictureForm) -> Iterator[tuple[int, int]]:
    """Yield the parameters and MACs of the nets at the corners, once each, as far as they can exist."""
    seen = set()
    for corner in islice(product(*axes.values()), MAX_CORNERS):
        chosen = dict(zip(axes, corner, strict=True))
        params = space.sample(lambda path, span, chosen=chosen: chosen.get(path, _corners(path, span)[0]))  # type: ignore[misc]
        values = {path: value for path, value in space.resolve(params).items() if path in SIZE_FIELDS}
        if (key := dumps(values)) not in seen:
            seen.add(key)
            with suppress(ArchitectureError):
                net = plan_layers(from_json(with_params({}, values)).model, form)
                yield net.parameters, net.evaluation_macs
