from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from mnist_bench.leaderboard.board import leaderboard_of
from mnist_bench.next_commands import NextCommands
from mnist_bench.report.findings_of_values import commands_for_values, findings_of_values
from mnist_bench.report.sections import Sections
from search.event_log.records import EarlyStop, TrialRecord
from search.study.studies import StoredStudy
from support import handmade as made, handmade_report

HERE = NextCommands(study="ridge-0")
LUCK = (
    "Nothing is confirmed yet: the first of 2 trials, each with one seed, is also the luckiest. `mnist-bench confirm "
    "ridge-0` retrains the best with fresh seeds."
)


def findings(study: StoredStudy) -> list[str]:
    board = leaderboard_of(study, of_nets=False)
    return [*findings_of_values(study, board, Sections(commands=HERE))]


def complete(*values: float) -> list[TrialRecord]:
    return [made.value_trial(number, [value] * made.VALUE_PERIODS) for number, value in enumerate(values)]


@pytest.mark.parametrize(
    ("trials", "settings", "finding"),
    [
        (complete(-3, -1), {}, ["Trial 1 is the best of 2 complete trials: it has the highest value, -1.", LUCK]),
        (complete(-3), {"objective": "score"}, ["Trial 0 is the only complete trial: its score is -3."]),
    ],
)
def test_the_best_trial_comes_first(
    trials: Sequence[TrialRecord], settings: dict[str, Any], finding: list[str]
) -> None:
    assert findings(made.value_study(trials, settings)) == finding


def test_without_a_complete_trial_there_is_no_best_one() -> None:
    assert findings(made.value_study([made.value_trial(0, [1.0])], goal=2)) == [
        "No trial is complete yet, so there is no best one: 1 of 2 trials have ended.",
        "Pruning saved 3 of 4 reports.",
    ]


def test_why_the_search_ended_early_or_that_it_did_not_end_is_said() -> None:
    stop = EarlyStop(rule="target", limit=-1.0, best=1, value=-1.0, since=0)
    ended = made.value_study(complete(-3, -1), goal=9, stop=stop)
    assert "Stopped early by --target -1: #1 reached -1. 2 of 9 trials have ended." in findings(ended)
    stopped = findings(made.value_study(complete(-3, -1), goal=9))
    assert stopped[0] == "Trial 1 is the best of 2 complete trials so far: it has the highest value, -1."
    assert (
        "The search was stopped before its trial budget: 2 of 9 trials have ended, and the next may be better."
        in stopped
    )


def test_a_front_has_two_ends() -> None:
    trials = [
        made.value_trial(n, [value] * made.VALUE_PERIODS, facts={"meters": meters})
        for n, (value, meters) in enumerate([(5.0, 300), (3.0, 100)])
    ]
    study = made.value_study(trials, {"objective": ["speed", "meters"]})
    assert "Two trials make the Pareto front of speed and meters: 3 at 100 meters to 5 at 300 meters." in findings(
        study
    )


def test_the_page_of_another_trainer_has_no_recipe_no_data_and_no_test_set() -> None:
    page = handmade_report.report(made.halved_values(), sections=Sections(commands=HERE), pictures=())
    assert page.title == "12 trials of ridge.py:Trainer"
    assert page.about == "2 hyperparameters of the search space ridge, searched in 114 s, 2 trainings at a time."
    assert page.test_openings is None
    assert page.chosen is not None
    assert page.chosen.recipe is None
    assert [*page.facts] == ["search", "trainer", "numerics", "versions"]


def test_the_commands_show_the_space_and_repeat_the_chosen_trial() -> None:
    space = {"mnist-bench show ridge-0 --space > space.yaml": "the space that was searched, as a file"}
    assert commands_for_values(HERE, None) == space
    known = NextCommands(study="ridge-0", own_code=("--trainer", "ridge.py:Trainer"))
    assert commands_for_values(known, made.value_trial(7, [1.0])) == {
        **space,
        "mnist-bench reproduce ridge-0/7 --trainer ridge.py:Trainer": (
            "trains #7 again with your own trainer, in the folder of its file, and compares it bit for bit"
        ),
    }
