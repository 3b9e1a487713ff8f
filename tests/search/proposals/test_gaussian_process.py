"""The Gaussian process, against the textbook's formulas."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from search.proposals.coordinates import Coordinates
from search.proposals.curves import Curve, Reports, Scale
from search.proposals.exact import Array, cholesky
from search.proposals.gaussian_process import DRIFT, LEVEL, Beliefs, Process, covariance_of
from search.space.space import Space

COORDINATES = Coordinates(
    Space.of({"name": "flat", "m": {"a": {"float": [0, 1]}, "b": {"float": [0, 1]}}}).distributions
)
RELEVANCES = np.array([2.0, 0.5])
NOISE = 0.02
MAINS = Beliefs(relevances=RELEVANCES, joint=0.0, mains=1.5, trial=0.3, noise=NOISE)
BOTH = replace(MAINS, joint=0.7)
SETTINGS = np.array([[0.0, 0.2], [0.5, 0.1], [1.0, 0.9], [0.4, 0.6]])
NEW = np.array([[0.45, 0.55], [0.0, 0.2], [0.9, 0.1]])
CURVE = np.array([0, 0, 1, 2, 2, 2, 3])
SHARE = np.array([0.25, 0.5, 0.25, 0.25, 0.5, 1.0, 0.25])
LOSS = np.array([0.3, 0.2, -0.5, 1.0, 1.1, 0.9, -0.2])
REPORTS = Reports(curve=CURVE, share=SHARE, loss=LOSS, scale=Scale(top=None, usual=(0.0, 0.0, 0.0), deviation=1.0))


def points(settings: Array) -> Array:
    return np.array([COORDINATES.of({"m.a": a, "m.b": b}) for a, b in settings.tolist()])


def process(beliefs: Beliefs = MAINS) -> Process:
    """Return the process after the reports of four curves."""
    curves = [
        Curve(trial=trial, params={}, point=point, shares=(0.25, 0.5, 1.0), values=(0.0,), ended=True)
        for trial, point in enumerate(points(SETTINGS))
    ]
    covariance = covariance_of(REPORTS, COORDINATES.squares(points(SETTINGS), points(SETTINGS)), beliefs)
    return Process(COORDINATES, beliefs, curves, REPORTS, cholesky(covariance))


def effects(beliefs: Beliefs, some: Array, others: Array) -> Array:
    """Return the covariance of the effects of settings."""
    squares = (some.T[:, :, None] - others.T[:, None, :]) ** 2
    joint = (1 / (1 + np.tensordot(RELEVANCES, squares, 1) / 2)) ** 2
    return np.asarray(beliefs.mains * np.mean(1 / (1 + squares), axis=0) + beliefs.joint * joint)


@pytest.mark.parametrize("beliefs", [MAINS, BOTH])
def test_what_it_believes_is_what_the_formulas_say(beliefs: Beliefs) -> None:
    earlier, later = np.minimum(SHARE[:, None], SHARE), np.maximum(SHARE[:, None], SHARE)
    of_trials = effects(beliefs, SETTINGS[CURVE], SETTINGS[CURVE]) + 0.3 * (CURVE[:, None] == CURVE)
    covariance = of_trials * np.sqrt(earlier / later) + LEVEL + DRIFT * earlier + NOISE * np.eye(7)
    to_new = effects(beliefs, NEW, SETTINGS[CURVE]) * np.sqrt(SHARE) + LEVEL + DRIFT * SHARE
    inverse = np.linalg.inv(covariance)
    found = process(beliefs)
    predicted = found.at_end(points(NEW))
    assert predicted.mean == pytest.approx(to_new @ inverse @ LOSS)
    before = beliefs.joint + beliefs.mains + LEVEL + DRIFT
    assert predicted.variance == pytest.approx(before - np.sum(to_new @ inverse * to_new, axis=1))
    assert found.best() == pytest.approx(found.at_end(points(SETTINGS)).mean.min())


def test_draws_have_the_mean_and_the_covariance_that_it_believes() -> None:
    predicted = process().at_end(points(NEW))
    normals = np.random.default_rng(0).standard_normal((3, 4000))
    draws = process().drawn(points(NEW), predicted, normals)
    assert draws.mean(axis=1) == pytest.approx(predicted.mean, abs=0.06)
    assert draws.var(axis=1) == pytest.approx(predicted.variance, rel=0.1)
    still = process().drawn(points(NEW), predicted, 0.0 * normals[:, :1])
    assert still[:, 0] == pytest.approx(predicted.mean)
