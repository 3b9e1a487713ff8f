"""The comparison of scores that tell digits from drawings that are none."""

from __future__ import annotations

import no_digit_shapes
import numpy as np
import pytest
from no_digits import RULE, ScoreRow, auroc, prepared, text


def test_the_sets_share_no_font_and_no_drawing() -> None:
    assert not set(no_digit_shapes.TO_DEVELOP) & set(no_digit_shapes.TO_JUDGE)
    assert len(no_digit_shapes.LETTERS) + len(no_digit_shapes.ALIKE) == 52


def test_printed_digits_can_be_prepared() -> None:
    sheets = no_digit_shapes.printed(no_digit_shapes.TO_JUDGE[:1])
    assert prepared(sheets).shape == (50, 1, 28, 28)


def test_an_equal_score_counts_half() -> None:
    assert auroc(np.array([1.0, 2.0]), np.array([2.0, 3.0])) == pytest.approx(0.875)
    assert auroc(np.arange(5.0), np.arange(5.0)) == pytest.approx(0.5)


def test_letters_like_digits_are_left_out_of_the_means() -> None:
    shares = {"letters": 0.5, "letters like digits": 0.0, "noise": 1.0}
    row = ScoreRow(net="a/1", score=RULE, false_alarms=0.01, printed=0.02, found=shares, auroc=shares)
    assert row.mean(shares) == pytest.approx(0.75)
    page = text([row], dict.fromkeys((*shares, "printed"), 10))
    assert "| the rule | 75%, 0.750 |" in page
    assert "| digits, handwritten | 1.0% |" in page
