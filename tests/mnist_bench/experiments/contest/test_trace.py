from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

from hypothesis import given, strategies as st

from mnist_bench.experiments.contest.trace import trace
from search.event_log.records import State, TrialRecord
from support import handmade
from support.handmade_contest import RANDOM, TPE_ASHA, TWICE, trace as made


def trial(number: int, slot: int, start: int, costs: tuple[int, ...], periods: int, **more: Any) -> TrialRecord:
    """Return a trial with as many wrong images as its number tells, of 1,000."""
    made = handmade.trial(number, range(10 * number), periods=periods, **more)
    return replace(made, slot=slot, logical_start=start, costs=costs)


def test_names_tell_the_way_and_the_budget() -> None:
    assert [entrant.name for entrant in (TPE_ASHA, RANDOM, TWICE)] == ["tpe + asha", "random", "random ×2"]
    assert TWICE.way == "random"


def test_what_a_search_came_to_in_words() -> None:
    assert made((1, 0.981), (2, None), (3, 0.97), spent=3).words == "98.10 %, 3 trials, 2 of them complete"
    assert made((1, None), spent=3).words == "none complete, 1 trials, 0 of them complete"


def test_what_was_spent_when_each_trial_ended_by_hand() -> None:
    study = handmade.study(
        [
            trial(3, 0, 0, (10, 20), 2),  # at 30, with 10 + 12 + 17 + 20 spent
            trial(2, 1, 0, (12, 17), 1, state="PRUNED"),  # at 12, with 10 + 12
            trial(1, 1, 12, (17, 11), 2),  # at 40, with 11 more
            trial(4, 0, 30, (30, 30), 0, state="RUNNING"),
            trial(5, 1, 40, (5, 5), 1, state="RUNNING"),
            trial(6, 1, 45, (1, 1), 0, state="PRUNED", reason="infeasible"),
        ]
    )
    found = trace(study, unit=10)
    assert found.ends == ((2.2, None), (5.9, 0.97), (7.0, 0.99))
    assert found.spent == 7.5
    assert found.bests == ((5.9, 0.97), (7.0, 0.99))
    assert [found.counts(spent) for spent in (0, 2.2, 6.9, 7)] == [(0, 0), (1, 0), (2, 1), (3, 2)]


def test_ends_at_one_logical_time_are_in_the_order_of_the_slots() -> None:
    study = handmade.study([trial(1, 1, 0, (10,), 1), trial(2, 0, 0, (4, 6), 2)])
    assert trace(study, unit=1).ends == ((10, 0.98), (20, 0.99))


def test_a_diverged_trial_is_not_complete_and_has_spent() -> None:
    made = trial(1, 0, 0, (10, 10), 1, state="PRUNED", reason="diverged")
    assert trace(handmade.study([made]), unit=10).ends == ((1.0, None),)


states: st.SearchStrategy[State] = st.sampled_from(["COMPLETE", "PRUNED", "RUNNING"])


@given(data=st.data())
def test_everything_spent_is_counted_once_and_bests_rise(data: st.DataObject) -> None:
    trials: list[TrialRecord] = []
    free = [0, 0, 0]
    for number in range(data.draw(st.integers(0, 12))):
        slot = data.draw(st.integers(0, 2))
        costs = tuple(data.draw(st.lists(st.integers(1, 50), min_size=1, max_size=3)))
        state = data.draw(states)
        periods = len(costs) if state == "COMPLETE" else data.draw(st.integers(0, len(costs)))
        trials.append(trial(number, slot, free[slot], costs, periods, state=state))
        free[slot] += sum(costs[:periods])
    found = trace(handmade.study(trials), unit=1)
    assert found.spent == sum(sum(one.costs[: len(one.reports)]) for one in trials)
    assert found.counts(found.spent) == (
        sum(one.state != "RUNNING" and bool(one.reports) for one in trials),
        sum(one.state == "COMPLETE" for one in trials),
    )
    assert all(a[0] < b[0] for a, b in pairwise(found.ends))
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(found.bests))
    complete = [one.value for one in trials if one.state == "COMPLETE" and one.value is not None]
    assert [best for _, best in found.bests][-1:] == ([max(complete)] if complete else [])
