from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, strategies as st

from mnist_bench import cells


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (5.13, "5.1 s"),
        (9.95, "10 s"),
        (31, "31 s"),
        (119.4, "119 s"),
        (119.6, "2 min"),
        (262, "4 min 22 s"),
        (3599.6, "1 h"),
        (7462, "2 h 4 min"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert cells.duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (119.4, "119 s"), (150, "2 min"), (1170, "20 min"), (7300, "2.0 h")]
)
def test_estimated_durations(seconds: float, text: str) -> None:
    assert cells.roughly(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, "–"),
        (850, "850"),
        (61_234, "61.2k"),
        (999_400, "999k"),
        (999_600, "1M"),
        (2_100_000, "2.1M"),
        (1.87e9, "1.87G"),
        (2.47e12, "2.47T"),
    ],
)
def test_counts(number: float | None, text: str) -> None:
    assert cells.count(number) == text


@pytest.mark.parametrize(
    ("setting", "text"), [(0.00573, "0.00573"), (0.9997, "0.9997"), (1.0, "1"), (1234.5, "1234"), (True, "true")]
)
def test_settings_in_few_digits(setting: object, text: str) -> None:
    assert cells.short(setting) == text


def test_only_an_end_at_the_end_reads_so() -> None:
    assert cells.interval(0.9924, 0.9954) == "[99.24, 99.54]"
    assert cells.interval(0.0, 1.0) == "[0.00, 100.00]"
    assert cells.interval(1e-9, 1 - 1e-9) == "[>0, <100]"
    assert cells.interval(None, None) == ""


def test_states_name_a_reason_where_it_says_more() -> None:
    assert cells.ending("COMPLETE", "complete") == "COMPLETE"
    assert cells.ending("PRUNED", "out_of_memory") == "PRUNED (out of memory)"
    assert cells.ending("RUNNING", "paused") == "PAUSED"


def test_counted() -> None:
    counts = {"complete": 7, "pruned": 43, "failed": 0, "infeasible": 3, "running": 0}
    assert cells.counted(counts) == "7 complete, 43 pruned (and 3 infeasible)"
    assert cells.counted(dict.fromkeys(counts, 0)) == "none finished"
    assert cells.counted(dict.fromkeys(counts, 1)).startswith("1 complete, 1 pruned, 1 failed, 1 paused (")
    assert ", 1 failed, 1 running (" in cells.counted(dict.fromkeys(counts, 1), live=True)


def test_sparklines_go_from_the_lowest_to_the_highest_bar() -> None:
    assert cells.sparkline([0.0, 0.5, 1.0, None], 0.0, 1.0) == "▁▅█ "


@given(st.lists(st.none() | st.floats(-1, 2)), st.floats(0, 1), st.floats(0, 1))
def test_sparklines_have_one_cell_a_value(values: list[float | None], low: float, high: float) -> None:
    assert len(cells.sparkline(values, low, high)) == len(values)


@given(st.text())
def test_safe_text_is_one_line_without_anything_a_terminal_obeys(text: str) -> None:
    found = cells.safe(text)
    assert not any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in found)
    assert len(found.splitlines()) <= 1


def test_safe_lines_keep_line_breaks() -> None:
    assert cells.safe_lines("a\x1b[1m\nb\r") == "a[1m\nb "


def test_shares_have_two_decimals_or_as_many_as_asked() -> None:
    assert (cells.percent(0.9939), cells.percent(0.0251, 1), cells.percent(0.8, 0)) == ("99.39%", "2.5%", "80%")


def test_differences_of_shares_are_in_percentage_points_with_a_sign_of_their_own() -> None:
    assert [cells.points(share) for share in (0.0012, -0.0005, 0.00001, -0.00001)] == ["0.12", "−0.05", "0.00", "0.00"]
    assert [cells.points(share, sign=True) for share in (0.0012, -0.0005, 0.0)] == ["+0.12", "−0.05", "0.00"]


def test_small_p_values_are_bounds() -> None:
    assert [cells.p_value(found) for found in (0.0312, 0.0001, 0.00009)] == ["p = 0.031", "p = 0.0001", "p < 0.0001"]
    assert [cells.p_value(found, 0.001) for found in (0.001, 0.0009)] == ["p = 0.001", "p < 0.001"]
    assert [cells.p_column(found) for found in (1.0, 0.0123, 0.001, 0.0009)] == ["1.000", "0.012", "0.001", "<0.001"]


def test_ratios_below_1_have_a_digit_more() -> None:
    assert [cells.times(ratio) for ratio in (3.91, 0.96, 0.94, 0.5)] == ["3.9", "1.0", "0.94", "0.50"]


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
    assert cells.between(low, high) == text


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
    assert cells.size(count) == text


def test_two_objectives() -> None:
    assert cells.objectives("macs") == "high accuracy and few MACs"
    assert cells.objectives("parameters") == "high accuracy and few parameters"
