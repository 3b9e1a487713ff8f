"""The bridge: parameters to plans, plain options to a trainer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.config.json import with_params
from mnist_bench.config.settings import TrainConfig
from mnist_bench.data.choice import TRAIN_FILES, DataOptions
from mnist_bench.data.mnist import load_training_set
from mnist_bench.errors import ConfigError, DataError, DeviceError
from mnist_bench.nets.planner import COEFFICIENTS, NetPlanner, period_costs
from mnist_bench.training.trainer import make_trainer, trainer_spec
from search.trainer_api import Planner, Trainer
from support import handmade_data
from support.paths import ROOT


def planner(base: dict[str, Any], **limits: float) -> Planner[TrainConfig]:
    """Return the planner of `base` on the full data set, on a CPU."""
    coefficients = COEFFICIENTS["cpu-bf16"]
    return NetPlanner(
        base=base, limits=limits, coefficients=coefficients, train_images=50_000, validation_images=10_000
    )


def test_a_plan_holds_the_whole_config_its_costs_and_facts() -> None:
    plan = planner({"epochs": 3, "model": {"blocks": 1}})({"model.filters": 24, "optim.lr": 0.01, "epochs": 2})
    config = plan.config
    assert (config.epochs, config.model.blocks, config.model.filters, config.optim.lr) == (2, 1, 24, 0.01)
    estimated = period_costs(config, COEFFICIENTS["cpu-bf16"], train_images=50_000, validation_images=10_000)
    assert plan.costs == estimated
    assert plan.facts == {"parameters": 24 * 10 + 4704 * 128 + 128 + 1290, "macs": 784 * 24 * 9 + 4704 * 128 + 1280}
    assert plan.feasible


def test_a_limit_on_operations_counts_all_views_of_an_evaluated_image() -> None:
    plan = planner({"model": {"blocks": 0, "hidden_layers": 0, "test_shift": 1}}, macs=7_840)({})
    assert (plan.facts["macs"], plan.constraints) == (3 * 7_840, {"macs": 2 * 7_840})


def test_limits_become_constraints() -> None:
    plan = planner({"model": {"blocks": 0, "hidden_layers": 0}}, parameters=7_800, macs=7_840)({})
    assert plan.constraints == {"parameters": 50, "macs": 0}
    assert not plan.feasible


def test_a_net_that_cannot_exist_is_infeasible_and_says_why() -> None:
    plan = planner({"epochs": 4, "model": {"filters": [8, 16]}})({"model.blocks": 3})
    assert not plan.feasible
    assert len(plan.costs) == 4
    assert plan.facts == {"reason": "model.filters has 2 entries for 3 blocks"}


def test_parameters_that_are_no_fields_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"model\.nosuch is a setting that this version does not know"):
        planner({})({"model.nosuch": 3})


def test_params_leave_the_base_alone() -> None:
    base: dict[str, Any] = {"model": {"blocks": 1}}
    assert with_params(base, {"model.filters": 8, "optim.lr": 0.1}) == {
        "model": {"blocks": 1, "filters": 8},
        "optim": {"lr": 0.1},
    }
    assert base == {"model": {"blocks": 1}}


@pytest.mark.slow
def test_the_trainer_keeps_the_contract() -> None:
    data = load_training_set(DataOptions(subset=1200))
    trainer: Trainer[TrainConfig] = make_trainer(**trainer_spec(data, device="cpu").options)
    state, report = trainer.advance(TrainConfig(epochs=1), 1, 1, None)
    assert state
    assert report.seconds > 0
    assert set(report.metrics) == {"epoch", "train_loss", "val_loss", "errors"}
    assert len(trainer.numerics["check"]) == 64
    assert trainer.numerics["kind"] in COEFFICIENTS


def test_bad_options_are_said() -> None:
    with pytest.raises(DeviceError, match="not one of auto, cpu, cuda"):
        make_trainer(device="tpu")
    with pytest.raises(DeviceError, match="cuda:99' does not exist"):
        make_trainer(device="cuda:99")
    with pytest.raises(DataError, match="there is no train-images"):
        make_trainer(device="cpu", data_dir=str(Path(__file__).parent))


def test_a_worker_refuses_data_that_changed_since_the_work_began(tmp_path: Path) -> None:
    """A bit that flips in a training image while a search is under way must not train the rest of it on other data."""
    folder = handmade_data.write_data(tmp_path, train=60, test=10)
    spec = trainer_spec(load_training_set(DataOptions(data_dir=str(folder))), device="cpu")
    make_trainer(**spec.options)
    images = folder / TRAIN_FILES[0]
    content = bytearray(images.read_bytes())
    content[-1] ^= 1
    images.write_bytes(content)
    with pytest.raises(DataError, match="have changed since this work began"):
        make_trainer(**spec.options)


def test_a_worker_refuses_another_split_of_the_same_images(tmp_path: Path) -> None:
    folder = handmade_data.write_data(tmp_path, train=60, test=10)
    spec = trainer_spec(load_training_set(DataOptions(data_dir=str(folder), split_seed=1)), device="cpu")
    make_trainer(**spec.options)
    with pytest.raises(DataError, match="splits the images otherwise"):
        make_trainer(**{**spec.options, "data": {**spec.options["data"], "split_seed": 2}})


@pytest.mark.cold
def test_neither_planning_nor_exporting_needs_torch() -> None:
    planning = ("nets.planner", "data", "nets.architecture", "config.schedule", "config.json")
    imported = ", ".join(f"mnist_bench.{module}" for module in (*planning, "training.weights"))
    code = f"import sys, {imported}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
