from __future__ import annotations

import pytest

from mnist_bench.units import duration, objectives, percent


def test_shares_have_two_decimals_or_as_many_as_asked() -> None:
    assert (percent(0.9939), percent(0.0251, 1), percent(0.8, 0)) == ("99.39 %", "2.5 %", "80 %")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.95, "10 s"), (119.4, "119 s"), (119.6, "2:00"), (3599.6, "1:00:00"), (7462, "2:04:22")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_two_objectives() -> None:
    assert objectives("macs") == "high accuracy and few MACs"
    assert objectives("parameters") == "high accuracy and few parameters"
