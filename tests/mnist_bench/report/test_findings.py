"""The findings of a report: what is best, how certain that is, and never one winner where several tie."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mnist_bench.experiments import confirmed_table
from mnist_bench.leaderboard.ranking import leaderboard_of
from mnist_bench.next_commands import NextCommands
from mnist_bench.report.commands import commands_for_values
from mnist_bench.report.findings import Section, Sections, findings, of_result, sections_of
from search.event_log.records import EarlyStop, StudyRecord, TrialRecord
from search.study.studies import StoredStudy
from support import experiments, handmade, handmade_report
from support.experiments import PATH, keep
from support.handmade_report import HERE

CONFIRMED = Section(key="confirmed", title="", lines=("Selected: trial 0.", "More."), leads=True)
FRONT = Section(key="front", title="", lines=("Test accuracy from 98 to 99%.", "More."), leads=True)


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
            handmade.study([handmade.trial(0, range(9), periods=1)], budget=5),
            "No trial is complete yet, so there is no best one: 1 of 5 trials have ended.",
            "Pruning saved 5 of 6 epochs.",
        ),
        (
            handmade.study([handmade.trial(0, range(9), periods=1)], budget=1),
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
    found = sentences(handmade.mixed(), Sections(judged=(replace(CONFIRMED, leads=False),), commands=HERE))
    assert found[0].startswith("Two trials tie")
    assert "Selected: trial 0." in found
    assert not any("confirmed yet" in sentence for sentence in found)


def test_what_was_confirmed_comes_before_the_ties() -> None:
    sections = Sections(winner=0, judged=(CONFIRMED,), commands=HERE)
    found = sentences(handmade.mixed(), sections)
    assert found[:2] == (
        "Selected: trial 0.",
        "In the search itself, each trial had one seed and was ranked by its accuracy on 1,000 validation images.",
    )
    assert found[2].startswith("Two trials tie")
    assert not any("confirmed yet" in sentence for sentence in found)


def test_a_front_on_the_test_images_comes_first_and_one_of_an_earlier_state_does_not() -> None:
    current = Sections(judged=(FRONT,), commands=HERE)
    assert sentences(handmade.two_objectives(), current)[0] == FRONT.lines[0]
    earlier = sentences(
        handmade.two_objectives(), Sections(judged=(replace(FRONT, leads=False),), outdated=True, commands=HERE)
    )
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


RIDGE = NextCommands(study="ridge-0")
NOTHING = Sections(commands=RIDGE)
LUCK = (
    "Nothing is confirmed yet: the first of 2 trials, each with one seed, is also the luckiest. `mnist-bench confirm "
    "ridge-0` retrains the best with fresh seeds."
)


def told(study: StoredStudy, sections: Sections = NOTHING) -> list[str]:
    return [*findings(study, leaderboard_of(study), sections)]


def values(*values: float) -> list[TrialRecord]:
    return [handmade.value_trial(number, [value] * handmade.VALUE_PERIODS) for number, value in enumerate(values)]


STOP = EarlyStop(rule="target", limit=-1.0, best=1, value=-1.0, since=0)
COST = [
    handmade.value_trial(n, [value] * 4, facts={"meters": meters})
    for n, (value, meters) in enumerate([(5.0, 300), (3.0, 100)])
]


@pytest.mark.parametrize(
    ("study", "finding"),
    [
        (
            handmade.value_study(values(-3, -1)),
            ["Trial 1 is the best of 2 complete trials: it has the highest value, -1.", LUCK],
        ),
        (
            handmade.value_study(values(-3, -1), {"direction": "minimize"}),
            ["Trial 0 is the best of 2 complete trials: it has the lowest value, -3.", LUCK],
        ),
        (
            handmade.value_study(values(-3), {"objective": "score"}),
            ["Trial 0 is the only complete trial: its score is -3."],
        ),
        (
            handmade.value_study([handmade.value_trial(0, [1.0])], budget=2),
            [
                "No trial is complete yet, so there is no best one: 1 of 2 trials have ended.",
                "Pruning saved 3 of 4 reports.",
            ],
        ),
        (
            handmade.value_study([handmade.value_trial(0, [1.0])]),
            [
                "No trial is complete, so there is no best one: 1 of 1 trials have ended.",
                "Pruning saved 3 of 4 reports.",
            ],
        ),
        (
            handmade.value_study(values(-3, -1), budget=9, stop=STOP),
            [
                "Trial 1 is the best of 2 complete trials: it has the highest value, -1.",
                "Stopped early by --target -1: #1 reached -1. 2 of 9 trials have ended.",
                LUCK,
            ],
        ),
        (
            handmade.value_study(values(-3, -1), budget=9),
            [
                "Trial 1 is the best of 2 complete trials so far: it has the highest value, -1.",
                "The search was stopped before its trial budget: 2 of 9 trials have ended, and the next may be better.",
                LUCK,
            ],
        ),
        (
            handmade.value_study(values(-3, -1), budget=9, live=True),
            [
                "Trial 1 is the best of 2 complete trials so far: it has the highest value, -1.",
                "The search is still running: 2 of 9 trials have ended, and the next may be better.",
                LUCK,
            ],
        ),
        (
            handmade.value_study(COST, {"objective": ["speed", "meters"]}),
            [
                "Trial 0 is the best of 2 complete trials: it has the highest speed, 5.",
                "Two trials make the Pareto front of speed and meters: 3 at 100 meters to 5 at 300 meters.",
                LUCK,
            ],
        ),
    ],
)
def test_the_best_trial_comes_first_then_what_to_make_of_it(study: StoredStudy, finding: list[str]) -> None:
    assert told(study) == finding


def test_a_race_stands_where_the_advice_to_confirm_would_unless_the_study_was_searched_further() -> None:
    retrained = Sections(judged=(Section(key="confirmed", title="", lines=("Raced.", "More.")),), commands=RIDGE)
    assert told(handmade.value_study(values(-3, -1)), retrained)[1:] == ["Raced."]
    assert told(handmade.value_study(values(-3, -1)), replace(retrained, outdated=True))[1:] == ["Raced.", LUCK]


def test_trials_that_were_ahead_when_they_were_pruned_are_named() -> None:
    trials = [handmade.value_trial(0, [1.0, 2.0, 3.0, 4.0]), handmade.value_trial(1, [9.0])]
    stop = EarlyStop(rule="patience", limit=1, best=0, value=4.0, since=1)
    found = told(handmade.value_study(trials, budget=9, stop=stop))
    assert found[1] == "Stopped early, ahead of #0 at the same report: #1. With more training, it might lead."


def test_the_page_of_another_trainer_has_no_recipe_no_data_and_no_test_set() -> None:
    page = handmade_report.report(handmade.halved_values(), sections=Sections(commands=RIDGE), pictures=())
    assert page.title == "12 trials of ridge.py:Trainer"
    assert page.about == "2 hyperparameters of the search space ridge, searched in 114 s, 2 trainings at a time."
    assert page.chosen is not None
    assert page.recipe is None
    assert [*page.facts] == ["search", "trainer", "numerics", "versions"]


def test_the_commands_show_the_space_and_repeat_the_chosen_trial() -> None:
    space = {"mnist-bench show ridge-0 --space > space.yaml": "the space that was searched, as a file"}
    assert commands_for_values(RIDGE, None) == space
    known = NextCommands(study="ridge-0", own_code=("--trainer", "ridge.py:Trainer"))
    assert commands_for_values(known, handmade.value_trial(7, [1.0])) == {
        **space,
        "mnist-bench reproduce ridge-0/7 --trainer ridge.py:Trainer": (
            "trains #7 again with your own trainer, in the folder of its file, and compares it bit for bit"
        ),
    }


FOUND = experiments.found()
CLOSED = replace(FOUND, finals=(), test_images=0)
SINCE = "The study was searched further since; the confirmation is of its earlier state."


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a study, in the default one for results, with folders for a confirmation and an ablation."""
    monkeypatch.chdir(tmp_path)
    for part in ("confirm", "ablation"):
        Path("results/conv-0", part).mkdir(parents=True)
    return Path("results/conv-0")


