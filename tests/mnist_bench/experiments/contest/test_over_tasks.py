from __future__ import annotations

from mnist_bench.experiments.contest.contest_record import Contest
from mnist_bench.experiments.contest.verdicts import finding_over, judge, overall
from support.experiments import RANDOM, TPE_ASHA, TWICE, clear, close, finals


def heading(*contests: Contest) -> str:
    return finding_over([judge(one) for one in contests])


def test_verdicts_over_tasks() -> None:
    first, random, twice = overall([judge(clear(task="a")), judge(close(task="b"))])
    assert (first.entrant, first.verdicts) == (TPE_ASHA, {})
    assert random.verdicts == {"a": "worse", "b": "no difference shown"}
    assert [random.count("worse"), random.count("better"), twice.count("better")] == [1, 0, 1]


def test_only_who_took_part_everywhere_is_counted() -> None:
    small = finals({TPE_ASHA: [0.01, 0.02], RANDOM: [0.02, 0.03]}, task="b")
    assert [row.entrant for row in overall([judge(clear(task="a")), judge(small)])] == [TPE_ASHA, RANDOM]
    alone = finals({TPE_ASHA: [0.01, 0.02]}, task="b")
    assert heading(clear(task="a"), alone) == "Nothing to compare: no two search methods took part in all contests"
    other = finals({RANDOM: [0.01, 0.02], TWICE: [0.02, 0.03]}, task="c")
    assert heading(alone, other) == "Nothing to compare: no two search methods took part in all contests"


def test_without_a_comparison_nothing_is_said_of_differences() -> None:
    few = [finals({TPE_ASHA: [0.02], RANDOM: [0.01]}, task=task) for task in "ab"]
    assert heading(*few) == "Nothing to compare: too few searches made a choice, on each of 2 tasks"


def test_the_heading_counts_tasks_and_prefers_the_same_budget() -> None:
    assert heading(clear()) == judge(clear()).finding
    assert heading(clear(task="a"), close(task="b")) == "tpe + asha ends lower than random on 1 of 2 tasks"
    assert heading(close(task="a"), close(task="b")) == (
        "No significant difference between tpe + asha and any other at the same budget over 2 tasks"
    )
    better = finals({TPE_ASHA: [0.02, 0.021, 0.022], RANDOM: [0.01, 0.011, 0.012], TWICE: [0.02, 0.02, 0.02]}, task="b")
    three = heading(better, clear(task="a"), finals({TPE_ASHA: [0.02] * 3, RANDOM: [0.01] * 3}, task="c"))
    assert three == "random ends lower than tpe + asha on 2 of 3 tasks, and higher on 1"
    assert heading(*(finals({RANDOM: [0.02] * 3, TWICE: [0.01] * 3}, task=task) for task in "ab")) == (
        "random ×2 ends lower than random on 2 of 2 tasks"
    )
