"""The Gaussian process, against the textbook's formulas."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from search.proposals.curves import Reports, Scale
from search.proposals.gaussian_process import DRIFT, LEVEL, NOISE, Beliefs, fit, weights

Array = NDArray[np.float64]
BELIEFS = Beliefs(settings=1.5, trial=0.3, length=0.5)
POINTS = np.array([[0.0, 0.2], [0.5, 0.1], [1.0, 0.9], [0.4, 0.6]])
NEW = np.array([[0.45, 0.55], [0.0, 0.2], [0.9, 0.1]])
CURVE = np.array([0, 0, 1, 2, 2, 2, 3])
SHARE = np.array([0.25, 0.5, 0.25, 0.25, 0.5, 1.0, 0.25])
LOSS = np.array([0.3, 0.2, -0.5, 1.0, 1.1, 0.9, -0.2])
REPORTS = Reports(curve=CURVE, share=SHARE, loss=LOSS, scale=Scale(form="plain", usual=(0.0, 0.0, 0.0), deviation=1.0))


def squares(some: Array, others: Array) -> Array:
    return np.asarray((some.T[:, :, None] - others.T[:, None, :]) ** 2)


def prior(places: Array, others: Array, a: Array, b: Array) -> tuple[Array, Array, Array]:
    """Return what settings have in common, how times do, and what all losses do."""
    alike = np.mean([1 / (1 + square / 0.25) for square in squares(places, others)], axis=0)
    time = np.sqrt(np.minimum(a[:, None], b) / np.maximum(a[:, None], b))
    return 1.5 * alike * time, time, LEVEL + DRIFT * np.minimum(a[:, None], b)


def test_what_it_believes_is_what_the_formulas_say() -> None:
    settings, time, level = prior(POINTS[CURVE], POINTS[CURVE], SHARE, SHARE)
    covariance = settings + 0.3 * time * (CURVE[:, None] == CURVE) + level + NOISE * np.eye(7)
    settings, _, level = prior(NEW, POINTS[CURVE], np.ones(3), SHARE)
    to_new = settings + level
    inverse = np.linalg.inv(covariance)
    fitted = fit(REPORTS, squares(POINTS, POINTS), BELIEFS)
    posterior = fitted.at_end(squares(NEW, POINTS))
    assert posterior.mean == pytest.approx(to_new @ inverse @ LOSS)
    assert posterior.variance == pytest.approx(1.5 + LEVEL + DRIFT - np.sum(to_new @ inverse * to_new, axis=1))
    evidence = -0.5 * LOSS @ inverse @ LOSS - 0.5 * np.linalg.slogdet(covariance)[1]
    assert fitted.evidence == pytest.approx(evidence)


def test_draws_have_the_mean_and_the_covariance_that_it_believes() -> None:
    posterior = fit(REPORTS, squares(POINTS, POINTS), BELIEFS).at_end(squares(NEW, POINTS))
    normals = np.random.default_rng(0).standard_normal((4000, 3))
    draws = np.array([posterior.drawn(squares(NEW, NEW), each, 1.0) for each in normals])
    assert draws.mean(axis=0) == pytest.approx(posterior.mean, abs=0.06)
    assert draws.var(axis=0) == pytest.approx(posterior.variance, rel=0.1)
    still = posterior.drawn(squares(NEW, NEW), normals[0], 0.0)
    assert still == pytest.approx(posterior.mean)


def test_beliefs_that_explain_the_reports_weigh_more() -> None:
    fitted = [fit(REPORTS, squares(POINTS, POINTS), Beliefs(settings=each, trial=0.3)) for each in (1.0, 400.0)]
    shares = weights(fitted)
    assert shares.sum() == pytest.approx(1.0)
    assert shares[0] > 0.9
