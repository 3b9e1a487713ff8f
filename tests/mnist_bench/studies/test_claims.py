from __future__ import annotations

import math
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import pytest

from mnist_bench.studies.claims import check, claim_of, numerics_differences
from mnist_bench.studies.record import PeriodResult
from search.trainer_api import Report
from support import handmade

STUDY = handmade.mixed()
RECORDED, REPORTS = claim_of(STUDY, STUDY.trials[1]), STUDY.trials[1].reports


def with_report(period: int, **change: Any) -> tuple[Report, ...]:
    """Return the reports of a training that differs in a period."""
    return tuple(replace(one, **change) if n == period else one for n, one in enumerate(REPORTS, 1))


def test_the_same_figures_are_identical_whatever_time_they_took_as_far_as_the_trial_went() -> None:
    heard: list[tuple[PeriodResult, PeriodResult]] = []
    slow = tuple(replace(report, measured={"seconds": 99.0}) for report in REPORTS)
    comparison = check(RECORDED, handmade.Replay(slow), on_period=lambda then, now: heard.append((then, now)))
    assert (comparison.identical, comparison.p_value) == (True, 1.0)
    assert heard == list(comparison.periods)
    assert len(heard) == 6
    pruned = STUDY.trials[4]
    comparison = check(claim_of(STUDY, pruned), handmade.Replay(pruned.reports))
    assert (comparison.identical, len(comparison.periods)) == (True, 3)


@pytest.mark.parametrize("errors", [-1, handmade.IMAGES + 1])
def test_an_impossible_number_of_errors_has_no_interval(errors: int) -> None:
    last = replace(RECORDED.curve[-1], metrics={**RECORDED.curve[-1].metrics, "errors": errors})
    assert RECORDED.interval is not None
    assert replace(RECORDED, curve=(*RECORDED.curve[:-1], last)).interval is None


LOSS = {"epoch": 1.0, "train_loss": 0.5000000001, "val_loss": 0.05, "errors": 5}


@pytest.mark.parametrize(
    ("reports", "name", "p_value"),
    [
        (with_report(1, metrics=LOSS), "period 1, train loss", 1.0),
        (with_report(3, value=0.9949), "period 3, accuracy", 1.0),
        (with_report(6, weights="f" * 64), "period 6, weights", 1.0),
        # An early end is a difference.
        (with_report(2, value=None, end="diverged", details={})[:2], "period 2, accuracy", None),
        # Other weights are tested on the same images.
        (handmade.trial(0, range(3, 9)).reports, "period 1, val loss", 1.0),
        (
            handmade.trial(0, range(100, 160)).reports,
            "period 1, val loss",
            2 * sum(math.comb(65, few) for few in range(6)) / 2**65,
        ),
    ],
)
def test_the_first_difference_is_named_and_the_results_tested(
    reports: tuple[Report, ...], name: str, p_value: float | None
) -> None:
    comparison = check(RECORDED, handmade.Replay(reports))
    assert not comparison.identical
    assert comparison.first_difference is not None
    assert comparison.first_difference.name == name
    assert comparison.p_value == (None if p_value is None else pytest.approx(p_value))
    assert len(comparison.periods) == len(reports)


def test_numerics_differences_name_the_canary_first() -> None:
    then = {"arch": "x", "check": "a", "cpu": {"flags": ["avx2"], "model": "m"}}
    now = {"check": "b", "cpu": {"flags": ["sse"], "model": "m"}, "gpu": "g"}
    found = [(d.name, d.then, d.now) for d in numerics_differences(then, now)]
    assert found == [
        ("check", "a", "b"), ("arch", "x", "–"), ("cpu.flags", "['avx2']", "['sse']"), ("gpu", "–", "g")
    ]  # fmt: skip
    assert numerics_differences(then, dict(then)) == ()
    wide = {**then, "wide_check": "x"}
    assert [d.name for d in numerics_differences(wide, {**now, "wide_check": "y"})][:2] == ["check", "wide_check"]


def test_versions_that_differ_are_those_that_the_record_holds() -> None:
    assert check(RECORDED, handmade.Replay(REPORTS)).versions == ()
    then = {"torch": "1.0", "optuna": version("optuna"), "no-such-package": "2.0", "": "3.0", "greenlet-9": "none"}
    comparison = check(replace(RECORDED, versions=then), handmade.Replay(REPORTS))
    assert [(d.name, d.then, d.now) for d in comparison.versions] == [
        ("", "3.0", "none"), ("no-such-package", "2.0", "none"), ("torch", "1.0", version("torch"))
    ]  # fmt: skip
