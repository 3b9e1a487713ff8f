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


def failed(policy: RetryPolicy, failure: Failure = "killed", key: Key = KEY) -> str | None:
    return policy.failed(key, failure, name="trial 3", reason="SIGKILL")


@pytest.mark.parametrize(("cost", "first"), [(1, 60), (3_000_000, 60), (10_000_000, 200)])
def test_each_loss_doubles_the_time_after_which_a_period_is_taken_for_hung(clock: Clock, cost: int, first: int) -> None:
    policy, found = RetryPolicy(), []
    for _ in range(4):
        found.append(policy.stall_seconds(KEY, cost))
        assert failed(policy) is None
    assert found == [first, 2 * first, 4 * first, 8 * first]
    assert policy.stall_seconds(OTHER, cost) == first
    policy.done(KEY)
    assert policy.stall_seconds(KEY, cost) == first


def test_a_period_waits_longer_after_each_loss_and_at_most_half_a_minute(clock: Clock) -> None:
    policy, waits = RetryPolicy(), []
    assert policy.may_start(KEY)
    for _ in range(10):
        failed(policy)
        assert policy.may_start(OTHER)
        lost_at = clock.now
        while not policy.may_start(KEY):
            clock.now += 0.125
        waits.append(clock.now - lost_at)
    assert waits == [0.25, 0.5, 0.875, 1.625, 3.25, 6.5, 12.875, 25.625, 30, 30]  # 0.1 s times 2, 4, 8 ..., rounded up


def test_the_twentieth_loss_in_a_row_ends_the_work_and_names_it(clock: Clock) -> None:
    policy = RetryPolicy()
    for _ in range(2):
        for _ in range(19):
            failed(policy)
        policy.done(KEY)
    for _ in range(19):
        failed(policy)
    failed(policy, key=OTHER)
    with pytest.raises(WorkerError) as caught:
        failed(policy)
    assert str(caught.value) == "20 workers in a row died while they trained trial 3, period 1: SIGKILL."


def test_an_exception_is_chance_once_and_a_result_twice() -> None:
    policy = RetryPolicy()
    assert [failed(policy, "raised", key) for key in (KEY, OTHER, KEY)] == [None, None, "crashed"]


def test_what_lacked_memory_runs_alone_and_its_lacks_are_counted_together(clock: Clock) -> None:
    policy = RetryPolicy()
    assert failed(policy, "lacked_memory") is None
    assert not policy.may_start(KEY, running=[(4, 1)])
    assert not policy.may_start((4, 1), running=[OTHER])
    assert policy.may_start(KEY)
    assert failed(policy, "out_of_memory") == "out_of_memory"


def in_words(failure: Failure) -> tuple[str, str, str]:
    """Return what the page of the faults says of a failure: tries, what comes before the next one, and the end."""
    rule = RULES[failure]
    before = [*(["a pause"] if rule.waits else []), *(["no other at the same time"] if rule.alone else [])]
    if rule.tries == 1:
        before = ["none"]
    end = "the search stops" if rule.then is None else f"the trial has {END_IN_WORDS[rule.then]}"
    return str(rule.tries), " and ".join(before) or "nothing", end


def test_the_page_on_faults_says_what_is_done_about_each_failure() -> None:
    page = (ROOT / "tests" / "FAULTS.md").read_text()
    rows = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in page.splitlines()]
    told = {row[0].split("`")[1]: tuple(row[1:4]) for row in rows if row[0].startswith("`")}
    failures = [failure for causes in get_args(Failure) for failure in get_args(causes)]
    assert told == {failure: in_words(failure) for failure in failures}
