from __future__ import annotations

from dataclasses import replace

import pytest

from mnist_bench.leaderboard.ranking import leaderboard_of
from mnist_bench.next_commands import NextCommands
from mnist_bench.report import findings as all_findings
from mnist_bench.report.report_page import commands_for_values
from mnist_bench.report.sections import Section, Sections
from search.event_log.records import EarlyStop, TrialRecord
from search.study.studies import StoredStudy
from support import handmade as made, handmade_report

HERE = NextCommands(study="ridge-0")
NOTHING = Sections(commands=HERE)
LUCK = (
    "Nothing is confirmed yet: the first of 2 trials, each with one seed, is also the luckiest. `mnist-bench confirm "
    "ridge-0` retrains the best with fresh seeds."
)


def findings(study: StoredStudy, sections: Sections = NOTHING) -> list[str]:
    return [*all_findings.findings(study, leaderboard_of(study), sections)]


def complete(*values: float) -> list[TrialRecord]:
    return [made.value_trial(number, [value] * made.VALUE_PERIODS) for number, value in enumerate(values)]


STOP = EarlyStop(rule="target", limit=-1.0, best=1, value=-1.0, since=0)
COST = [
    made.value_trial(n, [value] * 4, facts={"meters": meters})
    for n, (value, meters) in enumerate([(5.0, 300), (3.0, 100)])
]


@pytest.mark.parametrize(
    ("study", "finding"),
    [
        (
            made.value_study(complete(-3, -1)),
            ["Trial 1 is the best of 2 complete trials: it has the highest value, -1.", LUCK],
        ),
        (
            made.value_study(complete(-3, -1), {"direction": "minimize"}),
            ["Trial 0 is the best of 2 complete trials: it has the lowest value, -3.", LUCK],
        ),
        (
            made.value_study(complete(-3), {"objective": "score"}),
            ["Trial 0 is the only complete trial: its score is -3."],
        ),
        (
            made.value_study([made.value_trial(0, [1.0])], goal=2),
            [
                "No trial is complete yet, so there is no best one: 1 of 2 trials have ended.",
                "Pruning saved 3 of 4 reports.",
            ],
        ),
        (
            made.value_study([made.value_trial(0, [1.0])]),
            [
                "No trial is complete, so there is no best one: 1 of 1 trials have ended.",
                "Pruning saved 3 of 4 reports.",
            ],
        ),
        (
            made.value_study(complete(-3, -1), goal=9, stop=STOP),
            [
                "Trial 1 is the best of 2 complete trials: it has the highest value, -1.",
                "Stopped early by --target -1: #1 reached -1. 2 of 9 trials have ended.",
                LUCK,
            ],
        ),
        (
            made.value_study(complete(-3, -1), goal=9),
            [
                "Trial 1 is the best of 2 complete trials so far: it has the highest value, -1.",
                "The search was stopped before its trial budget: 2 of 9 trials have ended, and the next may be better.",
                LUCK,
            ],
        ),
        (
            made.value_study(complete(-3, -1), goal=9, live=True),
            [
                "Trial 1 is the best of 2 complete trials so far: it has the highest value, -1.",
                "The search is still running: 2 of 9 trials have ended, and the next may be better.",
                LUCK,
            ],
        ),
        (
            made.value_study(COST, {"objective": ["speed", "meters"]}),
            [
                "Trial 0 is the best of 2 complete trials: it has the highest speed, 5.",
                "Two trials make the Pareto front of speed and meters: 3 at 100 meters to 5 at 300 meters.",
                LUCK,
            ],
        ),
    ],
)
def test_the_best_trial_comes_first_then_what_to_make_of_it(study: StoredStudy, finding: list[str]) -> None:
    assert findings(study) == finding


def test_a_race_stands_where_the_advice_to_confirm_would_unless_the_study_was_searched_further() -> None:
    retrained = Sections(retrained=Section(lines=("Raced.", "More.")), commands=HERE)
    assert findings(made.value_study(complete(-3, -1)), retrained)[1:] == ["Raced."]
    assert findings(made.value_study(complete(-3, -1)), replace(retrained, outdated=True))[1:] == ["Raced.", LUCK]


def test_trials_that_were_ahead_when_they_were_pruned_are_named() -> None:
    trials = [made.value_trial(0, [1.0, 2.0, 3.0, 4.0]), made.value_trial(1, [9.0])]
    stop = EarlyStop(rule="patience", limit=1, best=0, value=4.0, since=1)
    found = findings(made.value_study(trials, goal=9, stop=stop))
    assert found[1] == "Stopped early, ahead of #0 at the same report: #1. With more training, it might lead."


def test_the_page_of_another_trainer_has_no_recipe_no_data_and_no_test_set() -> None:
    page = handmade_report.report(made.halved_values(), sections=Sections(commands=HERE), pictures=())
    assert page.title == "12 trials of ridge.py:Trainer"
    assert page.about == "2 hyperparameters of the search space ridge, searched in 114 s, 2 trainings at a time."
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
