"""A space described before anything is trained: random configurations that stand for it, its fields, the smallest and
largest net, the time of its search.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

from mnist_bench.config.settings import TrainConfig
from mnist_bench.config.values import all_settings
from mnist_bench.data.mnist import validation_size
from mnist_bench.errors import ArchitectureError
from mnist_bench.nets.own_net import loaded_net
from mnist_bench.nets.planner import COEFFICIENTS, Coefficients, NetPlanner
from mnist_bench.numerics.kinds import DeviceKind
from mnist_bench.picture_form import MNIST, PictureForm
from mnist_bench.space_files.content import IMAGES, OWN, training_settings
from search.event_log.forecast import Forecast
from search.event_log.history import History
from search.messages import joined, show
from search.space.constraints import Constraint
from search.space.ranges import Distribution, NumberRange
from search.space.space import Field, Space, constrained
from search.strategies.pruners import Pruner
from search.trainer_api import Plan, Planner

DRAWN = 200
DRAWN_OWN = 25  # configurations of your own network: counting the size of one takes some ten milliseconds

VARIED = 8  # settings of your own network that are tried, at most


PACE: Mapping[DeviceKind, float] = {"cpu-bf16": 2.2, "cpu-portable": 1.0}
"""Seconds of a search per second of training that `Forecast` expects, by kind; 1.6, their mean, for any other. Measured
over 50 trials of conv with two workers on two idle cores of an AMD EPYC (Zen 4)."""
START = 4.0  # seconds of a search in which nothing trains: the workers start, and the data are loaded
ROUGHLY = "a rough estimate, for idle cores of an AMD EPYC (Zen 4)"  # how messages call `search_seconds`


@dataclass(frozen=True, kw_only=True, slots=True)
class Shares:
    """Shares of random configurations that are not trained."""

    over_a_limit: float
    impossible: float  # no net can be built
    constrained: float  # a constraint is not met
    infeasible: float  # any of these

    def __str__(self) -> str:
        """Return the shares in words: `75% of random configurations exceed a limit`; "" if all are trained."""
        parts = [
            (self.over_a_limit, "exceed a limit"),
            (self.constrained, "miss a constraint"),
            (self.impossible, "cannot be built"),
        ]
        words = [f"{100 * share:.0f}%{{}} {what}" for share, what in parts if share]
        return joined(text.format(" of random configurations" * (not i)) for i, text in enumerate(words))


@dataclass(frozen=True, kw_only=True, slots=True)
class Met:
    """How many random configurations meet a constraint."""

    constraint: Constraint
    met: int
    applies: int  # configurations that have all of its fields; the others need not meet it

    @property
    def applies_to_all(self) -> bool:
        """Whether all have them."""
        return self.applies == DRAWN


@dataclass(frozen=True)  # with slots there would be no cached properties
class Drawn:
    """Configurations drawn with seed 0, uniformly in each range, each worked out once."""

    space: Space
    form: PictureForm = MNIST  # the form of the pictures
    images: int = IMAGES  # number of images on which trials train and validate, if the space names no subset
    coefficients: Mapping[str, float] = field(default_factory=lambda: asdict(COEFFICIENTS["cpu-bf16"]))
    """Those of the cost model."""

    @cached_property
    def params(self) -> list[dict[str, Any]]:
        """Their parameters: `DRAWN` of them, one of a recipe, `DRAWN_OWN` of your own network."""
        number = 1 if self.space.is_recipe else DRAWN_OWN if "net_code" in self.space.settings else DRAWN
        return samples(self.space, number, seed=0)

    def __iter__(self) -> Iterator[Plan[TrainConfig]]:
        """Yield the plans of these configurations, each made when it is first needed: loading a space needs a few."""
        plan = planner(self.space, self.coefficients, images=self.images, form=self.form)
        for number, params in enumerate(self.params):
            if number == len(self._made):
                self._made.append(plan(params))
            yield self._made[number]

    @cached_property
    def _made(self) -> list[Plan[TrainConfig]]:
        return []

    @property
    def plans(self) -> list[Plan[TrainConfig]]:
        """All plans."""
        return list(self)

    @cached_property
    def extremes(self) -> dict[str, tuple[int, int]]:
        """The fewest and the most "parameters" and "macs", for one image, of these nets and of those at the lower and
        upper ends of all ranges, whatever the limits; there may be some beyond.
        """
        plan = planner(self.space, self.coefficients, form=self.form)
        at_ends = [plan(self.space.sample(lambda _, span, end=end: ends(span)[end])) for end in (0, 1)]  # type: ignore[misc]
        facts = [planned.facts for planned in (*at_ends, *self.plans) if not is_impossible(planned)]
        if not facts:
            raise ArchitectureError(f"{self.space.source}: none of the networks can be built")
        sizes = {name: [int(fact[name]) for fact in facts] for name in ("parameters", "macs")}
        return {name: (min(values), max(values)) for name, values in sizes.items()}

    @property
    def trainable(self) -> list[Plan[TrainConfig]]:
        """The plans that may be trained; all plans, if none may."""
        return [plan for plan in self.plans if plan.feasible] or self.plans

    @property
    def mean_costs(self) -> list[float]:
        """The mean cost of each period of the plans that may be trained, in microseconds as estimated."""
        return [sum(costs) / len(costs) for costs in zip(*(plan.costs for plan in self.trainable), strict=True)]

    @property
    def net_settings(self) -> list[Mapping[str, Any]]:
        """Up to `VARIED` settings of your own network that may be trained: the first ones, and those that differ most.

        Each has a value that none before it has. All numbers with a fraction count as one value, except 0.
        """
        left = [plan.config.net for plan in self.trainable]
        found: list[Mapping[str, Any]] = [left[0]]
        seen = _values(left[0])
        while len(found) < VARIED:
            richest = max(left, key=lambda settings: len(_values(settings) - seen))
            if _values(richest) <= seen:
                break
            found.append(richest)
            seen |= _values(richest)
        return found

    @cached_property
    def shares(self) -> Shares:
        """Why configurations are not trained."""
        texts = [constraint.text for constraint in self.space.constraints]

        def share(which: Sequence[bool]) -> float:
            return sum(which) / len(which)

        return Shares(
            over_a_limit=share([_exceeds(plan, self.limits) for plan in self.plans]),
            impossible=share([is_impossible(plan) for plan in self.plans]),
            constrained=share([_exceeds(plan, texts) for plan in self.plans]),
            infeasible=share([not plan.feasible for plan in self.plans]),
        )

    @property
    def limits(self) -> list[str]:
        """The space's limit: "parameters", "macs"."""
        return list(self.space.settings.get("limits", {}))

    @property
    def meets_limits(self) -> bool:
        """Whether one of the nets can be built and is within the limits."""
        return any(not is_impossible(plan) and not _exceeds(plan, self.limits) for plan in self)

    @cached_property
    def met(self) -> list[Met]:
        """How many of `DRAWN` configurations meet each constraint."""
        if not self.space.constraints:
            return []
        settings = [self.space.resolve(params) for params in samples(self.space, DRAWN, seed=0)]
        found = []
        for constraint in self.space.constraints:
            values = [each for each in settings if constraint.applies(each)]
            met = sum(constraint.excess(each) <= 0 for each in values)
            found.append(Met(constraint=constraint, met=met, applies=len(values)))
        return found


