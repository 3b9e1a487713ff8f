"""Random configurations that stand for a whole space: which of them may be trained, and their costs."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from mnist_bench.config.settings import TrainConfig
from mnist_bench.data.split import validation_size
from mnist_bench.nets.planner import COEFFICIENTS, Coefficients, NetPlanner
from mnist_bench.picture_form import MNIST, PictureForm
from mnist_bench.space_files.content import IMAGES, training_settings
from search.messages import joined
from search.space.constraints import Constraint
from search.space.space import Space, constrained
from search.trainer_api import Plan, Planner

DRAWN = 200
DRAWN_OWN = 25
"""Configurations of your own network: counting the size of one takes some ten milliseconds."""

VARIED = 8
"""Settings of your own network that are tried, at most."""


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
        return [_met(constraint, settings) for constraint in self.space.constraints]


def _values(settings: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {(name, str(bool(value) if isinstance(value, float) else value)) for name, value in settings.items()}


def is_impossible(plan: Plan[TrainConfig]) -> bool:
    """Return whether no net can be built from the settings of a plan."""
    return "reason" in plan.facts


def _exceeds(plan: Plan[TrainConfig], names: Sequence[str]) -> bool:
    return any(plan.constraints.get(name, 0.0) > 0 for name in names)


def _met(constraint: Constraint, settings: Sequence[Mapping[str, Any]]) -> Met:
    values = [each for each in settings if constraint.applies(each)]
    return Met(constraint=constraint, met=sum(constraint.excess(each) <= 0 for each in values), applies=len(values))


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
