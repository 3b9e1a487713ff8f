"""What a space holds, before anything is trained: fields, random trials, extreme nets, the time a search takes."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice, product
from typing import Any, assert_never

from mnist_bench.config import TrainConfig, all_settings, from_json, with_params
from mnist_bench.data import validation_size
from mnist_bench.errors import ArchitectureError
from mnist_bench.nets import Architecture, make_planner, net_size, plan_layers
from mnist_bench.own_nets import Counts, known
from mnist_bench.picture_form import MNIST, PictureForm
from mnist_bench.space_files.form import IMAGES, OWN, training_settings
from search.canonical_json import dumps
from search.messages import joined, show
from search.space import (
    Choice,
    Constraint,
    Distribution,
    Field,
    FloatRange,
    IntRange,
    Levels,
    Space,
    constrained,
    cost_of,
)
from search.strategies import of_settings, survivors
from search.trainer_api import Plan, Planner

MAX_CORNERS = 10_000
TRIALS_DRAWN = 200
OWN_NETS_DRAWN = 25
"""Of nets of the user's own, each of which takes some ten milliseconds to be counted."""

_COUNTS = {path: declared.setting.counts for path, declared in all_settings().items() if path.startswith("model.")}
SIZE_FIELDS = frozenset(path for path, where in _COUNTS.items() if where != "not at all")
"""Fields that decide a net's counts."""
COUNTED_FIELDS = frozenset(path for path, where in _COUNTS.items() if where == "everywhere")
"""Fields between whose ends the counts may have their extremes, because more blocks can mean fewer weights."""


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One line of a space's description."""

    field: str
    values: str
    """The constant, or the range in words."""
    condition: str
    """When the field counts; empty for always."""
    about: str
    """The setting's docstring, with its unit."""


@dataclass(frozen=True, slots=True)
class Extremes:
    """The smallest and the largest net, by two measures, whatever the limits."""

    parameters: tuple[int, int]
    macs: tuple[int, int]
    """Multiply-accumulates for one image."""
    exact: bool
    """False where more extreme nets may exist: there are too many corners to visit, or filter_multiple has a range."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Net:
    """The net of a trial, and whether it may be trained."""

    config: TrainConfig
    size: Counts | None
    """None where it cannot be built."""
    reason: str = ""
    """Why it cannot."""
    over: frozenset[str] = frozenset()
    """The limits that it exceeds: "parameters", "macs"."""
    missed: frozenset[str] = frozenset()
    """The constraints that its settings do not meet."""

    @property
    def feasible(self) -> bool:
        """Whether it may be trained."""
        return self.size is not None and not self.over and not self.missed


@dataclass(frozen=True, kw_only=True, slots=True)
class Shares:
    """Shares of random configurations that are not trained."""

    over_a_limit: float
    impossible: float
    """No net can be built."""
    constrained: float
    """A constraint is not met."""
    infeasible: float
    """Any of these."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Met:
    """How many random configurations meet a constraint."""

    constraint: Constraint
    met: int
    applies: int
    """Those that have all of its fields; the others need not meet it."""

    @property
    def applies_to_all(self) -> bool:
        """Whether all have them."""
        return self.applies == TRIALS_DRAWN


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """What a search is expected to take."""

    minutes: float
    infeasible: float
    """Share of random configurations that are not trained."""
    impossible: float
    """Share of random configurations whose net cannot be built: part of `infeasible`."""


def describe(space: Space) -> list[FieldRow]:
    """Return one row a field, in the order of the file."""
    return [_row(space, item) for item in space.fields]


def samples(space: Space, n: int, seed: int) -> list[dict[str, Any]]:
    """Return the parameters of `n` trials drawn at random, uniformly in each range."""
    draws = random.Random(seed)  # noqa: S311
    return [space.sample(lambda _, distribution: distribution.draw(draws)) for _ in range(n)]


def nets_drawn(space: Space) -> int:
    """Return how many nets at random stand for all of a space."""
    return OWN_NETS_DRAWN if "net_code" in space.settings else TRIALS_DRAWN


