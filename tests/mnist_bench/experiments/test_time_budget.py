"""Time spent over several runs, what it decided, and how long jobs take on several workers."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from mnist_bench.cli import options
from mnist_bench.experiments.time_budget import TimeBudget, as_given, makespan, typed

NOW = 1000.0


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_bench.experiments.time_budget.time", SimpleNamespace(monotonic=lambda: NOW))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "progress.json"


def test_a_later_run_counts_what_an_earlier_one_spent(path: Path) -> None:
    first = TimeBudget(path, "work", NOW - 100)
    assert not first.begun
    first.keep()
    later, other = TimeBudget(path, "work", NOW - 5), TimeBudget(path, "other work", NOW - 5)
    assert (later.begun, later.seconds) == (True, 105)
    assert (other.begun, other.seconds) == (False, 5)


def test_other_work_of_the_same_counts_in_the_total(path: Path) -> None:
    TimeBudget(path, "race", NOW - 100, of="study").keep()
    rest = TimeBudget(path, "race and rest", NOW - 5, of="study")
    assert (rest.begun, rest.seconds, rest.total) == (False, 5, 105)
    rest.keep()
    again = TimeBudget(path, "race and rest", NOW - 5, of="study")
    assert (again.seconds, again.total) == (10, 110)
    searched_on = TimeBudget(path, "race and rest anew", NOW - 5, of="the study with more trials")
    assert (searched_on.seconds, searched_on.total) == (5, 5)


def test_what_was_decided_stays_decided(path: Path) -> None:
    first = TimeBudget(path, "work", NOW)
    assert first.decide("2 seeds", lambda: True)
    again = TimeBudget(path, "work", NOW)
    assert again.decide("2 seeds", lambda: False)
    assert not again.decide("4 seeds", lambda: False)
    assert not TimeBudget(path, "other work", NOW).decide("2 seeds", lambda: False)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"identity": "work"}', b"\xff"])
def test_a_damaged_file_begins_anew(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert TimeBudget(path, "work", NOW).seconds == 0


@pytest.mark.parametrize(
    ("seconds", "workers", "expected"),
    [([], 2, 0), ([3, 4], 1, 7), ([3, 4], 2, 4), ([2, 3, 5], 2, 5), ([5, 5, 5], 2, 10), ([1], 8, 1)],
)
def test_how_long_jobs_take(seconds: list[float], workers: int, expected: float) -> None:
    assert makespan(seconds, workers) == expected


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "5s"), (60, "60s"), (61, "65s"), (295, "295s"), (296, "5m"), (899, "15m"), (4000, "67m")],
)
def test_a_budget_is_named_as_one_types_it(seconds: float, text: str) -> None:
    assert typed(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(90.0, "90s"), (1_080_000.0, "1080000s"), (1234.567, "1234.567s"), (0.5, "0.5s"), (60, "60s")]
)
def test_a_budget_is_named_as_it_was_given(seconds: float, text: str) -> None:
    assert as_given(seconds) == text
    parsed = options.budget("").parser
    assert parsed is not None
    assert parsed(text) == seconds, "as the option takes it"
