"""What the page of a running search says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mnist_bench.live_page.page_content import PageState
from support import handmade, handmade_values
from support.handmade_live import content


def test_it_says_how_far_the_search_is_and_which_trial_is_best() -> None:
    page = content()
    assert (page.study, page.finished, page.goal) == ("conv-0", 6, 9)
    assert page.counts.startswith("3 complete, 2 pruned, 1 failed, 1 running")
    assert page.time == "2 min 41 s gone, about 110 s left"
    assert page.best == "Best so far: #1, 99.50% [98.83, 99.79]"
    assert page.best_settings.startswith("3 blocks")
    assert page.remarks == (
        "Pruning saved 8 of 30 reports so far.",
        "Workers waited for the deterministic order 1.2% of the time.",
    )
    assert [row.number for row in page.board.rows][:3] == [1, 0, 2]


def test_before_a_trial_is_complete_the_one_ahead_is_named() -> None:
    ahead = [handmade.trial(n, range(90 - 10 * n), periods=1, state="RUNNING") for n in range(2)]
    assert content(handmade.study(ahead, goal=9)).best.startswith("No trial is complete yet; ahead: #1, 92.00% [")
    assert content(handmade.study([], goal=9)).best == "No trial has reported yet."


def test_of_other_work_it_gives_values_and_the_lowest_is_ahead_if_that_is_better() -> None:
    complete = handmade_values.study([handmade_values.trial(0, [4, 3, 2, 1.25])], {"objective": "loss"})
    assert content(complete).best == "Best so far: #0, loss 1.25"
    running = [replace(handmade_values.trial(n, [float(n)]), state="RUNNING", reason="running") for n in range(1, 4)]
    lowest = handmade_values.study(running, {"direction": "minimize"})
    assert content(lowest).best == "No trial is complete yet; ahead: #1, value 1"
    assert [trial.value for trial in content(lowest).in_progress] == ["1", "2", "3"]


def test_each_trial_in_progress_says_what_it_does() -> None:
    trials = [handmade.trial(n, range(50), periods=n, state="RUNNING") for n in range(4)]
    page = content(handmade.study(trials, goal=9), training=frozenset({0, 3}), ahead={1: 1})
    assert [trial.doing for trial in page.in_progress] == [
        "trains", "waits for its turn", "waits for a worker", "trains"
    ]  # fmt: skip
    assert [trial.trained for trial in page.in_progress] == ["0 of 6", "1 of 6", "2 of 6", "3 of 6"]
    assert [len(trial.curve) for trial in page.in_progress] == [0, 1, 2, 3]


@pytest.mark.parametrize("state", ["paused", "drawing", "ended"])
def test_a_search_that_does_not_run_has_no_time_left(state: PageState) -> None:
    page = content(state=state, training=frozenset({7}))
    assert page.time == ""
    assert [trial.doing for trial in page.in_progress] == ["paused"]
    assert "1 paused" in page.counts


def test_if_every_trial_failed_it_says_why() -> None:
    failed = handmade_values.trial(0, [], state="FAIL", reason="crashed", error="Traceback\nTypeError: no loss.")
    page = content(handmade_values.study([failed]))
    assert page.remarks[0].startswith(
        "Every trial of ridge-0 that was not pruned failed; the first one: TypeError: no loss."
    )
