"""Learning curves as a model reads them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, strategies as st

from search.proposals.curves import BAD, Curve, reports_of
from search.proposals.exact import cholesky, product, solve_lower

SHARES = (0.25, 0.5, 1.0)


def curve(trial: int, *values: float, failed: bool = False) -> Curve:
    return Curve(trial=trial, params={}, point=np.zeros(0), shares=SHARES, values=values, ended=False, failed=failed)


def test_a_loss_is_the_logarithm_of_the_error_above_what_is_usual() -> None:
    reports = reports_of([curve(0, 0.9, 0.95), curve(1, 0.8), curve(2, 0.7)])
    assert reports.curve.tolist() == [0, 0, 1, 2]
    assert reports.share.tolist() == [0.25, 0.5, 0.25, 0.25]
    first, usual, last = (math.log(error + 0.001) for error in (0.1, 0.2, 0.3))
    deviation = 1.4826 * min(usual - first, last - usual)
    assert reports.loss == pytest.approx([(x - usual) / deviation for x in (first, first, usual, last)])
    assert reports.scale.value(float(reports.loss[3]), 1) == pytest.approx(0.7)
    assert reports.scale.usual[1] - reports.scale.usual[0] == pytest.approx(math.log(0.051) - math.log(0.101))


def test_a_net_at_chance_level_is_just_bad() -> None:
    good = [curve(number, 0.97 + number / 1000) for number in range(5)]
    assert reports_of([*good, curve(5, 0.1)]).loss[-1] == BAD
    diverged = reports_of([*good, curve(5, 0.97, failed=True)])
    assert diverged.loss[-1] == BAD
    assert diverged.share[-1] == 0.5
    assert reports_of([*good, curve(5, failed=True)]).share[-1] == 0.25


def test_values_that_are_no_shares_count_as_they_are() -> None:
    reports = reports_of([curve(0, 10.0), curve(1, 20.0), curve(2, 40.0)])
    assert reports.loss[0] > reports.loss[1] > reports.loss[2]
    assert reports.scale.value(float(reports.loss[1]), 1) == pytest.approx(20.0)


def test_small_differences_of_values_that_are_no_shares_count() -> None:
    reports = reports_of([curve(0, -3e-4), curve(1, -2e-4), curve(2, -1e-4)])
    assert reports.loss.tolist() == pytest.approx([0.674, 0, -0.674], abs=0.001)


def test_without_a_report_there_is_nothing_to_read() -> None:
    with pytest.raises(ValueError, match="no trial has reported"):
        reports_of([curve(0)])


@example([[0.0, 3.0], [1.1e-308, 0.0]])
@given(st.lists(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=3), min_size=1, max_size=8))
def test_whatever_is_reported_the_losses_are_finite(values: list[list[float]]) -> None:
    reports = reports_of([curve(number, *each) for number, each in enumerate(values)])
    assert all(math.isfinite(loss) and loss <= BAD for loss in reports.loss.tolist())


def covariance(size: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    draws = np.random.default_rng(size)
    factor = draws.standard_normal((size, size))
    return np.asarray(factor @ factor.T + size * np.eye(size))


@pytest.mark.parametrize("size", [1, 2, 5, 60])
def test_it_agrees_with_a_library(size: int) -> None:
    matrix = covariance(size)
    right = np.random.default_rng(0).standard_normal((size, 3))
    lower = cholesky(matrix)
    np.testing.assert_allclose(lower, np.linalg.cholesky(matrix), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(lower @ solve_lower(lower, right), right, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(product(lower, right), lower.T @ right, rtol=1e-9, atol=1e-11)


def test_it_changes_none_of_its_arguments() -> None:
    matrix, right = covariance(4), np.ones((4, 2))
    before = matrix.copy()
    solve_lower(cholesky(matrix), right)
    assert (matrix == before).all()
    assert (right == 1).all()


def test_what_is_no_covariance_is_refused() -> None:
    with pytest.raises(ValueError, match="not positive definite at row 1"):
        cholesky(np.array([[1.0, 2.0], [2.0, 1.0]]))


def test_each_step_is_one_that_ieee_754_prescribes() -> None:
    """The same sums by plain Python floats: no library decides in which order they are taken."""
    matrix = covariance(9)
    rows = matrix.tolist()
    lower = [[0.0] * 9 for _ in range(9)]
    for step in range(9):
        root = float(np.sqrt(rows[step][step]))
        for row in range(step, 9):
            lower[row][step] = rows[row][step] / root
        for row in range(step + 1, 9):
            for column in range(step + 1, 9):
                rows[row][column] -= lower[row][step] * lower[column][step]
    assert cholesky(matrix).tolist() == lower
