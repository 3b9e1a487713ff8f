"""What a grid calls the same task, and what not."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from mnist_bench.config.settings import ModelConfig, TrainConfig
from mnist_bench.data.choice import DataOptions
from mnist_bench.data.mnist import load_training_set
from mnist_bench.errors import ArchitectureError, Stopped
from mnist_bench.experiments.grid import Grid, Observer, Workplace, open_grid, open_grid_of, product
from mnist_bench.numerics import device
from search.errors import FingerprintError, StudyLockedError
from search.executors.in_process import InProcessExecutor
from search.trainer_api import TrainerSpec
from support import experiments, handmade

NUMERICS = {"check": "77c0", "trainer_revision": 2, "kind": "cpu-fp32"}


@pytest.fixture
def grid(tmp_path: Path) -> Grid:
    """Return a grid whose trainer takes no time."""
    executor = InProcessExecutor(TrainerSpec(factory="support.fake_trainer:Trainer"))
    data = load_training_set(DataOptions(subset=1200))
    return Grid(executor=executor, numerics=NUMERICS, data=data, folder=tmp_path, observer=Observer())


@pytest.mark.parametrize(
    "change",
    [
        {"numerics": {**NUMERICS, "check": "1d93"}},
        {"numerics": {**NUMERICS, "wide_check": "5f1c"}},
        {"numerics": {**NUMERICS, "trainer_revision": 3}},
        {"data": load_training_set(DataOptions(subset=1300))},
        {"extra_identity": ("other test images",)},
    ],
)
def test_all_that_the_bits_depend_on_makes_another_task(grid: Grid, change: dict[str, object]) -> None:
    task = grid.task("a", TrainConfig(), 1)
    assert grid.task("b", TrainConfig(), 1).identity == task.identity, "whatever it is called"
    assert replace(grid, **change).task("a", TrainConfig(), 1).identity != task.identity  # type: ignore[arg-type]
    assert grid.task("a", TrainConfig(), 2).identity != task.identity
    assert grid.task("a", TrainConfig(epochs=7), 1).identity != task.identity


def test_a_net_that_cannot_exist_is_refused_before_anything_trains(grid: Grid) -> None:
    with pytest.raises(ArchitectureError, match=r"^deep: model\.filters has 2 entries for 3 blocks\.$"):
        grid.task("deep", TrainConfig(model=ModelConfig(blocks=3, filters=(16, 32))), 1)


def test_every_configuration_meets_every_seed_and_is_numbered_from_one() -> None:
    runs = product({"a": TrainConfig(), "b": TrainConfig(epochs=7)}, [11, 5])
    assert [(run.name, run.seed, run.title) for run in runs] == [
        ("a", 11, "a, seed 1 of 2"),
        ("b", 11, "b, seed 1 of 2"),
        ("a", 5, "a, seed 2 of 2"),
        ("b", 5, "b, seed 2 of 2"),
    ]
    assert {run.config.epochs for run in runs if run.name == "b"} == {7}


def test_runs_are_trained_the_longest_first_once_and_reported_by_name_and_seed(grid: Grid) -> None:
    configs = {"short": TrainConfig(epochs=1), "long": TrainConfig(epochs=2)}
    heard, again = experiments.Stopping(), experiments.Stopping()
    grid.executor.start()
    curves = replace(grid, observer=heard).train(product(configs, [3, 4]))
    assert [run.title for run in heard.ended] == [
        "long, seed 1 of 2",
        "long, seed 2 of 2",
        "short, seed 1 of 2",
        "short, seed 2 of 2",
    ]
    assert {key: len(reports) for key, reports in curves.items()} == {
        ("short", 3): 1, ("long", 3): 2, ("short", 4): 1, ("long", 4): 2,
    }  # fmt: skip
    assert replace(grid, observer=again).train(product(configs, [3, 4])) == curves
    assert again.runs == 0
    with pytest.raises(Stopped):
        replace(grid, observer=experiments.Stopping(lambda runs: True)).train(product(configs, [5]))
    assert grid.train_until(0.0, product(configs, [5])) is None, "the deadline has passed"
    assert grid.train_until(0.0, product(configs, [3, 4])) == curves, "nothing is left to train"
    with pytest.raises(Stopped):
        replace(grid, observer=experiments.Stopping(lambda runs: True)).train_until(math.inf, product(configs, [5]))


@pytest.mark.slow
@pytest.mark.usefixtures("in_this_process")
def test_a_folder_has_one_workshop_at_a_time(tmp_path: Path) -> None:
    with (
        open_grid(tmp_path, "The work", Observer(), data=DataOptions(subset=1200), workers=1),
        pytest.raises(StudyLockedError, match=r"^The work is in use by process \d+"),
        open_grid(tmp_path, "The work", Observer(), data=DataOptions(subset=1200), workers=1),
    ):
        pass


@pytest.mark.slow
@pytest.mark.usefixtures("in_this_process")
def test_a_studys_workshop_computes_in_its_precision_and_is_refused_where_the_bits_differ(tmp_path: Path) -> None:
    study, data = handmade.mixed(), load_training_set(DataOptions(subset=1200))
    study.spec["numerics"].update(precision="fp32", device="cpu")
    study.spec["context"]["data"].update(subset=1200, data_hash=data.data_hash, split_hash=data.split.digest)
    here = device.describe(device.setup("cpu"), "fp32")["check"]
    with (
        pytest.raises(
            FingerprintError, match=rf"numerics check 77c0…, here {here[:4]}…\); ablate it on a machine like that one"
        ),
        open_grid_of(study, "ablate", tmp_path, "The ablation", Workplace(), Observer()),
    ):
        pass