def _values(settings: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {(name, str(bool(value) if isinstance(value, float) else value)) for name, value in settings.items()}


def ends(span: Distribution) -> tuple[Any, Any]:
    """Return the lowest and the highest value, of options those that are so by their sums."""
    if isinstance(span, NumberRange):
        return span.low, span.high
    ordered = sorted(span.values, key=_sum)
    return ordered[0], ordered[-1]


def _sum(option: Any) -> float:
    """Return the key that orders options by size: a number itself, a list's sum, 0 for any other option."""
    if isinstance(option, list):
        return sum(map(_sum, option))
    return float(option) if isinstance(option, int | float) else 0.0


def is_impossible(plan: Plan[TrainConfig]) -> bool:
    """Return whether no net can be built from the settings of a plan."""
    return "reason" in plan.facts


def _exceeds(plan: Plan[TrainConfig], names: Sequence[str]) -> bool:
    return any(plan.constraints.get(name, 0.0) > 0 for name in names)


def samples(space: Space, n: int, seed: int) -> list[dict[str, Any]]:
    """Return the parameters of `n` trials drawn at random, uniformly in each range."""
    draws = random.Random(seed)  # noqa: S311
    return [space.sample(lambda _, span: span.at(draws.random())) for _ in range(n)]


def planner(
    space: Space, coefficients: Mapping[str, float], *, images: int = IMAGES, form: PictureForm = MNIST
) -> Planner[TrainConfig]:
    """Return the planner of a search on this number of images of a form, with `coefficients` of the cost model."""
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
    unconstrained = NetPlanner(
        base=training_settings(space),
        resolve=space.resolve,
        limits=space.settings.get("limits", {}),
        coefficients=Coefficients(**coefficients),
        train_images=train_images,
        validation_images=validation_images,
        form=form,
    )
    return constrained(unconstrained, space)


def describe(space: Space) -> list[dict[str, str]]:
    """Return a row per field, in the order of the file: its path, its values, when it counts, and its description."""
    rows = []
    for item in space.fields:
        section, _, name = item.path.partition(".")
        conditions = [
            f"{parent.removeprefix(f'{section}.')} is {joined(map(show, allowed), 'or')}"
            for parent, allowed in item.when.items()
        ]
        is_own = section == OWN
        about = loaded_net(space.settings["net_code"]).about(name) if is_own else all_settings()[item.path].about
        condition = " and ".join(conditions)
        rows.append({"field": item.path, "values": values_in_words(item), "condition": condition, "about": about})
    return rows


def search_seconds(drawn: Drawn, kind: DeviceKind, pruner: Pruner, *, trials: int, workers: int) -> float:
    """Return about how many seconds `trials` take on a CPU, `workers` at a time on a core each; no GPU is measured."""
    costs = replace(drawn, coefficients=asdict(COEFFICIENTS[kind])).mean_costs
    has_cost = drawn.space.aim.cost is not None
    kept = pruner.survivors(trials, drawn.space.ends(len(costs)), two_objectives=has_cost)
    left = Forecast(History(budgets=[trials]), kept, costs).remaining({})
    return START + left.seconds(workers=workers, pace=PACE.get(kind, 1.6) * 1e-6)


def values_in_words(item: Field) -> str:
    """Return a field's constant, or its range in words: `0.001 to 0.05, log`."""
    return show(item.value) if item.distribution is None else item.distribution.text
