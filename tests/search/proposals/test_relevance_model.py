"""The model that learns relevances, given a study: what it reads, what it keeps, and that keeping changes no bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from search.elementary import NATIVE
from search.proposals.coordinates import Coordinates
from search.proposals.curves import Curve
from search.proposals.relevance import Parts
from search.proposals.relevance_model import MAX_READ, Conditioned, RelevanceModel, telling
from support import search_fake as fake

SPACE = fake.space({"name": "flat", "m": {name: {"float": [0.0, 1.0]} for name in "abc"}})
COORDINATES = Coordinates(SPACE.distributions)
ALL = Parts()
SHARES = (0.1, 0.2, 0.4, 0.6, 1.0)
RNG = np.random.default_rng(0)
SETTINGS = RNG.random((700, 3)).round(6).tolist()
PLACES = RNG.random((6, 3)) @ np.zeros((3, 6)) + COORDINATES.of({"m.a": 0.5, "m.b": 0.5, "m.c": 0.5})


def curve(trial: int, reports: int, *, ended: bool = True) -> Curve:
    """Return the curve of a trial, whose value one of three ranges decides."""
    params = dict(zip(("m.a", "m.b", "m.c"), SETTINGS[trial], strict=True))
    end = 0.9 - 0.5 * abs(params["m.a"] - 0.4)
    values = tuple(end - 0.2 * (1.0 - share) for share in SHARES[:reports])
    return Curve(trial=trial, params=params, point=COORDINATES.of(params), shares=SHARES, values=values, ended=ended)


def study(trials: int, *running: int) -> list[Curve]:
    """Return the curves of so many trials; those that are running have one report."""
    return [curve(each, 1 if each in running else 1 + 4 * (each % 4 == 0), ended=each not in running)
            for each in range(trials)]  # fmt: skip


def anew(curves: Sequence[Curve], parts: Parts = ALL) -> Conditioned:
    """Return the process, computed from nothing."""
    return RelevanceModel(COORDINATES, NATIVE).given(curves, parts)


def bits(process: Conditioned) -> bytes:
    """Return the bits of what the process holds and predicts."""
    predicted = process.at_end(PLACES)
    held = (process.lower, process.whitened, process.learned.relevances, predicted.mean, predicted.variance)
    return b"".join(each.tobytes() for each in held)


def test_what_is_kept_between_proposals_has_the_bits_of_what_is_computed_anew() -> None:
    model = RelevanceModel(COORDINATES, NATIVE)
    for curves in (study(7), study(9, 2), study(13, 2, 11), study(13, 11), study(20, 18, 19), study(20)):
        assert bits(model.given(curves, ALL)) == bits(anew(curves))


def test_predictions_agree_with_the_formula() -> None:
    process = anew(study(16))
    covariance = process.lower @ process.lower.T
    losses = process.reports.loss
    assert process.lower @ process.whitened[:, 0] == pytest.approx(losses)
    assert process.best() == pytest.approx(process.at_end(process.points).mean.min())
    at_a_trial = process.at_end(np.array([process.curves[0].point]))
    assert np.linalg.eigvalsh(covariance).min() > 0
    assert at_a_trial.variance[0] < anew(study(16)[1:]).at_end(np.array([process.curves[0].point])).variance[0]


def test_nothing_is_learned_from_trials_that_are_running() -> None:
    with_running = [*study(8), *(curve(8 + each, 5, ended=False) for each in range(4))]
    assert anew(with_running).learned.relevances.tolist() == anew(study(8)).learned.relevances.tolist()


def test_more_ended_trials_teach_nothing_until_the_next_step() -> None:
    learned = [anew(study(trials)).learned.relevances.tolist() for trials in (8, 11, 12)]
    assert learned[0] == learned[1] != learned[2]


def test_of_a_curve_the_reports_at_rungs_and_the_last_are_read() -> None:
    long = replace(curve(0, 5), shares=(0.01,) * 40, values=(0.5,) * 33)
    assert [*telling(long)] == [0, 2, 8, 26, 32]
    assert [*telling(replace(long, values=(0.5,)))] == [0]
    assert [*telling(replace(long, values=()))] == []


def test_of_many_reports_those_of_the_best_trials_and_of_the_newest_are_read() -> None:
    process = anew(study(700))
    read = {each.trial for each in process.curves}
    assert len(process.reports.loss) <= MAX_READ
    best = max(study(700), key=lambda each: (len(each.values), each.values[-1]))
    assert {best.trial, 699} <= read


def test_losses_over_decades_count_by_their_logarithm() -> None:
    curves = [replace(each, values=tuple(-(10.0 ** (4 * value)) for value in each.values)) for each in study(12)]
    forms = [anew(curves, parts).reports.scale.form for parts in (ALL, Parts(decades=False))]
    assert forms == ["decades", "plain"]
    reports = anew(curves).reports
    assert reports.scale.value(float(reports.loss[0]), 1) == pytest.approx(curves[0].values[0])
