"""Logical time."""

from __future__ import annotations

from hypothesis import given, strategies as st

from search.event_log.timeline import Slot, Timeline
from support.handmade_history import Study

Costs = dict[int, list[int]]
"""Of the periods that each slot's trial has not ended."""


def test_the_earliest_end_comes_first_and_ties_go_to_the_lower_slot() -> None:
    timeline = Timeline.of(3)
    costs = {0: [5, 5], 1: [3, 9], 2: [3, 1]}
    begin(timeline, costs)
    assert in_turn(timeline, costs) == [1, 2, 2, 0, 0, 1]


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


def test_free_slots_count_only_while_they_are_filled() -> None:
    timeline = Timeline.of(2)
    assert timeline.next_slot(filling=False) is None
    timeline.hold(1, 0, 1, verdict=False)
    slot = timeline.next_slot(filling=False)
    assert slot is timeline.slots[1]


@given(st.lists(st.lists(st.integers(1, 50), min_size=1, max_size=5), min_size=1, max_size=6))
def test_events_come_in_rising_logical_time(rows: list[list[int]]) -> None:
    timeline, costs = Timeline.of(len(rows)), {index: list(row) for index, row in enumerate(rows)}
    begin(timeline, costs)
    times = []
    while (slot := timeline.next_slot(filling=False)) is not None:
        times.append((slot.next_time, slot.index))
        pass_turn(timeline, slot, costs)
    assert times == sorted(times)
    assert len(times) == sum(len(row) for row in rows)


def test_by_arrival_what_needs_no_worker_comes_first() -> None:
    timeline = Timeline.of(4, "as-completed")
    for index in range(3):
        timeline.hold(index, index, 1, verdict=False)
    assert next_index(timeline) == 3  # free
    timeline.hold(3, 3, 9, verdict=False)
    assert next_index(timeline) == 0
    timeline.hold(3, 3, 9, verdict=True)
    assert next_index(timeline) == 3  # to be told
    timeline.free(3, 9)
    assert next_index(timeline) == 3
    assert next_index(timeline, filling=False) == 0


def next_index(timeline: Timeline, *, filling: bool = True) -> int:
    slot = timeline.next_slot(filling=filling)
    assert slot is not None
    return slot.index


def begin(timeline: Timeline, costs: Costs) -> None:
    """Let every slot hold a trial whose periods cost this much."""
    for index, row in costs.items():
        timeline.hold(index, index, row[0], verdict=False)


def in_turn(timeline: Timeline, costs: Costs) -> list[int]:
    """Return the slots' indices in the order of all events, each trial being trained to its end."""
    turns = []
    while (slot := timeline.next_slot(filling=False)) is not None:
        turns.append(slot.index)
        pass_turn(timeline, slot, costs)
    return turns


def pass_turn(timeline: Timeline, slot: Slot, costs: Costs) -> None:
    """Handle the next period of the trial in a slot, which becomes free after the last one."""
    assert slot.trial is not None
    _, *left = costs[slot.index]
    costs[slot.index] = left
    if left:
        timeline.hold(slot.index, slot.trial, slot.next_time + left[0], verdict=False)
    else:
        timeline.free(slot.index, slot.next_time)
