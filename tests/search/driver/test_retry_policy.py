"""How long a silent worker is waited for, and when a period is tried again, by a clock that the test sets."""

from __future__ import annotations

import pytest

from search.driver.retry_policy import RetryPolicy
from search.errors import WorkerError
from support.scripted import Clock

KEY, OTHER = (3, 1), (3, 2)


@pytest.mark.parametrize(
    ("cost", "seconds"),
    [(1, [60, 120, 240, 480]), (3_000_000, [60, 120, 240, 480]), (10_000_000, [200, 400, 800, 1600])],
)
def test_each_loss_doubles_the_time_after_which_a_period_is_taken_for_hung(
    clock: Clock, cost: int, seconds: list[int]
) -> None:
    policy, found = RetryPolicy(), []
    for _ in seconds:
        found.append(policy.stall_seconds(KEY, cost))
        policy.lost(KEY, "trial 3", "SIGKILL")
    assert found == seconds
    assert policy.stall_seconds(OTHER, cost) == seconds[0]
    policy.done(KEY)
    assert policy.stall_seconds(KEY, cost) == seconds[0]


def test_a_period_waits_longer_after_each_loss_and_at_most_half_a_minute(clock: Clock) -> None:
    policy, waits = RetryPolicy(), []
    assert policy.may_start(KEY)
    for _ in range(10):
        policy.lost(KEY, "trial 3", "SIGKILL")
        assert policy.may_start(OTHER)
        lost_at = clock.now
        while not policy.may_start(KEY):
            clock.now += 0.125
        waits.append(clock.now - lost_at)
    assert waits == [0.25, 0.5, 0.875, 1.625, 3.25, 6.5, 12.875, 25.625, 30, 30]  # 0.1 s times 2, 4, 8 ..., rounded up


def test_the_twentieth_loss_in_a_row_ends_the_work_and_names_it(clock: Clock) -> None:
    policy = RetryPolicy()
    for _ in range(19):
        policy.lost(KEY, "trial 3", "SIGKILL")
    policy.lost(OTHER, "trial 3", "SIGKILL")
    with pytest.raises(WorkerError) as caught:
        policy.lost(KEY, "trial 3", "SIGKILL")
    assert str(caught.value) == "20 workers in a row died over trial 3, period 1: SIGKILL."


def test_losses_before_a_period_came_back_do_not_count(clock: Clock) -> None:
    policy = RetryPolicy()
    for _ in range(3):
        for _ in range(19):
            policy.lost(KEY, "trial 3", "SIGKILL")
        policy.done(KEY)


def test_an_exception_is_chance_once_and_a_result_twice() -> None:
    policy = RetryPolicy()
    assert not policy.raised(KEY)
    assert not policy.raised(OTHER)
    assert policy.raised(KEY)
