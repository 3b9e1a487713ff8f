"""Logical time."""

from __future__ import annotations

from hypothesis import given, strategies as st

from search.event_log.timeline import Active, Slot, Timeline


def active(number: int, costs: tuple[int, ...], start: int = 0) -> Active:
    return Active(number=number, seed=0, costs=costs, start=start)


def test_the_earliest_end_comes_first_and_ties_go_to_the_lower_slot() -> None:
    timeline = Timeline.of(3)
    for index, costs in enumerate([(5, 5), (3, 9), (3, 1)]):
        timeline.start(index, active(index, costs))
    assert in_turn(timeline) == [1, 2, 2, 0, 0, 1]


def test_all_slots_begin_together_at_0() -> None:
    timeline = Timeline.of(3)
    assert [slot.next_time for slot in timeline.slots] == [0, 0, 0]
    assert timeline.now() == 0


def test_a_verdict_is_due_in_the_instant_of_the_report() -> None:
    trial = active(0, (5, 7), start=10)
    assert trial.next_time == 15
    trial.periods_done = 1
    assert trial.next_time == 22
    trial.verdict = True
    assert trial.next_time == 15


def test_free_slots_count_only_while_they_are_filled() -> None:
    timeline = Timeline.of(2)
    assert timeline.next_slot(filling=False) is None
    timeline.start(1, active(0, (1,)))
    slot = timeline.next_slot(filling=False)
    assert slot is timeline.slots[1]


@given(st.lists(st.lists(st.integers(1, 50), min_size=1, max_size=5), min_size=1, max_size=6))
def test_events_come_in_rising_logical_time(costs: list[list[int]]) -> None:
    timeline = Timeline.of(len(costs))
    for index, row in enumerate(costs):
        timeline.start(index, active(index, tuple(row)))
    times = []
    while (slot := timeline.next_slot(filling=False)) is not None:
        times.append((slot.next_time, slot.index))
        pass_turn(timeline, slot)
    assert times == sorted(times)
    assert len(times) == sum(len(row) for row in costs)


def test_by_arrival_what_needs_no_worker_comes_first() -> None:
    timeline = Timeline.of(4, "arrival")
    for index in range(3):
        timeline.start(index, active(index, (1, 5)))
    assert next_index(timeline) == 3  # free
    timeline.start(3, active(3, (9, 9)))
    assert next_index(timeline) == 0
    timeline.advance(3, verdict=True)
    assert next_index(timeline) == 3  # to be told
    timeline.free(3, 9)
    assert next_index(timeline) == 3
    assert next_index(timeline, filling=False) == 0


def next_index(timeline: Timeline, *, filling: bool = True) -> int:
    slot = timeline.next_slot(filling=filling)
    assert slot is not None
    return slot.index


def in_turn(timeline: Timeline) -> list[int]:
    """Return the slots' indices in the order of all events, each trial being trained to its end."""
    turns = []
    while (slot := timeline.next_slot(filling=False)) is not None:
        turns.append(slot.index)
        pass_turn(timeline, slot)
    return turns


def pass_turn(timeline: Timeline, slot: Slot) -> None:
    """Handle the next period of the trial in a slot, which becomes free after the last one."""
    assert slot.trial is not None
    end = slot.next_time
    timeline.advance(slot.index, verdict=False)
    if slot.trial.periods_done == len(slot.trial.costs):
        timeline.free(slot.index, end)
