"""The first screen of a report: who was selected, and never a winner without a significant test."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mnist_bench.experiments.confirmed import Confirmed
from mnist_bench.report import test_results
from support import experiments
from support.experiments import final, found

FOUND = experiments.found()
FIRST, TIED, WORSE = experiments.ERRORS.values()
BROKEN = (*WORSE[:7], None)
FIGURE = "trial 1, 99.50% test accuracy (mean of 8 seeds, 95% CI [99.48, 99.52])"


@pytest.mark.parametrize(
    ("confirmed", "sentence"),
    [
        (
            FOUND,
            f"Selected: {FIGURE}, statistically tied with trial 0. Cheapest of the two: trial 0, 900k MACs and "
            "30k parameters, 99.40%.",
        ),
        (
            found({1: FIRST, 0: TIED, 2: TIED}, cheapest=1),
            f"Selected: {FIGURE}, statistically tied with trials 0 and 2. It is also the cheapest of the three: "
            "2.1M MACs and 61.2k parameters.",
        ),
        (
            found({1: FIRST, 2: WORSE}),
            f"Winner: {FIGURE}. With fresh seeds, the other configuration is significantly worse.",
        ),
        (
            found({1: FIRST, 2: WORSE, 3: WORSE}),
            f"Winner: {FIGURE}. With fresh seeds, each of the two other configurations is significantly worse.",
        ),
        (
            found({1: FIRST, 2: WORSE, 3: BROKEN}),
            f"Selected: {FIGURE}. Not every other configuration could be tested, because runs did not finish.",
        ),
        (found({1: FIRST}), f"Selected: {FIGURE}. No other configuration was retrained."),
        (
            found({1: FIRST}, finals=(final(1, *[None] * 8),)),
            "Selected: trial 1, of which no training on all images finished. No other configuration was retrained.",
        ),
        (
            found({1: FIRST}, finals=(final(1, 50, *[None] * 7),)),
            "Selected: trial 1, 99.50% test accuracy (1 seed). No other configuration was retrained.",
        ),
    ],
)
def test_the_sentence_about_the_selected_configuration(confirmed: Confirmed, sentence: str) -> None:
    assert test_results.sentence_of_selected(confirmed) == sentence


def test_the_table_has_a_row_for_each_configuration_that_was_evaluated() -> None:
    table = test_results.table_of_selected(FOUND)
    headings = ["trial", "test accuracy", "role", "params", "MACs", "validation"]
    assert [column.heading for column in table.columns] == headings
    assert table.texts() == [
        ["#1", "99.50% [99.48, 99.52]", "selected (tied)", "61.2k", "2.1M", "99.37% [99.35, 99.39]"],
        ["#0", "99.40% [99.39, 99.41]", "cheapest of the tied", "30k", "900k", "99.36% [99.35, 99.37]"],
    ]


def test_a_front_is_told_by_its_ends_and_listed_in_full() -> None:
    sentence = test_results.sentence_of_front(experiments.FRONT)
    assert sentence == (
        "Test accuracy from 98.70% [98.64, 98.76] with 900 MACs (trial 4) to 99.90% [99.87, 99.93] with 3k MACs "
        "(trial 7)."
    )
    table = test_results.table_of_front(experiments.FRONT)
    assert [row[0] for row in table.texts()] == ["#4", "#1", "#2", "#8", "#7", "#9"]
    single = replace(experiments.FRONT, members=experiments.FRONT.members[:1])
    assert test_results.sentence_of_front(single).startswith("Test accuracy 98.70%")
    broken = replace(experiments.FRONT, members=experiments.FRONT.members[5:])
    assert test_results.sentence_of_front(broken) == "Of the front, no training on all images finished."
