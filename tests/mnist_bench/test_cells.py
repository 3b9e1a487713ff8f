from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, strategies as st

from mnist_bench import cells


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (5.13, "5.1 s"), (31, "31 s"), (119.4, "119 s"), (262, "4:22"), (7462, "2:04:22")],
)
def test_durations(seconds: float, text: str) -> None:
    assert cells.duration(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, "–"),
        (850, "850"),
        (61_234, "61.2 k"),
        (999_400, "999 k"),
        (999_600, "1 M"),
        (2_100_000, "2.1 M"),
        (1.87e9, "1.87 G"),
        (2.47e12, "2.47 T"),
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
    assert cells.counted(counts) == "7 complete, 43 pruned (3 infeasible besides)"
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
