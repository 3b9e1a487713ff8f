"""The findings of a report: what is best, how certain that is, and never one winner where several tie."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mnist_bench.report.sections import Section, Sections
from mnist_bench.result_table import Figure, Table
from search.event_log.records import StudyRecord
from support import handmade, handmade_report
from support.handmade_report import HERE

CONFIRMED = Section(lines=("Selected: trial 0.", "More."))
FRONT = Section(lines=("Test accuracy from 98 to 99%.", "More."))
RESULTS: Table[str] = Table(rows=["0"], figures=[Figure("trial", str)])


def sentences(study: StudyRecord, sections: Sections | None = None) -> tuple[str, ...]:
    return handmade_report.report(study, sections=sections or Sections(commands=HERE)).finding


def complete(*wrong: range, parameters: tuple[int, ...] = ()) -> StudyRecord:
    sizes = parameters or (61_234,) * len(wrong)
    shapes = enumerate(zip(wrong, sizes, strict=True))
    return handmade.study(
        [handmade.trial(n, images, facts={"parameters": size, "macs": 2 * size}) for n, (images, size) in shapes]
    )


def test_ties_come_first_then_the_first_of_them_and_what_pruning_saved() -> None:
    assert handmade_report.report().finding == (
        "Two trials tie for the best so far, 99.40 to 99.50%; the cheapest is trial 0 with 30k parameters.",
        # Wilson: (0.995 + 0.0019207 ± 1.95996 * sqrt(0.995 * 0.005 / 1000 + 0.96036 / 1e6)) / 1.0038415
        "The first of 3 complete trials, trial 1, gets 99.50% of the 1,000 validation images right "
        "(95% interval 98.83 to 99.79%). It is not significantly different from trial 0 (McNemar's test on the same "
        "images, Holm-corrected, 5% level).",
        "The search was stopped before its trial budget: 6 of 7 trials have ended, and the next may be better.",
        "Nothing is confirmed yet: the first of 6 trials on one validation set is also the luckiest. "
        "`mnist-bench confirm conv-0` retrains the best with fresh seeds, then evaluates once on the test set.",
        "Pruning saved 8 of 36 epochs.",
    )


@pytest.mark.parametrize(
    ("study", "first", "second"),
    [
        (complete(range(5)), "Trial 0 is the only complete trial: it gets 99.50% of the 1,000", "Nothing is confirmed"),
        (
            complete(range(5), range(100, 160)),
            "Trial 0 is the best of 2 complete trials: it gets 99.50% of the 1,000 validation images right (95%",
            "Each other complete trial (1) is significantly worse (McNemar",
        ),
        (
            complete(*[range(5)] * 8),
            "Eight trials tie for the best, 99.50% each, with 61.2k parameters each.",
            "The first of 8 complete trials, trial 0, gets 99.50% of the 1,000 validation images right (95% interval",
        ),
        (
            complete(range(5), range(6), range(7), parameters=(90_000, 25_800, 61_000)),
            "Three trials tie for the best, 99.30 to 99.50%; the cheapest is trial 1 with 25.8k parameters.",
            "The first of 3 complete trials, trial 0, gets",
        ),
        (
            handmade.two_objectives(),
            "Three trials make the Pareto front of accuracy and MACs: from 96.00% on 50 MACs to 99.50% on 200 MACs.",
            "Two trials tie for the best, 99.40 to 99.50%; the cheapest is trial 1 with 200 MACs.",
        ),
        (
            handmade.study([handmade.trial(0, range(9), periods=1)], goal=5),
            "No trial is complete yet, so there is no best one: 1 of 5 trials have ended.",
            "Pruning saved 5 of 6 epochs.",
        ),
        (
            handmade.study([handmade.trial(0, range(9), periods=1)], goal=1),
            "No trial is complete, so there is no best one: 1 of 1 trials have ended.",
            "Pruning saved 5 of 6 epochs.",
        ),
    ],
)
def test_the_first_sentences(study: StudyRecord, first: str, second: str) -> None:
    found = sentences(study)
    assert found[0].startswith(first)
    assert found[1].startswith(second)
    assert not any("winner" in sentence or "won" in sentence.split() for sentence in found)


def test_of_many_ties_five_are_named() -> None:
    few, many = (sentences(complete(*[range(5)] * number))[1] for number in (4, 8))
    assert "It is not significantly different from trials 1, 2, 3, 4, 5 and 2 more (McNemar" in many
    assert "It is not significantly different from trials 1, 2 and 3 (McNemar" in few


def test_where_no_test_could_be_made_that_is_said() -> None:
    study = complete(range(5), range(9))
    bare = [handmade.with_reports(trial, details={}) for trial in study.trials]
    found = sentences(replace(study, trials=tuple(bare)))
    assert found[0].startswith("Trial 0 is the best of 2 complete trials")
    assert found[1] == "Which images each trial got right was not kept, so no test can compare it with the others."


def test_a_search_that_runs_says_so() -> None:
    assert any("The search is still running: 6 of 7" in line for line in sentences(handmade.mixed(live=True)))


def test_a_race_without_a_test_stands_where_the_advice_to_confirm_would() -> None:
    retrained = Section(lines=("Not confirmed: #0 leads.", "More."))
    found = sentences(handmade.mixed(), Sections(retrained=retrained, commands=HERE))
    assert "Not confirmed: #0 leads." in found
    assert not any("confirmed yet" in sentence for sentence in found)


def test_what_was_confirmed_comes_before_the_ties() -> None:
    sections = Sections(winner=0, test_results=RESULTS, confirmed=CONFIRMED, commands=HERE)
    found = sentences(handmade.mixed(), sections)
    assert found[:2] == (
        "Selected: trial 0.",
        "In the search itself, each trial had one seed and was ranked by its accuracy on 1,000 validation images.",
    )
    assert found[2].startswith("Two trials tie")
    assert not any("confirmed yet" in sentence for sentence in found)


def test_a_front_on_the_test_images_comes_first_and_one_of_an_earlier_state_does_not() -> None:
    current = Sections(test_results=RESULTS, front=FRONT, commands=HERE)
    assert sentences(handmade.two_objectives(), current)[0] == FRONT.lines[0]
    earlier = sentences(handmade.two_objectives(), Sections(front=FRONT, outdated=True, commands=HERE))
    assert earlier[0].startswith("Three trials make the Pareto front")
    assert FRONT.lines[0] in earlier


def test_a_search_that_ended_early_says_why_and_who_was_ahead() -> None:
    told = sentences(handmade.ended_early())
    assert told[0].startswith("Trial 0 is the only complete trial: it gets 99.00%")
    assert told[1:3] == (
        "Stopped early, ahead of #0 at the same epoch: #2, #1. With more training, one of them might lead.",
        "Stopped early by --patience 3: 3 trials ended since #0 (99.00%), and none was better. 4 of 9 trials have "
        "ended.",
    )
