"""The first screen of a report: who was selected, and never a winner without a significant test."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mnist_bench.experiments.confirm.results import Confirmed, Final
from mnist_bench.report import test_results
from support import handmade_confirmation

RACE = handmade_confirmation.found()
FIRST, TIED, WORSE = RACE.candidates
BROKEN = replace(WORSE, p_value=None, errors=(300, None))
FIGURE = "trial 1, 99.50% test accuracy (mean of 8 seeds, 95% CI [99.48, 99.52])"


def alone(**changes: Any) -> Confirmed:
    """Return the race in which #1 alone is left."""
    left: dict[str, Any] = {"candidates": (FIRST, WORSE), "cheapest": 1, "finals": RACE.finals[:1]}
    return handmade_confirmation.found(**left | changes)


@pytest.mark.parametrize(
    ("race", "sentence"),
    [
        (
            RACE,
            f"Selected: {FIGURE}, statistically tied with trial 0. Cheapest of the two: trial 0, 900k MACs and "
            "30k parameters, 99.40%.",
        ),
        (
            replace(RACE, cheapest=1, candidates=(FIRST, TIED, replace(TIED, number=2))),
            f"Selected: {FIGURE}, statistically tied with trials 0 and 2. It is also the cheapest of the three: "
            "2.1M MACs and 61.2k parameters.",
        ),
        (alone(), f"Winner: {FIGURE}. With fresh seeds, the other configuration is significantly worse."),
        (
            alone(candidates=(FIRST, WORSE, replace(WORSE, number=3))),
            f"Winner: {FIGURE}. With fresh seeds, each of the two other configurations is significantly worse.",
        ),
        (
            alone(candidates=(FIRST, WORSE, replace(BROKEN, number=3))),
            f"Selected: {FIGURE}. Not every other configuration could be tested, because runs did not finish.",
        ),
        (alone(candidates=(FIRST,)), f"Selected: {FIGURE}. No other configuration was retrained."),
        (
            alone(finals=(Final(number=1, errors=(None,)),)),
            "Winner: trial 1, of which no training on all images finished. With fresh seeds, the other configuration "
            "is significantly worse.",
        ),
        (
            alone(finals=(Final(number=1, errors=(50,)),)),
            "Winner: trial 1, 99.50% test accuracy (1 seed). With fresh seeds, the other configuration is "
            "significantly worse.",
        ),
    ],
)
def test_the_sentence_about_a_race(race: Confirmed, sentence: str) -> None:
    assert test_results.sentence_of_race(race) == sentence


def test_only_a_significant_test_makes_a_winner() -> None:
    races = {"selected (tied)": RACE, "winner": alone(), "selected": alone(candidates=(FIRST, BROKEN))}
    assert [test_results.table_of_race(race).texts()[0][3] for race in races.values()] == [*races]


def test_the_table_has_a_row_for_each_configuration_that_was_evaluated() -> None:
    measured = replace(RACE, finals=(replace(RACE.finals[0], committee=34), RACE.finals[1]))
    table = test_results.table_of_race(measured)
    headings = ["trial", "test accuracy", "ensemble", "role", "params", "MACs", "validation"]
    assert [column.heading for column in table.columns] == headings
    assert table.texts() == [
        ["#1", "99.50% [99.48, 99.52]", "99.66%", "selected (tied)", "61.2k", "2.1M", "99.37% [99.33, 99.41]"],
        ["#0", "99.40% [99.39, 99.41]", "–", "cheapest of the tied", "30k", "900k", "99.36% [99.33, 99.39]"],
    ]  # fmt: skip


def test_a_front_is_told_by_its_ends_and_listed_in_full() -> None:
    sentence = test_results.sentence_of_front(handmade_confirmation.FRONT)
    assert sentence == (
        "Test accuracy from 98.70% [98.64, 98.76] with 900 MACs (trial 4) to 99.90% [99.87, 99.93] with 3k MACs "
        "(trial 7)."
    )
    table = test_results.table_of_front(handmade_confirmation.FRONT)
    assert [row[0] for row in table.texts()] == ["#4", "#1", "#2", "#8", "#7", "#9"]
    single = replace(handmade_confirmation.FRONT, members=handmade_confirmation.FRONT.members[:1])
    assert test_results.sentence_of_front(single).startswith("Test accuracy 98.70%")
    broken = replace(handmade_confirmation.FRONT, members=handmade_confirmation.FRONT.members[5:])
    assert test_results.sentence_of_front(broken) == "Of the front, no training on all images finished."
