"""What is made of the sides' figures, worked out by hand, and each as a side."""

from __future__ import annotations

import pytest
import speed


def measurements(side: str, *epochs: float) -> list[speed.Measurement]:
    """Return a side's measurements of one net, round by round."""
    return [
        speed.Measurement(
            net="n", augmented=True, side=side, round=number, epoch=epoch, accuracy=0.5 + number / 10, precision="fp32"
        )
        for number, epoch in enumerate(epochs, 1)
    ]


TABLE = [
    *measurements("ours", 2, 4, 5),
    *measurements("plain, 0 workers", 10, 12, 20),  # 5, 3 and 4 times ours
    *measurements("plain, 2 workers", 8, 20, 25),  # 4, 5 and 5 times
    *measurements("another", 30, 30, 30),  # 15, 7.5 and 6 times
]


def test_rows_by_hand() -> None:
    ours, none, two, another = speed.rows(TABLE)
    assert (ours.epoch, ours.lowest, ours.highest, ours.ratio) == (4, 2, 5, 1)
    assert (none.epoch, none.ratio, none.lowest_ratio, none.highest_ratio, none.quoted) == (12, 4, 3, 5, True)
    assert (two.epoch, two.ratio, two.quoted) == (20, 5, False)
    assert (another.ratio, another.quoted) == (7.5, True)
    assert (another.accuracy, another.precision) == (0.7, "fp32")


def test_the_table_marks_the_faster_plain_loop() -> None:
    page = [*speed.page(speed.rows(TABLE), 3, "`COMMAND` on 2 cores of a processor.")]
    assert "`COMMAND` on 2 cores of a processor." in page
    assert "| n | yes | plain, 0 workers | fp32 | 12.0 | 10.0 – 20.0 | **4.00** | 3.00 – 5.00 | 70.0% |" in page
    assert "| n | yes | plain, 2 workers | fp32 | 20.0 | 8.0 – 25.0 | 5.00 | 4.00 – 5.00 | 70.0% |" in page


@pytest.mark.integration
@pytest.mark.parametrize("side", ["ours", "plain, 0 workers", "expert, two processes"])
def test_a_side_is_measured_in_a_process_of_its_own(side: str) -> None:
    found = speed.measured("two-conv", augmented=False, side=side, images=300)
    assert found["epoch"] > 0
    assert 0 < found["accuracy"] < 1