def extremes(space: Space, form: PictureForm = MNIST) -> Extremes:
    """Return the smallest and largest nets among the corners of the ranges that decide a net's size.

    They are nets for pictures of this form. Counts grow with the filters, the growth, the kernels, the convolutions and
    the units, so the ends of these ranges and every number of blocks and layers and every choice hold the extremes:
    exact up to `MAX_CORNERS` corners.
    Nets that cannot exist are left out. Of nets of the user's own nothing is known of what decides their size: some are
    drawn at random, and those at the lower and at the upper ends of all ranges are counted.

    Raises:
        ArchitectureError: none of the nets can exist.
    """
    is_own = "net_code" in space.settings
    axes = _corner_axes(space)
    found = _own_nets(space, form) if is_own else list(_nets(space, axes, form))
    if not found:
        raise ArchitectureError(f"{space.source}: none of the nets at the ends of the ranges can be built")
    parameters, macs = [net.parameters for net in found], [net.macs for net in found]
    few = math.prod(len(values) for values in axes.values()) <= MAX_CORNERS
    exact = few and not is_own and "model.filter_multiple" not in axes
    return Extremes((min(parameters), max(parameters)), (min(macs), max(macs)), exact)


def _own_nets(space: Space, form: PictureForm) -> list[Counts]:
    ends = [space.sample(lambda _, span, end=end: _corners("", span)[end]) for end in (0, -1)]  # type: ignore[misc]
    drawn = nets(space, [*ends, *samples(space, nets_drawn(space), seed=0)], form)
    return [net.size for net in drawn if net.size is not None]


def estimate(
    space: Space,
    coefficients: Mapping[str, float],
    *,
    trials: int,
    workers: int,
    images: int = IMAGES,
    form: PictureForm = MNIST,
) -> Estimate:
    """Return the time of a search of so many trained trials on workers of the speed that `coefficients` tell.

    The mean over random configurations within the limits, each period weighed by the trials that the pruner is expected
    to leave in it; a sampler that comes to prefer larger nets takes longer.
    """
    plans = feasible_plans(space, coefficients, images=images, form=form)
    pruner, two_objectives = of_settings(space.settings)[1], cost_of(space.settings) is not None
    kept = survivors(trials, pruner, len(plans[0].costs), two_objectives=two_objectives)
    per_period = (sum(plan.costs[period] for plan in plans) / len(plans) for period in range(len(kept)))
    microseconds = sum(number * cost for number, cost in zip(kept, per_period, strict=True))
    found = shares(space, form)
    return Estimate(minutes=microseconds / 60e6 / workers, infeasible=found.infeasible, impossible=found.impossible)


def feasible_plans(
    space: Space, coefficients: Mapping[str, float], *, images: int = IMAGES, form: PictureForm = MNIST
) -> list[Plan[TrainConfig]]:
    """Return the plans of random configurations that may be trained; of all, if none may."""
    plan = planner(space, coefficients, images=images, form=form)
    drawn = [plan(params) for params in samples(space, nets_drawn(space), seed=0)]
    return [plan for plan in drawn if plan.feasible] or drawn


def shares(space: Space, form: PictureForm = MNIST) -> Shares:
    """Return why random configurations are not trained."""
    drawn = nets(space, samples(space, nets_drawn(space), seed=0), form)
    return Shares(
        over_a_limit=sum(bool(net.over) for net in drawn) / len(drawn),
        impossible=sum(net.size is None for net in drawn) / len(drawn),
        constrained=sum(bool(net.missed) for net in drawn) / len(drawn),
        infeasible=sum(not net.feasible for net in drawn) / len(drawn),
    )


def constraints_met(space: Space) -> list[Met]:
    """Return how many of `TRIALS_DRAWN` random configurations meet each constraint."""
    drawn = [space.resolve(params) for params in samples(space, TRIALS_DRAWN, seed=0)] if space.constraints else []
    return [
        _met(constraint, [values for values in drawn if constraint.applies(values)]) for constraint in space.constraints
    ]


def _met(constraint: Constraint, values: Sequence[Mapping[str, Any]]) -> Met:
    met = sum(constraint.excess(each) <= 0 for each in values)
    return Met(constraint=constraint, met=met, applies=len(values))


