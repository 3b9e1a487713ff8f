"""Fitting the estimate on times that are known."""

from __future__ import annotations

import random
import re
from dataclasses import asdict

import cost_model
import numpy as np
import pytest
from cost_model import estimates, fit, judge, misfit, random_config
from hypothesis import given, strategies as st

from mnist_bench.nets.planner import COEFFICIENTS, Coefficients, period_features

TRUE = Coefficients(mac_ps=10, element_ps=1000, augment_ns=5000, parameter_ps=3000, layer_us=0, period_us=20_000)
NETS = [random_config(random.Random(number)) for number in range(24)]
WORK = np.array([period_features(net, train_images=5000, validation_images=1000)[0] for net in NETS], dtype=np.float64)


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
    lines = [*judge(WORK, seconds, "cpu-bf16")]
    shipped = misfit(estimates(COEFFICIENTS["cpu-bf16"], WORK[::3]), seconds[::3])
    assert "fitted to the other nets: median error 0.0%, nine in ten below 0.0%, measured / estimated 2.00" in lines
    assert lines[-1].endswith(f"measured / estimated {shipped.factor:.2f}")


@pytest.mark.integration
def test_it_prints_coefficients_as_they_ship(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost_model, "TRAINED", 128)
    monkeypatch.setattr(cost_model, "EVALUATED", 50)
    monkeypatch.setattr(cost_model, "cores", lambda: 1)
    text = "\n".join(cost_model.measure(12, "cpu", "fp32"))
    printed = re.search(r'^    "cpu-fp32": (Coefficients\(.*?^    \)),$', text, re.MULTILINE | re.DOTALL)
    assert printed is not None
    coefficients = eval(printed[1], {"Coefficients": Coefficients})  # noqa: S307
    assert any(value > 0 for value in asdict(coefficients).values())
    assert "shipped: median error" in text
