"""Fitting the estimate, on times that are known."""

from __future__ import annotations

import random
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, strategies as st

from mnist_bench.bench.cost_fit import MAX_MACS, estimates, fit, judge, misfit, random_config
from mnist_bench.nets.architecture import plan_layers
from mnist_bench.nets.cost_model import COEFFICIENTS, Coefficients, period_costs, period_features
from support.handmade_speed import MACHINE

TRUE = Coefficients(mac_ps=10, element_ps=1000, augment_ns=5000, parameter_ps=3000, layer_us=0, period_us=20_000)
NETS = [random_config(random.Random(number)) for number in range(24)]
WORK = np.array([period_features(net, train_images=5000, validation_images=1000)[0] for net in NETS], dtype=np.float64)


def test_estimates_are_those_of_the_search() -> None:
    costs = [period_costs(net, TRUE, train_images=5000, validation_images=1000)[0] for net in NETS]
    assert estimates(TRUE, WORK) == pytest.approx(np.array(costs) / 1e6, rel=1e-5)


def test_the_coefficients_that_made_the_times_are_found() -> None:
    assert asdict(fit(WORK, estimates(TRUE, WORK))) == pytest.approx(asdict(TRUE), rel=1e-6, abs=1e-6)


@given(st.lists(st.floats(0.01, 100), min_size=len(NETS), max_size=len(NETS)))
def test_no_coefficient_is_below_zero(seconds: list[float]) -> None:
    assert min(asdict(fit(WORK, np.array(seconds))).values()) >= 0


def test_the_misfit_leaves_out_a_common_factor() -> None:
    """Measured over estimated: 2, 2, 2, 4, 1. The factor is 2; twice the estimates are off by 0, 0, 0, 1/2 and 1."""
    found = misfit([1, 1, 1, 1, 1], [2, 2, 2, 4, 1])
    assert (found.factor, found.median) == (2, 0)
    assert found.nine_in_ten == pytest.approx(0.8)  # between 1/2 and 1, at 0.6 of the way


def test_coefficients_are_judged_on_nets_that_they_were_not_fitted_to() -> None:
    """Every third net takes twice its time: the fit to the others misses them by that factor and nothing else."""
    seconds = estimates(TRUE, WORK)
    seconds[::3] *= 2
    found = judge(WORK, seconds, MACHINE, "cpu-bf16")
    assert found.fitted.factor == pytest.approx(2)
    assert found.fitted.nine_in_ten == pytest.approx(0, abs=1e-6)
    assert found.shipped == misfit(estimates(COEFFICIENTS["cpu-bf16"], WORK[::3]), seconds[::3])
    assert found.coefficients == fit(WORK, seconds)


@given(st.integers(0, 10_000))
def test_random_nets_can_exist_and_stay_small(number: int) -> None:
    config = random_config(random.Random(number))
    assert 0 < plan_layers(config.model).macs <= MAX_MACS
    assert config == random_config(random.Random(number))
    assert config.epochs == 1
