"""The picture of what ran where and when."""

from __future__ import annotations

import pytest

from mnist_bench.leaderboard.worker_time import Kind, Pause, WorkerPeriod, WorkerTimeline
from mnist_bench.plots.study import timeline
from support import handmade as made


def period(worker: int, trial: int, kind: Kind, start: float, end: float) -> WorkerPeriod:
    """Return a period."""
    return WorkerPeriod(worker=worker, trial=trial, kind=kind, start=start, end=end)


def two_workers(**more: object) -> WorkerTimeline:
    """Return two workers over 100 s, of which 160 s were worked."""
    periods = (
        period(0, 0, "pruned", 0, 40),
        period(1, 1, "best", 0, 70),
        period(0, 2, "complete", 50, 100),
    )
    known = {"study": "conv-0", "best": 1, "periods": periods, "pauses": (), "available": 200.0, "ordering": 5.0}
    return WorkerTimeline(**{**known, "saved": 260.0, **more})  # type: ignore[arg-type]


def test_the_heading_sums_up() -> None:
    figure = timeline.draw(two_workers())
    assert figure.get_suptitle() == (
        "2 workers were busy 80% of 100 s; pruning saved about\n4 min of training, the deterministic order cost 2.5%"
    )
    assert (
        figure.get_supxlabel()
        .splitlines()[0]
        .startswith("study conv-0: 3 reporting intervals of 3 trials, one bar each")
    )


def test_one_worker_that_pruned_nothing() -> None:
    time = two_workers(periods=(period(0, 0, "best", 0, 8000),), available=8000.0, ordering=0.0, saved=0.0)
    busy = "1 worker was busy 100% of 2 h 13 min"
    assert timeline.finding(time) == f"{busy}; nothing was pruned, the deterministic order cost 0.0%"
    assert [use.name for use in timeline.uses(time)] == [
        "#1, the best",
        "waiting for the deterministic order",
        "idle otherwise",
    ]


def test_the_lanes_time_is_split_without_rest() -> None:
    used = {use.name: use.seconds for use in timeline.uses(two_workers())}
    assert used == {
        "#1, the best": 70, "other complete trials": 50, "pruned trials": 40,
        "waiting for the deterministic order": 5, "idle otherwise": 35, "saved by pruning": 260,
    }  # fmt: skip


def test_each_lane_has_a_row_and_each_period_a_bar() -> None:
    workers, sums = timeline.draw(two_workers()).axes
    boxes = [path.get_extents().extents for drawn in workers.collections for path in drawn.get_paths()]
    assert sorted((x0, x1, round((y0 + y1) / 2, 9)) for x0, y0, x1, y1 in boxes) == [
        (0, 40, 0),
        (0, 70, 1),
        (50, 100, 0),
    ]
    assert [label.get_text() for label in workers.get_yticklabels()] == ["worker 0", "worker 1"]
    assert {text.get_text() for text in workers.texts} == {"0", "#1", "2"}
    assert workers.get_xlabel() == "time in seconds since the start"
    assert sums.texts[0].get_text() == "70 s, 35.0%"


def test_narrow_bars_bear_no_number() -> None:
    time = two_workers(periods=(period(0, 1234, "best", 0, 100), period(1, 1, "pruned", 0, 1)))
    assert [text.get_text() for text in timeline.draw(time).axes[0].texts] == ["#1234"]


def test_sixty_four_lanes_are_kept_apart() -> None:
    time = two_workers(periods=tuple(period(n, n, "pruned", 0, 5000) for n in range(64)), available=64 * 5000.0)
    figure = timeline.draw(time)
    workers = figure.axes[0]
    assert [label.get_text() for label in workers.get_yticklabels()] == [f"worker {n}" for n in range(0, 64, 8)]
    assert not workers.texts
    assert workers.get_xlabel() == "time in minutes since the start"
    assert figure.get_figheight() < 12


def test_pauses_are_marked() -> None:
    workers = timeline.draw(two_workers(pauses=(Pause(at=45, seconds=7200),))).axes[0]
    assert "paused 2 h" in {text.get_text() for text in workers.texts}
    assert workers.lines[0].get_xdata() == [45, 45]
    assert workers.get_xlabel().endswith("pauses left out")


def test_many_pauses_are_told_below() -> None:
    pauses = tuple(Pause(at=10.0 * n, seconds=40) for n in range(1, 7))
    figure = timeline.draw(two_workers(pauses=pauses))
    assert len(figure.axes[0].lines) == 6
    assert "6 pauses, 4 min in all" in figure.get_supxlabel()


def test_what_pruning_saved_of_another_trainer_is_counted_in_reports() -> None:
    time = timeline.rows(made.halved_values())
    assert time.saved == pytest.approx(10 * 3 * 0.5 + 2 * 0.5)
    assert timeline.draw(time).axes
