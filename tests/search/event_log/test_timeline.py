"""Logical time."""

from __future__ import annotations

from hypothesis import given, strategies as st

from search.event_log.timeline import Timeline
from support.handmade_history import Study

Costs = dict[int, list[int]]
"""Of the periods that each slot's trial has not ended."""


def turns(costs: Costs) -> list[tuple[int, int]]:
    """Return the time and slot of all events, each slot's trial being trained to its end."""
    timeline, found = Timeline.of(len(costs)), []
    for index, row in costs.items():
        timeline.hold(index, index, row[0], verdict=False)
    while (slot := timeline.next_slot(filling=False)) is not None:
        found.append((slot.next_time, slot.index))
        costs[slot.index] = costs[slot.index][1:]
        if left := costs[slot.index]:
            timeline.hold(slot.index, slot.index, slot.next_time + left[0], verdict=False)
        else:
            timeline.free(slot.index, slot.next_time)
    return found


def test_the_earliest_end_comes_first_and_ties_go_to_the_lower_slot() -> None:
    assert [slot for _, slot in turns({0: [5, 5], 1: [3, 9], 2: [3, 1]})] == [1, 2, 2, 0, 0, 1]


@given(st.lists(st.lists(st.integers(1, 50), min_size=1, max_size=5), min_size=1, max_size=6))
def test_events_come_in_rising_logical_time(rows: list[list[int]]) -> None:
    found = turns(dict(enumerate(rows)))
    assert found == sorted(found)
    assert len(found) == sum(len(row) for row in rows)


def test_all_slots_begin_together_at_0() -> None:
    timeline = Timeline.of(3)
    assert [slot.next_time for slot in timeline.slots] == [0, 0, 0]
    assert timeline.now() == 0


def test_a_verdict_is_due_in_the_instant_of_the_report() -> None:
    study = Study(goal=1)
    trial = study.ask(0, cost=5, time=10)
    assert study.history.slot_of(trial).next_time == 15
    study.train(trial)
    assert study.history.slot_of(trial).next_time == 20
    study.train(trial, verdict=True)
    assert study.history.slot_of(trial).next_time == 20


def test_an_infeasible_trial_is_told_in_the_instant_in_which_it_was_asked() -> None:
    study = Study(goal=1)
    assert study.history.slot_of(study.ask(0, excess=1.0, time=10)).next_time == 10


def test_by_arrival_what_needs_no_worker_comes_first_and_free_slots_only_while_they_are_filled() -> None:
    timeline = Timeline.of(4, "as-completed")

    def first(*, filling: bool = True) -> int | None:
        slot = timeline.next_slot(filling=filling)
        return None if slot is None else slot.index

    assert first(filling=False) is None
    for index in range(3):
        timeline.hold(index, index, 1, verdict=False)
    assert (first(), first(filling=False)) == (3, 0)  # 3 is free
    timeline.hold(3, 3, 9, verdict=False)
    assert first() == 0
    timeline.hold(3, 3, 9, verdict=True)
    assert first() == 3  # to be told
    timeline.free(3, 9)
    assert (first(), first(filling=False)) == (3, 0)
