"""A target is met by the lower end of an interval worked out by hand, and by nothing less."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mnist_bench.config.settings import ModelConfig, TrainConfig
from mnist_bench.experiments.ladder import TARGETS, Ladder, Rung, plain, recipe_of, rung_of
from mnist_bench.numerics.machine import Machine
from mnist_bench.space_files import space_sources
from search.trainer_api import Report

CONFIG = TrainConfig(epochs=2, train_on="all", model=ModelConfig(blocks=0, hidden_layers=0))
T_9 = 2.262157
"""Student's 97.5% point for 9 degrees of freedom, from a table."""
T_1 = 12.706205
"""The same for 1 degree."""


def report(seconds: float = 1.0, accuracy: float | None = None, **others: Any) -> Report:
    figures = {} if accuracy is None else {"test_accuracy": accuracy, "test_errors": round(10_000 * (1 - accuracy))}
    return replace(Report(value=0.99, metrics=figures, weights="ab", seconds=seconds), **others)


def curve(accuracy: float, seconds: float = 1.0) -> list[Report]:
    return [report(seconds, weights="00"), report(seconds, accuracy)]


def of(*accuracies: float, name: str = "99.0", others: dict[int, list[Report]] | None = None) -> Rung:
    curves = {seed: curve(accuracy) for seed, accuracy in enumerate(accuracies)}
    return rung_of(name, CONFIG, 1000, {**curves, **(others or {})}, wall_seconds=9.0)


def test_the_interval_is_students() -> None:
    found = of(*[0.9900, 0.9910] * 5)  # their deviation is 0.0005 * sqrt(10 / 9), that of the mean 0.0005 / 3
    reach = T_9 * 0.0005 / 3
    assert found.mean == pytest.approx(0.9905)
    assert found.interval == pytest.approx((0.9905 - reach, 0.9905 + reach), abs=1e-9)


def test_no_interval_reaches_beyond_all_images_and_none_is_made_of_no_error() -> None:
    found = of(0.9966, 0.9974)
    assert found.interval is not None
    assert 0.98 < found.interval[0] < 0.997 < found.interval[1] < 1
    perfect = of(1.0, 1.0, 1.0)
    assert (perfect.interval, perfect.met) == (None, False)


@pytest.mark.parametrize(("spread", "met"), [(0.0003, True), (0.0005, False)])
def test_a_target_is_met_by_the_lower_end_and_not_by_the_mean(spread: float, met: bool) -> None:
    # The mean is 0.9903; T_9 / 3 times the spread is 0.00023 or 0.00038.
    found = of(*[0.9903 - spread, 0.9903 + spread] * 5)
    assert found.mean == pytest.approx(0.9903)
    assert found.met == met


def test_equal_runs_are_known_to_a_fraction_of_an_image() -> None:
    # 10,000 images; rounding to whole ones has a variance of 1/12, so ten are known to 0.21 images, two to 2.6.
    for name, target in TARGETS.items():
        assert not of(*[target] * 10, name=name).met
        assert of(*[target + 1e-4] * 10, name=name).met
        assert not of(*[target + 2e-4] * 2, name=name).met
        assert of(*[target + 3e-4] * 2, name=name).met


def test_training_counts_what_is_computed_forward_and_backward() -> None:
    images = 2 * 7 * 128  # two epochs of whole batches
    assert of(0.99).training_flop == 6 * 7840 * images


def test_the_best_of_the_seeds_counts_for_nothing() -> None:
    assert not of(0.9950, 0.9850, 0.9899).met


def test_one_run_shows_no_spread_and_meets_nothing() -> None:
    found = of(0.999)
    assert (found.mean, found.interval, found.met) == (0.999, None, False)


@pytest.mark.parametrize("end", ["diverged", "out_of_memory"])
def test_a_run_that_does_not_end_is_counted_and_the_target_is_not_met(end: Any) -> None:
    found = of(0.9990, 0.9991, 0.9992, others={7: [report(value=None, end=end)]})
    assert (len(found.runs), found.unended) == (3, 1)
    assert found.mean == pytest.approx(0.9991)
    assert not found.met


def test_where_no_run_ended_there_are_no_figures() -> None:
    found = of(others={0: [report(value=None, end="diverged")]})
    assert (found.mean, found.interval, found.seconds, found.met) == (None, None, None, False)


def test_seconds_are_the_median_runs_and_all_its_periods() -> None:
    found = of(others={seed: curve(0.99, seconds) for seed, seconds in ((5, 1.0), (6, 50.0), (7, 2.0))})
    assert found.seconds == 4.0
    assert [run.seconds for run in found.runs] == [2.0, 100.0, 4.0]
    assert [(run.seed, run.test_errors, run.weights) for run in found.runs] == [(n, 100, "ab") for n in (5, 6, 7)]


def test_plain_values_hold_the_figures_and_every_run() -> None:
    machine = Machine(processor="x", cores=2, gpu=None, precision="fp32", python="3", versions={})
    found = plain(Ladder(machine=machine, workers=2, train_images=60_000, rungs=(of(0.9910, 0.9911), of(0.99))))
    first, second = found["rungs"]
    assert (first["target"], first["recipe"], first["epochs"], first["met"]) == (0.99, "ladder/99.0", 2, True)
    assert (first["parameters"], first["macs"], first["wall_seconds"]) == (7_850, 7_840, 9.0)
    assert (first["low"], first["high"]) == pytest.approx((0.99105 - T_1 * 5e-5, 0.99105 + T_1 * 5e-5), abs=1e-9)
    assert (second["low"], second["high"], len(second["runs"])) == (None, None, 1)
    assert found["machine"]["cores"] == 2


@pytest.mark.parametrize("name", TARGETS)
def test_recipes_train_on_all_images_for_fixed_epochs(name: str) -> None:
    config = space_sources.recipe(space_sources.load(recipe_of(name)))
    assert config.train_on == "all"
    assert config.model.pool_axes == "rows_columns"


def test_every_shipped_recipe_has_its_target() -> None:
    shipped = {name.removeprefix("ladder/") for name in space_sources.shipped() if name.startswith("ladder/")}
    assert shipped == set(TARGETS)
    assert all(float(name) == pytest.approx(100 * target) for name, target in TARGETS.items())
