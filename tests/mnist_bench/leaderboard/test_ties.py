"""Ties by the paired test, in numbers and in words."""

from __future__ import annotations

import pytest

from mnist_bench.leaderboard.ties import ties_of
from search.event_log.records import TrialRecord
from support import handmade


def complete(*wrong: range) -> list[TrialRecord]:
    """Return complete trials that get these images wrong, best first."""
    return handmade.study([handmade.trial(number, images) for number, images in enumerate(wrong)]).complete()


@pytest.mark.parametrize(
    ("wrong", "tied", "accuracies"),
    [
        ([range(5)], [0], "99.50% each"),
        ([range(5), range(5)], [0, 1], "99.50% each"),
        ([range(5), range(7), range(100, 160)], [0, 1], "99.30 to 99.50%"),
    ],
)
def test_the_first_and_those_tied_with_it(wrong: list[range], tied: list[int], accuracies: str) -> None:
    ties = ties_of(complete(*wrong))
    assert [trial.number for trial in ties.all] == tied
    assert [trial.number for trial in ties.tied] == tied[1:]
    assert ties.accuracies == accuracies
    assert [*ties.p_values] == [*range(1, len(wrong))]


def test_trials_whose_correct_images_were_not_kept_are_not_tested() -> None:
    first, second, third = complete(range(5), range(6), range(7))
    bare = [handmade.with_reports(trial, details={}) for trial in (first, second)]
    assert [*ties_of([first, bare[1], third]).p_values] == [2]
    assert not ties_of([bare[0], second, third]).p_values
    assert not ties_of([bare[0], second, third]).tied
