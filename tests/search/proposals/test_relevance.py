"""What is learned of the ranges from reports, and the model of a study that learns it: what it reads and keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from search.elementary import NATIVE, PORTABLE
from search.proposals.coordinates import Coordinates
from search.proposals.curves import Curve, Reports, Scale, telling
from search.proposals.exact import Array
from search.proposals.gaussian_process import Beliefs, Process, covariance_of
from search.proposals.relevance import (
    MAX_READ,
    SPREAD_OF_VARIANCES,
    USUAL_VARIANCES,
    RelevanceModel,
    learn,
    usual,
)
from support import search_fake as fake

POINTS = np.random.default_rng(0).random((24, 4))
BETWEEN = np.array([(POINTS[:, None, each] - POINTS[None, :, each]) ** 2 for each in range(4)])
CURVE = np.repeat(np.arange(24), 2)
SHARE = np.tile([0.25, 1.0], 24)
SCALE = Scale(top=None, usual=(0.0, 0.0), deviation=1.0)
SPACE = fake.space({"name": "flat", "m": {name: {"float": [0.0, 1.0]} for name in "abc"}})
COORDINATES = Coordinates(SPACE.distributions)
SHARES = (0.1, 0.2, 0.4, 0.6, 1.0)
SETTINGS = np.random.default_rng(0).random((706, 3)).round(6).tolist()
PLACES = np.array([COORDINATES.of({"m.a": a, "m.b": b, "m.c": c}) for a, b, c in SETTINGS[700:]])


def reports(losses: Array, scale: Scale = SCALE) -> Reports:
    """Return reports of 24 configurations, each after a quarter of its training and at its end."""
    return Reports(curve=CURVE, share=SHARE, loss=np.repeat(losses, 2), scale=scale)


def together(points: Array) -> Array:
    """Return losses that two of four ranges decide, by how they fit each other."""
    return np.asarray(4.0 * (points[:, 0] - points[:, 2]) ** 2 - 0.7)


def log_density(learned: Beliefs, seen: Reports) -> float:
    """Return the logarithm of the reports' probability, by NumPy's linear algebra."""
    covariance = covariance_of(seen, BETWEEN, learned)
    fit = seen.loss @ np.linalg.solve(covariance, seen.loss)
    return float(-0.5 * fit - 0.5 * np.linalg.slogdet(covariance)[1])


def test_ranges_that_act_together_are_found() -> None:
    relevances = learn(reports(together(POINTS)), BETWEEN).relevances
    assert min(relevances[[0, 2]]) > 10 * max(relevances[[1, 3]])


def test_what_is_learned_explains_the_reports_better_than_what_is_usual() -> None:
    seen = reports(together(POINTS))
    before = log_density(usual(4), seen)
    assert log_density(learn(seen, BETWEEN), seen) > before + 5


def test_no_other_variance_is_much_more_probable() -> None:
    """The ascent ends near a summit of the density, the reports' times the prior's."""
    noisy = reports(together(POINTS) + 0.3 * np.random.default_rng(1).standard_normal(24))
    found = learn(noisy, BETWEEN)
    for place, name in enumerate(("joint", "mains", "trial")):

        def density(factor: float, place: int = place, name: str = name) -> float:
            moved = factor * getattr(found, name)
            off = np.log(moved / USUAL_VARIANCES[place]) / SPREAD_OF_VARIANCES[place]
            return log_density(replace(found, **{name: moved}), noisy) - 0.5 * float(off * off)

        assert density(0.2) < density(1.0) > density(5.0)


@pytest.mark.parametrize("ranges", [0, 4])
def test_both_arithmetics_learn_the_same(ranges: int) -> None:
    found = [
        learn(reports(together(POINTS), replace(SCALE, elementary=each)), BETWEEN[:ranges])
        for each in (NATIVE, PORTABLE)
    ]
    assert found[0].relevances.tolist() == found[1].relevances.tolist()
    assert found[0].noise == found[1].noise


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


def anew(curves: Sequence[Curve]) -> Process:
    """Return the process, computed from nothing."""
    return RelevanceModel(COORDINATES, NATIVE).given(curves)


def bits(process: Process) -> bytes:
    """Return the bits of what the process holds and predicts."""
    predicted = process.at_end(PLACES)
    held = (process.lower, process.whitened, process.beliefs.relevances, predicted.mean, predicted.variance)
    return b"".join(each.tobytes() for each in held)


def test_what_is_kept_between_proposals_has_the_bits_of_what_is_computed_anew() -> None:
    model = RelevanceModel(COORDINATES, NATIVE)
    for curves in (study(7), study(9, 2), study(13, 2, 11), study(13, 11), study(20, 18, 19), study(20)):
        assert bits(model.given(curves)) == bits(anew(curves))


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
    assert anew(with_running).beliefs.relevances.tolist() == anew(study(8)).beliefs.relevances.tolist()


def test_more_ended_trials_teach_nothing_until_the_next_step() -> None:
    learned = [anew(study(trials)).beliefs.relevances.tolist() for trials in (8, 11, 12)]
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
    reports = anew(curves).reports
    assert reports.scale.top == 0.0
    assert reports.scale.value(float(reports.loss[0]), 1) == pytest.approx(curves[0].values[0])
