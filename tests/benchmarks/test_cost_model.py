"""Fitting the estimate on times that are known; a study's estimates against the times that its reports note."""

from __future__ import annotations

import random
import re
from dataclasses import asdict, replace

import cost_model
import numpy as np
import pytest
from cost_model import MAX_MACS, estimate_errors, estimates, fit, judge, misfit, random_config, study_lines
from hypothesis import given, strategies as st

from mnist_bench.nets.architecture import plan_layers
from mnist_bench.nets.cost_model import COEFFICIENTS, Coefficients, period_costs, period_features
from mnist_bench.numerics.machine import Machine
from search.errors import StudyNotFoundError
from search.event_log.records import TrialRecord
from support.handmade import study, trial

MACHINE = Machine(
    processor="Abacus", cores=2, gpu=None, precision="bf16", python="3.11.7", versions={"torch": "2.13.0"}
)
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


def ran(number: int, *seconds: float, costs: tuple[int, ...], start: float = 0.0) -> TrialRecord:
    """Return a trial whose periods ran one after the other on worker `number`, each taken up 10 s after the last."""
    made = trial(number, range(9), periods=len(seconds))
    reports = []
    for report, took in zip(made.reports, seconds, strict=True):
        reports.append(replace(report, worker=number, started=1e9 + start, seconds=took, handled=1e9 + start + took))
        start += took
    return replace(made, reports=tuple(reports), costs=costs)


def test_each_period_counts_and_a_common_factor_does_not() -> None:
    """Estimates of 1, 2 and 4 s took 2, 4 and 4 s: a factor of 2, by which the last estimate is twice too long."""
    found = estimate_errors(
        study([ran(0, 2.0, 4.0, costs=(1_000_000, 2_000_000, 9)), ran(1, 4.0, costs=(4_000_000, 9))])
    )
    assert list(found.ratios) == [2, 2, 1]
    assert (found.misfit.factor, found.misfit.median) == (2, 0)
    assert found.misfit.nine_in_ten == pytest.approx(0.8)
    assert found.available == pytest.approx(12)


def test_waiting_for_the_logical_order_is_counted() -> None:
    """#1 is ready at 4 s and waits for #0 until 10 s, and its worker has nothing else."""
    first = ran(0, 10.0, costs=(5_000_000,))
    second = ran(1, 4.0, costs=(6_000_000,))
    late = replace(second.reports[0], handled=1e9 + 10.1)
    found = estimate_errors(study([first, replace(second, reports=(late,))]))
    assert (found.ordering, found.available) == pytest.approx((6, 20))
    assert found.lost == pytest.approx(0.3)


def test_a_period_that_ended_early_says_nothing_about_its_estimate() -> None:
    made = ran(0, 2.0, 0.001, costs=(1_000_000, 1_000_000))
    ended = replace(made.reports[1], end="out_of_memory", value=None)
    assert estimate_errors(study([replace(made, reports=(made.reports[0], ended))])).ratios == (2,)
    with pytest.raises(StudyNotFoundError, match="no period that was trained to its end"):
        estimate_errors(study([replace(made, reports=(ended,))]))


def test_a_study_without_a_period_is_refused() -> None:
    with pytest.raises(StudyNotFoundError, match="no report yet"):
        estimate_errors(study([trial(0, periods=0, state="RUNNING")]))


def test_a_study_is_judged_in_three_sentences() -> None:
    found = estimate_errors(study([ran(0, 2.0, 4.0, 4.0, costs=(1_000_000, 2_000_000, 4_000_000, 8_000_000))]))
    assert list(study_lines(found)) == [
        "conv-0: 3 periods took 2.00 times their estimates.",
        "That factor apart, an estimate is off by 0.0% in the median, nine in ten by less than 80.0%.",
        "Waiting for the logical order took 0.0 s of 10.0 s of worker time, 0.0%.",
    ]


@pytest.mark.integration
def test_it_prints_coefficients_as_they_ship(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost_model, "TRAINED", 128)
    monkeypatch.setattr(cost_model, "EVALUATED", 50)
    monkeypatch.setattr(cost_model, "cores", lambda: 1)
    runs: list[int] = []
    text = "\n".join(cost_model.model_lines(cost_model.measured(12, "cpu", "fp32", runs.append)))
    assert runs[-1] == 24
    printed = re.search(
        r'^        case "cpu-fp32":\n            return (Coefficients\(.*?\))$', text, re.MULTILINE | re.DOTALL
    )
    assert printed is not None
    coefficients = eval(printed[1], {"Coefficients": Coefficients})  # noqa: S307
    assert any(value > 0 for value in asdict(coefficients).values())
    assert "shipped: median error" in text


def test_too_few_nets_for_a_fit_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cost_model.main(["--nets", "3"])
    assert "--nets 3: give at least 12" in capsys.readouterr().err