def test_a_confirmation_is_a_sentence_and_a_table_and_leads_where_the_test_set_was_used() -> None:
    section = of_result(FOUND, FOUND.digest, HERE)
    sentence = confirmed_table.finding(FOUND, HERE)
    assert section.lines == (sentence, "conv-0: 3 configurations with 8 fresh seeds each.")
    assert section.table is not None
    assert section.table.texts() == confirmed_table.table_of(FOUND, HERE).texts()
    earlier = of_result(FOUND, "other", HERE)
    assert earlier.lines[0] == f"{sentence} {SINCE}"
    assert [each.leads for each in (section, of_result(CLOSED, CLOSED.digest, HERE), earlier)] == [True, False, False]


def test_a_confirmation_of_what_the_study_was_before_does_not_lead_its_report(folder: Path) -> None:
    study = handmade.mixed()
    keep(FOUND, folder)
    assert not sections_of(study).outdated
    further = replace(study, trials=(*study.trials, handmade.trial(7, range(3))), totals=(8,))
    sections = sections_of(further)
    assert (sections.winner, sections.tested, sections.outdated) == (None, None, True)
    said = list(findings(further, leaderboard_of(further), sections))
    (then,) = [sentence for sentence in said if sentence.startswith("Selected: trial 1")]
    assert then.endswith(SINCE)
    assert said.index(then) > 0
    assert any(sentence.startswith("Nothing is confirmed yet") for sentence in said)


def test_what_lies_in_the_folder_is_read(folder: Path) -> None:
    study = handmade.mixed()
    assert sections_of(study) == Sections(commands=HERE)
    keep(CLOSED, folder)
    assert (sections_of(study).tested, sections_of(study).winner) == (None, 1)
    keep(FOUND, folder)
    keep(PATH, folder)
    sections = sections_of(study)
    assert (sections.winner, sections.judged) == (1, (sections.tested,))
    assert sections.retrained
    assert sections.ablation is not None
    assert sections.ablation.lines[0].startswith("conv-0: from linear to #1, 77.0 → 48.0 validation errors of 1,000")


def test_advised_commands_name_the_users_net_and_where_the_study_is(folder: Path) -> None:
    study = handmade.mixed()
    assert sections_of(study).commands == HERE
    elsewhere = handmade.kept_in(Path("my runs"), study)
    assert sections_of(elsewhere).commands.line("confirm") == "mnist-bench confirm conv-0 --results 'my runs'"
    study.spec["space"]["settings"]["net_code"] = f"nets.py:small {64 * 'a'}"
    assert sections_of(study).commands.line("confirm") == "mnist-bench confirm conv-0 --net nets.py:small"
