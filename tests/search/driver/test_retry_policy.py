"""How long a silent worker is waited for, and when a period is tried again, by a clock that the test sets."""

from __future__ import annotations

from typing import get_args

import pytest

from search.driver.retry_policy import RULES, Failure, Key, RetryPolicy
from search.errors import WorkerError
from support.paths import ROOT
from support.scripted import Clock

KEY, OTHER = (3, 1), (3, 2)
END_IN_WORDS = {"crashed": "crashed", "out_of_memory": "run out of memory", "timed_out": "timed out"}


def lose(policy: RetryPolicy, key: Key) -> None:
    """Let a worker be killed over a period."""
    assert policy.failed(key, "killed", name="trial 3", reason="SIGKILL") is None


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
        lose(policy, KEY)
    assert found == seconds
    assert policy.stall_seconds(OTHER, cost) == seconds[0]
    policy.done(KEY)
    assert policy.stall_seconds(KEY, cost) == seconds[0]


def test_a_period_waits_longer_after_each_loss_and_at_most_half_a_minute(clock: Clock) -> None:
    policy, waits = RetryPolicy(), []
    assert policy.may_start(KEY)
    for _ in range(10):
        lose(policy, KEY)
        assert policy.may_start(OTHER)
        lost_at = clock.now
        while not policy.may_start(KEY):
            clock.now += 0.125
        waits.append(clock.now - lost_at)
    assert waits == [0.25, 0.5, 0.875, 1.625, 3.25, 6.5, 12.875, 25.625, 30, 30]  # 0.1 s times 2, 4, 8 ..., rounded up


def test_the_twentieth_loss_in_a_row_ends_the_work_and_names_it(clock: Clock) -> None:
    policy = RetryPolicy()
    for _ in range(19):
        lose(policy, KEY)
    lose(policy, OTHER)
    with pytest.raises(WorkerError) as caught:
        lose(policy, KEY)
    assert str(caught.value) == "20 workers in a row died while they trained trial 3, period 1: SIGKILL."


def test_losses_before_a_period_came_back_do_not_count(clock: Clock) -> None:
    policy = RetryPolicy()
    for _ in range(3):
        for _ in range(19):
            lose(policy, KEY)
        policy.done(KEY)


def test_an_exception_is_chance_once_and_a_result_twice() -> None:
    policy = RetryPolicy()
    assert policy.failed(KEY, "raised", name="trial 3", reason="") is None
    assert policy.failed(OTHER, "raised", name="trial 3", reason="") is None
    assert policy.failed(KEY, "raised", name="trial 3", reason="") == "crashed"


def test_what_lacked_memory_runs_alone_and_its_lacks_are_counted_together(clock: Clock) -> None:
    policy = RetryPolicy()
    assert policy.failed(KEY, "lacked_memory", name="trial 3", reason="") is None
    assert not policy.may_start(KEY, running=[(4, 1)])
    assert not policy.may_start((4, 1), running=[OTHER])
    assert policy.may_start(KEY)
    assert policy.failed(KEY, "out_of_memory", name="trial 3", reason="out of memory") == "out_of_memory"


def in_words(failure: Failure) -> tuple[str, str, str]:
    """Return what the page for readers says of a failure: tries, what comes before the next one, and the end."""
    rule = RULES[failure]
    before = [*(["a pause"] if rule.waits else []), *(["no other at the same time"] if rule.alone else [])]
    if rule.tries == 1:
        before = ["none"]
    end = "the search stops" if rule.then is None else f"the trial has {END_IN_WORDS[rule.then]}"
    return str(rule.tries), " and ".join(before) or "nothing", end


def test_the_page_on_faults_says_what_is_done_about_each_failure() -> None:
    page = (ROOT / "docs" / "reference" / "faults.md").read_text()
    rows = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in page.splitlines()]
    told = {row[0].split("`")[1]: tuple(row[1:4]) for row in rows if row[0].startswith("`")}
    failures = [failure for causes in get_args(Failure) for failure in get_args(causes)]
    assert told == {failure: in_words(failure) for failure in failures}
