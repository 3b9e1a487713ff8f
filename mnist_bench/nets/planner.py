"""Plan a trial from its parameters: its configuration, its costs and its limits, without training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mnist_bench.config.json import CODEC, with_params
from mnist_bench.config.schedule import Schedule
from mnist_bench.config.settings import TrainConfig
from mnist_bench.errors import ArchitectureError
from mnist_bench.nets.cost_model import Coefficients, period_costs
from mnist_bench.nets.size import net_size
from mnist_bench.own_nets import own_net
from mnist_bench.picture_form import MNIST, PictureForm
from search.trainer_api import Codec, Plan, Planner


@dataclass(frozen=True, kw_only=True, slots=True)
class _Planner:
    base: Mapping[str, Any]
    resolve: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    limits: Mapping[str, float]
    coefficients: Coefficients
    train_images: int
    validation_images: int
    form: PictureForm

    @property
    def codec(self) -> Codec[TrainConfig]:
        return CODEC

    def __call__(self, params: Mapping[str, Any]) -> Plan[TrainConfig]:
        config = CODEC.from_json(with_params(self.base, self.resolve(params)))
        try:
            return self._plan(with_net_defaults(config))
        except ArchitectureError as error:
            # A space may well hold nets that pool the picture away; the sampler learns to avoid them.
            return _impossible(config, str(error))

    def _plan(self, config: TrainConfig) -> Plan[TrainConfig]:
        net = net_size(config, self.form)
        facts = {"parameters": net.parameters, "macs": net.macs}
        sizes = {"train_images": self.train_images, "validation_images": self.validation_images}
        return Plan(
            config=config,
            costs=period_costs(config, self.coefficients, form=self.form, **sizes),
            # Above 0 if a limit is exceeded, by that much: the sampler learns from the amount.
            constraints={name: facts[name] - limit for name, limit in self.limits.items()},
            facts=facts,
        )


def make_planner(
    base: Mapping[str, Any],
    *,
    resolve: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict,
    limits: Mapping[str, float],
    coefficients: Mapping[str, float],
    train_images: int,
    validation_images: int,
    form: PictureForm = MNIST,
) -> Planner[TrainConfig]:
    """Return the planner of a space.

    An impossible net gets an infeasible plan, with the reason among its facts. The planner itself raises ConfigError if
    a parameter is not a setting, or if a value is out of bounds.

    Args:
        base: a TrainConfig as JSON; missing fields have their defaults.
        resolve: returns all settings of a trial, given its parameters.
        limits: upper bounds on "parameters" and "macs".
        coefficients: the fields of `cost_model.Coefficients`.
        train_images: number of images in the training part of the split.
        validation_images: number of images in its validation part.
        form: that of the pictures.
    """
    return _Planner(
        base=base,
        resolve=resolve,
        limits=limits,
        coefficients=Coefficients(**coefficients),
        train_images=train_images,
        validation_images=validation_images,
        form=form,
    )


def with_net_defaults(config: TrainConfig) -> TrainConfig:
    """Return a configuration with all settings of your own network; missing ones take its defaults.

    Raises:
        ArchitectureError: the net refuses them.
        UsageError: its code was not named, or has no such settings.
    """
    if config.net_code is None:
        return config
    return replace(config, net=own_net.loaded_net(config.net_code).settings.complete(config.net))


def _impossible(config: TrainConfig, reason: str) -> Plan[TrainConfig]:
    periods = len(Schedule(config=config, images=config.optim.batch_size).period_ends)
    constraints = {"architecture": 1.0}  # how far it is from possible cannot be said
    return Plan(config=config, costs=(1,) * periods, constraints=constraints, facts={"reason": reason})
