"""The bridge from the search to the trainer: parameters to a plan, and a trainer from plain options."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass
from typing import Any

from mnist_bench.architecture import plan_layers
from mnist_bench.config import TrainConfig
from mnist_bench.config_json import from_json, to_json
from mnist_bench.cost import Coefficients, period_costs
from mnist_bench.data.mnist import DataOptions, DatasetName, TrainingSet
from mnist_bench.errors import ArchitectureError, DataError
from mnist_bench.schedule import Schedule
from search.trainer import Plan, Planner, Trainer, TrainerSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class _Planner:
    base: Mapping[str, Any]
    limits: Mapping[str, float]
    coefficients: Coefficients
    train_images: int
    validation_images: int

    def __call__(self, params: Mapping[str, Any]) -> Plan:
        config = from_json(with_params(self.base, params))
        try:
            return self._plan(config)
        except ArchitectureError as error:
            return _impossible(config, str(error))

    def _plan(self, config: TrainConfig) -> Plan:
        net = plan_layers(config.model)
        facts = {"parameters": net.parameters, "macs": net.macs}
        sizes = {"train_images": self.train_images, "validation_images": self.validation_images}
        return Plan(
            config=to_json(config),
            costs=period_costs(config, self.coefficients, **sizes),
            constraints={name: facts[name] - limit for name, limit in self.limits.items()},
            facts=facts,
        )


def make_planner(
    base: Mapping[str, Any],
    *,
    limits: Mapping[str, float],
    coefficients: Mapping[str, float],
    train_images: int,
    validation_images: int,
) -> Planner:
    """Return the planner of a space: `base` is a TrainConfig as JSON (fields may lack), `limits` are upper bounds on
    "parameters" and "macs", `coefficients` the fields of `cost.Coefficients`, the images those of the data set's split.

    A net that cannot exist gets an infeasible plan, with the reason among its facts. The planner raises ConfigError
    where a parameter names no field or a value is out of its field's bounds.
    """
    return _Planner(
        base=base,
        limits=limits,
        coefficients=Coefficients(**coefficients),
        train_images=train_images,
        validation_images=validation_images,
    )


def with_params(base: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of the nested `base` in which each parameter, named `section.field` or `field`, has its value."""
    values: dict[str, Any] = deepcopy(dict(base))
    for name, value in params.items():
        *sections, field = name.split(".")
        inner = values
        for section in sections:
            inner = inner.setdefault(section, {})
        inner[field] = value
    return values


def _impossible(config: TrainConfig, reason: str) -> Plan:
    periods = len(Schedule(config=config, images=config.optim.batch_size).period_ends)
    constraints = {"architecture": 1.0}
    return Plan(config=to_json(config), costs=(1,) * periods, constraints=constraints, facts={"reason": reason})


def trainer_spec(data: TrainingSet, *, device: str = "auto", precision: str = "auto") -> TrainerSpec:
    """Return how a worker builds its trainer with `make_trainer`, on the very data that are loaded here."""
    options = {"device": device, "precision": precision, **asdict(data.options), "data_hash": data.data_hash}
    return TrainerSpec(factory="mnist_bench.trial:make_trainer", options=options)


def make_trainer(
    *,
    device: str = "auto",
    precision: str = "auto",
    dataset: DatasetName = "mnist",
    data_dir: str | None = None,
    subset: int | None = None,
    data_hash: str | None = None,
) -> Trainer:
    """Return the trainer of this process, set up and with its data loaded; the arguments are those of `numerics.setup`,
    "auto", "bf16" or "fp32", the fields of `DataOptions`, and the hash that the training files must have.

    Raises:
        DataError: the data set cannot be loaded, or is not the one of this hash.
        DeviceError: there is no such device.
    """
    from mnist_bench import numerics
    from mnist_bench.data.guard import close_test_set
    from mnist_bench.data.tensors import load_dataset
    from mnist_bench.graphs import recorder
    from mnist_bench.trainer import TorchTrainer

    close_test_set()
    place = numerics.setup(device)
    data = load_dataset(DataOptions(dataset=dataset, data_dir=data_dir, subset=subset), place)
    if data_hash not in (None, data.data_hash):
        found = f"their hash was {data_hash[:8]} and is {data.data_hash[:8]}"
        raise DataError(f"{data_dir or dataset}: the training files have changed since this work began ({found})")
    return TorchTrainer(data, numerics.choose_precision(place, precision), record=recorder(place))
