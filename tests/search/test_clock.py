"""Logical time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from search.clock import Active, Timeline
from search.trainer import Plan


def active(number: int, costs: tuple[int, ...], start: int = 0) -> Active:
    return Active(number=number, seed=0, plan=Plan(config={}, costs=costs), start=start)


def test_the_earliest_end_comes_first_and_ties_go_to_the_lower_slot() -> None:
    timeline = Timeline.of(3)
    for slot, costs in zip(timeline.slots, [(5, 5), (3, 9), (3, 1)], strict=True):
        slot.trial = active(slot.index, costs)
    assert [found.number for _, found in timeline.training()] == [1, 2, 0]
    next_slot = timeline.next_slot(filling=True)
    assert next_slot is not None
    assert next_slot.index == 1


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
    timeline.slots[1].trial = active(0, (1,))
    slot = timeline.next_slot(filling=False)
    assert slot is timeline.slots[1]


@given(st.lists(st.lists(st.integers(1, 50), min_size=1, max_size=5), min_size=1, max_size=6))
def test_events_come_in_rising_logical_time(costs: list[list[int]]) -> None:
    timeline = Timeline.of(len(costs))
    for slot, row in zip(timeline.slots, costs, strict=True):
        slot.trial = active(slot.index, tuple(row))
    times = []
    while (slot_ := timeline.next_slot(filling=False)) is not None and slot_.trial is not None:
        times.append((slot_.next_time, slot_.index))
        slot_.trial.periods_done += 1
        if slot_.trial.periods_done == len(slot_.trial.plan.costs):
            slot_.free(times[-1][0])
    assert times == sorted(times)
    assert len(times) == sum(len(row) for row in costs)
