"""From the parameters of a trial to its plan: configuration, costs and limits, without training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mnist_bench.config import CODEC, Schedule, TrainConfig, with_params
from mnist_bench.errors import ArchitectureError
from mnist_bench.nets.architecture import plan_layers
from mnist_bench.nets.cost_model import Coefficients, period_costs
from search.trainer_api import Codec, Plan, Planner


@dataclass(frozen=True, kw_only=True, slots=True)
class _Planner:
    base: Mapping[str, Any]
    resolve: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    limits: Mapping[str, float]
    coefficients: Coefficients
    train_images: int
    validation_images: int

    @property
    def codec(self) -> Codec[TrainConfig]:
        return CODEC

    def __call__(self, params: Mapping[str, Any]) -> Plan[TrainConfig]:
        config = CODEC.from_json(with_params(self.base, self.resolve(params)))
        try:
            return self._plan(config)
        except ArchitectureError as error:
            return _impossible(config, str(error))

    def _plan(self, config: TrainConfig) -> Plan[TrainConfig]:
        net = plan_layers(config.model)
        facts = {"parameters": net.parameters, "macs": net.macs}
        sizes = {"train_images": self.train_images, "validation_images": self.validation_images}
        return Plan(
            config=config,
            costs=period_costs(config, self.coefficients, **sizes),
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
) -> Planner[TrainConfig]:
    """Return the planner of a space: `base` is a TrainConfig as JSON (fields may lack), `resolve` returns all settings
    of a trial given its parameters, `limits` are upper bounds on "parameters" and "macs", `coefficients` the fields of
    `cost_model.Coefficients`, the images those of the data set's split.

    A net that cannot exist gets an infeasible plan, with the reason among its facts. The planner raises ConfigError
    where a parameter names no field or a value is out of its field's bounds.
    """
    return _Planner(
        base=base,
        resolve=resolve,
        limits=limits,
        coefficients=Coefficients(**coefficients),
        train_images=train_images,
        validation_images=validation_images,
    )


def _impossible(config: TrainConfig, reason: str) -> Plan[TrainConfig]:
    periods = len(Schedule(config=config, images=config.optim.batch_size).period_ends)
    constraints = {"architecture": 1.0}
    return Plan(config=config, costs=(1,) * periods, constraints=constraints, facts={"reason": reason})
