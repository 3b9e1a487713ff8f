from __future__ import annotations

import pytest

from mnist_bench.cells import between, duration, objectives, percent, size


def test_shares_have_two_decimals_or_as_many_as_asked() -> None:
    assert (percent(0.9939), percent(0.0251, 1), percent(0.8, 0)) == ("99.39 %", "2.5 %", "80 %")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.95, "10 s"), (119.4, "119 s"), (119.6, "2:00"), (3599.6, "1:00:00"), (7462, "2:04:22")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (0.3, 1.2, "0.3 to 1.2 seconds"), (31, 80, "31 to 80 seconds"), (49, 144, "49 to 140 seconds"),
        (240, 415, "4 to 6.9 minutes"), (4000, 9000, "1.1 to 2.5 hours"), (90_000, 270_000, "1 to 3.1 days"),
        (59, 61, "59 to 61 seconds"), (60, 60, "60 seconds"), (1, 1, "1 second"), (1e9, 4e9, "12,000 to 46,000 days"),
        (3000, 9000, "50 to 150 minutes"), (60, 90, "1 to 1.5 minutes"),
    ],
)  # fmt: skip
def test_ranges_of_time(low: float, high: float, text: str) -> None:
    assert between(low, high) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (7, "7 bytes"),
        (990, "990 bytes"),
        (999, "1 kB"),
        (99_500, "100 kB"),
        (996_000, "1 MB"),
        (2e3, "2 kB"),
        (25e9, "25 GB"),
        (1.8e13, "18 TB"),
        (9e22, "90,000 EB"),
    ],
)
def test_sizes(count: float, text: str) -> None:
    assert size(count) == text


def test_two_objectives() -> None:
    assert objectives("macs") == "high accuracy and few MACs"
    assert objectives("parameters") == "high accuracy and few parameters"
