"""The picture of what ran where and when."""

from __future__ import annotations

import pytest

from mnist_bench.leaderboard.worker_time import Kind, Pause, WorkerPeriod, WorkerTimeline, worker_time_of
from mnist_bench.plots import timeline
from mnist_bench.plots.frame import figure_of
from support import drawn, handmade as made


def period(worker: int, trial: int, kind: Kind, start: float, end: float) -> WorkerPeriod:
    return WorkerPeriod(worker=worker, trial=trial, kind=kind, start=start, end=end)


def two_workers(**more: object) -> WorkerTimeline:
    """Return two workers over 100 s, of which 160 s were worked."""
    periods = (period(0, 0, "pruned", 0, 40), period(1, 1, "best", 0, 70), period(0, 2, "complete", 50, 100))
    known = {"study": "conv-0", "best": 1, "periods": periods, "pauses": (), "available": 200.0, "ordering": 5.0}
    return WorkerTimeline(**{**known, "saved": 260.0, **more})  # type: ignore[arg-type]


def used(time: WorkerTimeline) -> dict[str, float]:
    return {use.name: use.seconds for use in timeline.uses(time)}


def test_the_heading_sums_up_and_the_workers_time_is_split_without_rest() -> None:
    assert timeline.finding(two_workers()) == (
        "2 workers were busy 80% of 100 s; pruning saved about 4 min of training, the deterministic order cost 2.5%"
    )
    assert used(two_workers()) == {
        "#1, the best": 70, "other complete trials": 50, "pruned trials": 40,
        "waiting for the deterministic order": 5, "idle otherwise": 35, "saved by pruning": 260,
    }  # fmt: skip
    alone = two_workers(periods=(period(0, 0, "best", 0, 8000),), available=8000.0, ordering=0.0, saved=0.0)
    busy = "1 worker was busy 100% of 2 h 13 min"
    assert timeline.finding(alone) == f"{busy}; nothing was pruned, the deterministic order cost 0.0%"
    assert used(alone) == {"#1, the best": 8000, "waiting for the deterministic order": 0, "idle otherwise": 0}


def test_each_worker_has_a_row_and_each_period_a_bar() -> None:
    figure = figure_of(timeline.drawn(two_workers()))
    workers, sums = figure.axes
    boxes = [path.get_extents().extents for found in workers.collections for path in found.get_paths()]
    places = sorted((x0, x1, round((y0 + y1) / 2, 9)) for x0, y0, x1, y1 in boxes)
    assert places == [(0, 40, 0), (0, 70, 1), (50, 100, 0)]
    assert drawn.rows(figure) == ["worker 0", "worker 1"]
    assert [bar.get_width() for bar in sums.patches] == [70, 50, 40, 5, 35, 260]  # type: ignore[attr-defined]


def test_pauses_are_marked_and_many_are_told_below() -> None:
    workers = figure_of(timeline.drawn(two_workers(pauses=(Pause(at=45, seconds=7200),)))).axes[0]
    assert workers.lines[0].get_xdata() == [45, 45]
    assert "paused 2 h" in {text.get_text() for text in workers.texts}
    many = figure_of(timeline.drawn(two_workers(pauses=tuple(Pause(at=10.0 * n, seconds=40) for n in range(1, 7)))))
    assert "6 pauses, 4 min in all" in many.get_supxlabel()


def test_what_pruning_saved_of_another_trainer_is_counted_in_reports() -> None:
    assert worker_time_of(made.halved_values()).saved == pytest.approx(10 * 3 * 0.5 + 2 * 0.5)
