"""The residual variance, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mnist_bench.statistics.anova import ROUNDING, residual_variance


def test_the_residual_variance_by_hand() -> None:
    # rows 1 2 6 and 3 4 2 about their means and the seeds': residuals -1 -1 2 and 1 1 -2
    assert residual_variance(np.array([[1.0, 2.0, 6.0], [3.0, 4.0, 2.0]])) == pytest.approx((12 / 2, 2))


def test_counts_that_agree_by_chance_have_the_variance_of_rounding() -> None:
    assert residual_variance(np.array([[60.0, 64.0], [50.0, 54.0], [40.0, 44.0]])) == (ROUNDING, 2)
