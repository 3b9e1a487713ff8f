from __future__ import annotations

import math
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import pytest

from mnist_bench.studies.claims import Claim, check, claim_of, numerics_differences
from mnist_bench.studies.record import PeriodResult
from search.trainer_api import Report
from support import handmade


@pytest.fixture
def reports() -> tuple[Report, ...]:
    return handmade.mixed().trials[1].reports


@pytest.fixture
def recorded() -> Claim:
    study = handmade.mixed()
    return claim_of(study, study.trials[1])


def test_the_same_figures_are_identical_whatever_time_they_took(recorded: Claim, reports: tuple[Report, ...]) -> None:
    heard: list[tuple[PeriodResult, PeriodResult]] = []
    slow = tuple(replace(report, measured={"seconds": 99.0}) for report in reports)
    comparison = check(recorded, handmade.Replay(slow), on_period=lambda then, now: heard.append((then, now)))
    assert (comparison.identical, comparison.p_value) == (True, 1.0)
    assert heard == list(comparison.periods)
    assert len(heard) == 6


def test_a_pruned_trial_is_trained_as_far_as_it_went() -> None:
    study = handmade.mixed()
    pruned = study.trials[4]
    comparison = check(claim_of(study, pruned), handmade.Replay(pruned.reports))
    assert comparison.identical
    assert len(comparison.periods) == 3


@pytest.mark.parametrize(
    ("period", "change", "name"),
    [
        (
            1,
            {"metrics": {"epoch": 1.0, "train_loss": 0.5000000001, "val_loss": 0.05, "errors": 5}},
            "period 1, train loss",
        ),
        (3, {"value": 0.9949}, "period 3, accuracy"),
        (6, {"weights": "f" * 64}, "period 6, weights"),
    ],
)
def test_the_first_difference_is_named(
    recorded: Claim, reports: tuple[Report, ...], period: int, change: dict[str, Any], name: str
) -> None:
    other = list(reports)
    other[period - 1] = replace(other[period - 1], **change)
    comparison = check(recorded, handmade.Replay(tuple(other)))
    assert not comparison.identical
    assert comparison.first_difference is not None
    assert comparison.first_difference.name == name


def test_an_early_end_is_a_difference(recorded: Claim, reports: tuple[Report, ...]) -> None:
    ended = replace(reports[1], value=None, end="diverged", details={})
    comparison = check(recorded, handmade.Replay((reports[0], ended)))
    assert not comparison.identical
    assert len(comparison.periods) == 2
    assert comparison.p_value is None


@pytest.mark.parametrize(
    ("wrong", "p_value"),
    [(range(3, 9), 1.0), (range(100, 160), 2 * sum(math.comb(65, few) for few in range(6)) / 2**65)],
)
def test_other_weights_are_tested_on_the_same_images(recorded: Claim, wrong: range, p_value: float) -> None:
    comparison = check(recorded, handmade.Replay(handmade.trial(0, wrong).reports))
    assert comparison.p_value == pytest.approx(p_value)
    assert not comparison.identical


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


def test_versions_that_differ_are_those_that_the_record_holds(recorded: Claim, reports: tuple[Report, ...]) -> None:
    assert check(recorded, handmade.Replay(reports)).versions == ()
    then = {"torch": "1.0", "optuna": version("optuna"), "no-such-package": "2.0", "": "3.0", "greenlet-9": "none"}
    comparison = check(replace(recorded, versions=then), handmade.Replay(reports))
    assert [(d.name, d.then, d.now) for d in comparison.versions] == [
        ("", "3.0", "none"), ("no-such-package", "2.0", "none"), ("torch", "1.0", version("torch"))
    ]  # fmt: skip
