from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, strategies as st

from mnist_bench import cells

NONE = dict.fromkeys(("complete", "pruned", "failed", "infeasible", "running"), 0)


@pytest.mark.parametrize(
    ("write", "figure", "text"),
    [
        (cells.duration, 0.04, "0.0 s"),
        (cells.duration, 9.95, "10 s"),
        (cells.duration, 119.4, "119 s"),
        (cells.duration, 119.6, "2 min"),
        (cells.duration, 262, "4 min 22 s"),
        (cells.duration, 3599.6, "1 h"),
        (cells.duration, 7462, "2 h 4 min"),
        (cells.roughly, 0.4, "0 s"),
        (cells.roughly, 119.4, "119 s"),
        (cells.roughly, 150, "2 min"),
        (cells.roughly, 7300, "2.0 h"),
        (cells.compact, 0.05, ".05"),
        (cells.compact, 1e-05, "1e-05"),
        (cells.compact, 131.0, "131"),
        (cells.count, None, "–"),
        (cells.count, 850, "850"),
        (cells.count, 61234, "61.2k"),
        (cells.count, 999400, "999k"),
        (cells.count, 999600, "1M"),
        (cells.count, 1870000000.0, "1.87G"),
        (cells.count, 2470000000000.0, "2.47T"),
        (cells.size, 7, "7 bytes"),
        (cells.size, 999, "1 kB"),
        (cells.size, 99500, "100 kB"),
        (cells.size, 996000, "1 MB"),
        (cells.size, 18000000000000.0, "18 TB"),
        (cells.size, 9e22, "90,000 EB"),
        (cells.short, 0.00573, "0.00573"),
        (cells.short, 0.9997, "0.9997"),
        (cells.short, 1234.5, "1234"),
        (cells.short, True, "true"),
        (cells.percent, 0.9939, "99.39%"),
        (cells.percent, None, "–"),
        (cells.points, 0.0012, "0.12"),
        (cells.points, -0.0005, "−0.05"),
        (cells.points, -1e-05, "0.00"),
        (cells.p_value, 0.0312, "p = 0.031"),
        (cells.p_value, 0.0001, "p = 0.0001"),
        (cells.p_value, 9e-05, "p < 0.0001"),
        (cells.p_column, 1.0, "1.000"),
        (cells.p_column, 0.001, "0.001"),
        (cells.p_column, 0.0009, "<0.001"),
        (cells.times, 3.91, "3.9"),
        (cells.times, 0.96, "1.0"),
        (cells.times, 0.94, "0.94"),
        (cells.objectives, "macs", "high accuracy and few MACs"),
        (cells.objectives, "parameters", "high accuracy and few parameters"),
    ],
)
def test_how_figures_are_written(write: Callable[[Any], str], figure: object, text: str) -> None:
    assert write(figure) == text


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (cells.percent(0.0251, 1), "2.5%"),
        (cells.percent(0.8, 0), "80%"),
        (cells.points(0.0012, sign=True), "+0.12"),
        (cells.points(-0.0005, sign=True), "−0.05"),
        (cells.points(0.0, sign=True), "0.00"),
        (cells.p_value(0.001, 0.001), "p = 0.001"),
        (cells.p_value(0.0009, 0.001), "p < 0.001"),
        (cells.interval(0.9924, 0.9954), "[99.24, 99.54]"),
        (cells.interval(0.0, 1.0), "[0.00, 100.00]"),
        (cells.interval(1e-9, 1 - 1e-9), "[>0, <100]"),
        (cells.interval(None, None), ""),
        (cells.ending("COMPLETE", "complete"), "COMPLETE"),
        (cells.ending("PRUNED", "out_of_memory"), "PRUNED (out of memory)"),
        (cells.ending("RUNNING", "paused"), "PAUSED"),
        (
            cells.counted({**NONE, "complete": 7, "pruned": 43, "infeasible": 3}),
            "7 complete, 43 pruned (and 3 infeasible)",
        ),
        (cells.counted(NONE), "none finished"),
        (cells.counted(dict.fromkeys(NONE, 1)), "1 complete, 1 pruned, 1 failed, 1 paused (and 1 infeasible)"),
        (cells.counted({**NONE, "running": 1}, live=True), "1 running"),
        (cells.sparkline([0.0, 0.5, 1.0, None], 0.0, 1.0), "▁▅█ "),
        (cells.safe_lines("a\x1b[1m\nb\r"), "a[1m\nb "),
        (cells.between(0.3, 1.2), "0.3 to 1.2 seconds"),
        (cells.between(49, 144), "49 to 140 seconds"),
        (cells.between(240, 415), "4 to 6.9 minutes"),
        (cells.between(4000, 9000), "1.1 to 2.5 hours"),
        (cells.between(90_000, 270_000), "1 to 3.1 days"),
        (cells.between(59, 61), "59 to 61 seconds"),
        (cells.between(60, 60), "60 seconds"),
        (cells.between(1, 1), "1 second"),
        (cells.between(1e9, 4e9), "12,000 to 46,000 days"),
        (cells.between(3000, 9000), "50 to 150 minutes"),
        (cells.between(60, 90), "1 to 1.5 minutes"),
    ],
)
def test_what_else_is_asked_for(written: str, text: str) -> None:
    assert written == text


@given(st.lists(st.none() | st.floats(-1, 2)), st.floats(0, 1), st.floats(0, 1))
def test_sparklines_have_one_cell_a_value(values: list[float | None], low: float, high: float) -> None:
    assert len(cells.sparkline(values, low, high)) == len(values)


@given(st.text())
def test_safe_text_is_one_line_without_anything_a_terminal_obeys(text: str) -> None:
    found = cells.safe(text)
    assert not any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in found)
    assert len(found.splitlines()) <= 1