def nets(space: Space, drawn: Iterable[Mapping[str, Any]], form: PictureForm = MNIST) -> list[Net]:
    """Return the net of each trial, given its parameters, for pictures of this form."""
    return [_net(space, params, form) for params in drawn]


def _net(space: Space, params: Mapping[str, Any], form: PictureForm) -> Net:
    config = from_json(with_params(training_settings(space), space.resolve(params)))
    missed = frozenset(text for text, excess in space.excess(params).items() if excess > 0)
    try:
        size = net_size(config, form)
    except ArchitectureError as error:
        return Net(config=config, size=None, reason=str(error), missed=missed)
    facts, limits = {"parameters": size.parameters, "macs": size.macs}, space.settings.get("limits", {})
    over = frozenset(name for name in limits if facts[name] > limits[name])
    return Net(config=config, size=size, over=over, missed=missed)


def infeasible_words(found: Shares) -> str:
    """Return which configurations are not trained: `75 % of random configurations exceed a limit`; "" for none."""
    parts = [
        (found.over_a_limit, "exceed a limit"),
        (found.constrained, "miss a constraint"),
        (found.impossible, "cannot be built"),
    ]
    words = [f"{100 * share:.0f} %{{}} {what}" for share, what in parts if share]
    return joined(text.format(" of random configurations" * (not i)) for i, text in enumerate(words))


def _about(space: Space, path: str) -> str:
    section, _, name = path.partition(".")
    if section == OWN:
        return known(space.settings["net_code"]).settings.docs.get(name, "")
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
    match item.distribution:
        case None:
            return show(item.value)
        case Choice(options):
            return ", ".join(map(show, options))
        case Levels(levels, log):
            return f"levels {', '.join(map(show, levels))}{', log' if log else ''}"
        case IntRange(low, high, step, log) | FloatRange(low, high, step, log):
            is_every_number = step == 1 and isinstance(item.distribution, IntRange)
            every = f", step {step:g}" if step is not None and not is_every_number else ""
            return f"{show(low)} to {show(high)}{every}{', log' if log else ''}"
        case _:
            assert_never(item.distribution)


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
    match span:
        case Choice(options):
            return list(options)
        case IntRange() | FloatRange() | Levels():
            return list(span.values if path in COUNTED_FIELDS else ()) or [span.low, span.high]
        case _:
            assert_never(span)


def _nets(space: Space, axes: Mapping[str, list[Any]], form: PictureForm) -> Iterator[Architecture]:
    """Yield the nets at the corners, once each, as far as they can exist."""
    seen = set()
    for corner in islice(product(*axes.values()), MAX_CORNERS):
        chosen = dict(zip(axes, corner, strict=True))
        params = space.sample(lambda path, span, chosen=chosen: chosen.get(path, _corners(path, span)[0]))  # type: ignore[misc]
        values = {path: value for path, value in space.resolve(params).items() if path in SIZE_FIELDS}
        if (key := dumps(values)) not in seen:
            seen.add(key)
            with suppress(ArchitectureError):
                yield plan_layers(from_json(with_params({}, values)).model, form)


def planner(
    space: Space, coefficients: Mapping[str, float], *, images: int = IMAGES, form: PictureForm = MNIST
) -> Planner[TrainConfig]:
    """Return the planner of a search on so many images of a form, with `coefficients` of the cost model."""
    images = int(space.settings.get("subset", images))
    validation = validation_size(images)
    return planner_on(space, coefficients, train_images=images - validation, validation_images=validation, form=form)


def planner_on(
    space: Space,
    coefficients: Mapping[str, float],
    *,
    train_images: int,
    validation_images: int,
    form: PictureForm = MNIST,
) -> Planner[TrainConfig]:
    """Return the planner of a space on data of these sizes and this form, with `coefficients` of the cost model."""
    unconstrained = make_planner(
        training_settings(space),
        resolve=space.resolve,
        limits=space.settings.get("limits", {}),
        coefficients=coefficients,
        train_images=train_images,
        validation_images=validation_images,
        form=form,
    )
    return constrained(unconstrained, space)
