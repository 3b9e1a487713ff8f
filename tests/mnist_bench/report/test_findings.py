"""The findings of a report: what is best, how certain that is, and never one winner where several tie."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.experiments import confirmed_table
from mnist_bench.leaderboard.ranking import leaderboard_of
from mnist_bench.next_commands import NextCommands
from mnist_bench.report.commands import commands_for_values
from mnist_bench.report.findings import Section, Sections, findings, of_result, sections_of
from search.event_log.records import EarlyStop
from search.study.studies import StoredStudy
from support import experiments, handmade, handmade_report
from support.experiments import PATH, keep
from support.handmade_report import HERE

RIDGE = NextCommands(study="ridge-0")
CONFIRMED = Section(key="confirmed", title="", lines=("Selected: trial 0.", "More."), leads=True)
RACED = replace(CONFIRMED, leads=False)
FRONT = Section(key="front", title="", lines=("Test accuracy from 98 to 99%.", "More."), leads=True)


def said(study: StoredStudy, *judged: Section, outdated: bool = False) -> list[str]:
    """Return the findings about a study that was judged."""
    sections = Sections(judged=judged, outdated=outdated, commands=NextCommands(study=study.name))
    return [*findings(leaderboard_of(study).studies[0], sections)]


def complete(*wrong: range, parameters: tuple[int, ...] = (), **parts: Any) -> StoredStudy:
    """Return a study of complete trials with these wrong images and sizes; their reports have these parts."""
    sizes = parameters or (61_234,) * len(wrong)
    shapes = enumerate(zip(wrong, sizes, strict=True))
    trials = [handmade.trial(n, images, facts={"parameters": size, "macs": 2 * size}) for n, (images, size) in shapes]
    return handmade.study([handmade.with_reports(trial, **parts) for trial in trials])


def pruned(budget: int) -> StoredStudy:
    return handmade.study([handmade.trial(0, range(9), periods=1)], budget=budget)


# Wilson: (0.995 + 0.0019207 ± 1.95996 * sqrt(0.995 * 0.005 / 1000 + 0.96036 / 1e6)) / 1.0038415
RIGHT = "gets 99.50% of the 1,000 validation images right (95% interval 98.83 to 99.79%)"
TIED = "Two trials tie for the best so far, 99.40 to 99.50%; the cheapest is trial 0 with 900k MACs."
UNCONFIRMED = "Nothing is confirmed yet: the first of "
SAVED = "Pruning saved 5 of 6 epochs."


@pytest.mark.parametrize(
    ("study", "found"),
    [
        (
            handmade.mixed(),
            [
                TIED,
                f"The first of 3 complete trials, trial 1, {RIGHT}. It is not significantly different from trial 0 "
                "(McNemar's test on the same images, Holm-corrected, 5% level).",
                "The search was stopped before its trial budget: 6 of 7 trials have ended, and the next may be better.",
                f"{UNCONFIRMED}6 trials on one validation set is also the luckiest. `mnist-bench confirm conv-0` "
                "retrains the best with fresh seeds, then evaluates once on the test set.",
                "Pruning saved 8 of 36 epochs.",
            ],
        ),
        (handmade.mixed(live=True), [TIED, "", "The search is still running: 6 of 7", UNCONFIRMED, "Pruning"]),
        (complete(range(5)), [f"Trial 0 is the only complete trial: it {RIGHT}.", UNCONFIRMED]),
        (
            complete(range(5), range(100, 160)),
            [
                f"Trial 0 is the best of 2 complete trials: it {RIGHT}.",
                "Each other complete trial (1) is significantly worse (McNemar",
                UNCONFIRMED,
            ],
        ),
        (
            complete(range(5), range(9), details={}),
            [
                "Trial 0 is the best of 2 complete trials",
                "Which images each trial got right was not kept, so no test can compare it with the others.",
                UNCONFIRMED,
            ],
        ),
        (
            complete(*[range(5)] * 8),
            [
                "Eight trials tie for the best, 99.50% each, with 122k MACs each.",
                f"The first of 8 complete trials, trial 0, {RIGHT}. It is not significantly different from trials 1, "
                "2, 3, 4, 5 and 2 more (McNemar",
                UNCONFIRMED,
            ],
        ),
        (
            complete(range(5), range(6), range(7), parameters=(90_000, 25_800, 61_000)),
            [
                "Three trials tie for the best, 99.30 to 99.50%; the cheapest is trial 1 with 51.6k MACs.",
                f"The first of 3 complete trials, trial 0, {RIGHT}. It is not significantly different from trials 1 "
                "and 2 (McNemar",
                UNCONFIRMED,
            ],
        ),
        (
            handmade.two_objectives(),
            [
                "Three trials make the Pareto front of accuracy and MACs: from 96.00% on 50 MACs to 99.50% on 200",
                "Two trials tie for the best, 99.40 to 99.50%; the cheapest is trial 1 with 200 MACs.",
                "The first of 5 complete trials, trial 1,",
                "Stopped early, ahead of #1 at the same epoch: #3.",
                UNCONFIRMED,
                "Pruning",
            ],
        ),
        (pruned(5), ["No trial is complete yet, so there is no best one: 1 of 5 trials have ended.", SAVED]),
        (pruned(1), ["No trial is complete, so there is no best one: 1 of 1 trials have ended.", SAVED]),
        (
            handmade.ended_early(),
            [
                "Trial 0 is the only complete trial: it gets 99.00%",
                "Stopped early, ahead of #0 at the same epoch: #2, #1. With more training, one of them might lead.",
                "Stopped early by --patience 3: 3 trials ended since #0 (99.00%), and none was better. 4 of 9 trials "
                "have ended.",
                UNCONFIRMED,
                "Pruning",
            ],
        ),
    ],
)
def test_the_best_nets_come_first_then_how_certain_their_ranks_are(study: StoredStudy, found: list[str]) -> None:
    sentences = said(study)
    for sentence, beginning in zip(sentences, found, strict=True):
        assert sentence.startswith(beginning)
    assert not any("winner" in sentence or "won" in sentence.split() for sentence in sentences)


def values(*values: float, **more: Any) -> StoredStudy:
    """Return a study of complete trials with these values; `more` is for `handmade.value_study`."""
    return handmade.value_study([handmade.value_trial(n, [value] * 4) for n, value in enumerate(values)], **more)


def stopped(rule: str, limit: float, best: int, value: float, since: int) -> EarlyStop:
    return EarlyStop(rule=rule, limit=limit, best=best, value=value, since=since)  # type: ignore[arg-type]


LUCK = (
    f"{UNCONFIRMED}2 trials, each with one seed, is also the luckiest. `mnist-bench confirm ridge-0` retrains the best "
    "with fresh seeds."
)
OF_TWO = "Trial 1 is the best of 2 complete trials: it has the highest value, -1."
ONE = [handmade.value_trial(0, [1.0, 2.0, 3.0, 4.0]), handmade.value_trial(1, [9.0])]
COST = [handmade.value_trial(n, [5.0 - 2 * n] * 4, facts={"meters": 300 - 200 * n}) for n in range(2)]


@pytest.mark.parametrize(
    ("study", "found"),
    [
        (values(-3, -1), [OF_TWO, LUCK]),
        (
            values(-3, -1, settings={"direction": "minimize"}),
            ["Trial 0 is the best of 2 complete trials: it has the lowest value, -3.", LUCK],
        ),
        (values(-3, settings={"objective": "score"}), ["Trial 0 is the only complete trial: its score is -3."]),
        (
            handmade.value_study(ONE[1:], budget=2),
            [
                "No trial is complete yet, so there is no best one: 1 of 2 trials have ended.",
                "Pruning saved 3 of 4 reports.",
            ],
        ),
        (
            values(-3, -1, budget=9, stop=stopped("target", -1.0, 1, -1.0, 0)),
            [OF_TWO, "Stopped early by --target -1: #1 reached -1. 2 of 9 trials have ended.", LUCK],
        ),
        (
            handmade.value_study(COST, {"objective": ["speed", "meters"]}),
            [
                "Trial 0 is the best of 2 complete trials: it has the highest speed, 5.",
                "Two trials make the Pareto front of speed and meters: 3 at 100 meters to 5 at 300 meters.",
                LUCK,
            ],
        ),
        (
            handmade.value_study(ONE, budget=9, stop=stopped("patience", 1, 0, 4.0, 1)),
            [
                "Trial 0 is the only complete trial: its value is 4.",
                "Stopped early, ahead of #0 at the same report: #1. With more training, it might lead.",
                "Stopped early by --patience 1: 1 trial ended since #0 (4), and none was better. 2 of 9 trials have "
                "ended.",
                LUCK,
                "Pruning saved 3 of 8 reports.",
            ],
        ),
    ],
)
def test_the_best_value_comes_first_then_what_to_make_of_it(study: StoredStudy, found: list[str]) -> None:
    assert said(study) == found


@pytest.mark.parametrize(
    ("sentences", "beginnings", "advised"),
    [
        (
            said(handmade.mixed(), CONFIRMED),
            ["Selected: trial 0.", "In the search itself, each trial had one seed and was ranked by its", TIED],
            False,
        ),
        # Without a test it stands where the advice to confirm would.
        (said(handmade.mixed(), RACED)[:1] + said(handmade.mixed(), RACED)[3:4], [TIED, "Selected: trial 0."], False),
        (said(handmade.two_objectives(), FRONT), [FRONT.lines[0]], False),
        (
            said(handmade.two_objectives(), replace(FRONT, leads=False), outdated=True),
            ["Three trials make the Pareto front", "", "", "Stopped early", FRONT.lines[0], UNCONFIRMED],
            True,
        ),
        (said(values(-3, -1), RACED), [OF_TWO, "Selected: trial 0."], False),
        (said(values(-3, -1), RACED, outdated=True), [OF_TWO, "Selected: trial 0.", LUCK], True),
    ],
)
def test_a_confirmation_leads_where_the_test_set_was_used_and_of_the_study_as_it_is_ends_the_advice(
    sentences: list[str], beginnings: list[str], advised: bool
) -> None:
    for sentence, beginning in zip(sentences, beginnings, strict=False):
        assert sentence.startswith(beginning)
    assert any(sentence.startswith(UNCONFIRMED) for sentence in sentences) == advised


def test_the_page_of_another_trainer_has_no_recipe_no_data_and_no_test_set() -> None:
    page = handmade_report.report(handmade.halved_values(), sections=Sections(commands=RIDGE), pictures=())
    assert page.title == "12 trials of ridge.py:Trainer"
    assert page.about == "2 hyperparameters of the search space ridge, searched in 114 s, 2 trainings at a time."
    assert (page.chosen and page.chosen.number, page.recipe) == (11, None)
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
    section, earlier = of_result(FOUND, FOUND.digest, HERE), of_result(FOUND, "other", HERE)
    sentence = confirmed_table.finding(FOUND, HERE)
    assert section.lines == (sentence, "conv-0: 3 configurations with 8 fresh seeds each.")
    assert earlier.lines[0] == f"{sentence} {SINCE}"
    assert section.table is not None
    assert section.table.texts() == confirmed_table.table_of(FOUND, HERE).texts()
    closed = of_result(CLOSED, CLOSED.digest, HERE)
    assert [each.leads for each in (section, closed, earlier)] == [True, False, False]


def test_what_lies_in_the_folder_is_read_and_of_an_earlier_study_does_not_lead(folder: Path) -> None:
    study = handmade.mixed()
    assert sections_of(study) == Sections(commands=HERE)
    keep(CLOSED, folder)
    assert (sections_of(study).tested, sections_of(study).winner) == (None, 1)
    keep(FOUND, folder)
    keep(PATH, folder)
    sections = sections_of(study)
    assert (sections.winner, sections.judged, sections.outdated) == (1, (sections.tested,), False)
    assert sections.retrained
    assert sections.ablation is not None
    assert sections.ablation.lines[0].startswith("conv-0: from linear to #1, 77.0 → 48.0 validation errors of 1,000")
    further = replace(study, trials=(*study.trials, handmade.trial(7, range(3))), totals=(8,))
    sections = sections_of(further)
    assert (sections.winner, sections.tested, sections.outdated) == (None, None, True)
    assert said(further, *sections.judged, outdated=True)[3].endswith(SINCE)


def test_advised_commands_name_the_users_net_and_where_the_study_is(folder: Path) -> None:
    study = handmade.mixed()
    elsewhere = handmade.kept_in(Path("my runs"), study)
    assert sections_of(elsewhere).commands.line("confirm") == "mnist-bench confirm conv-0 --results 'my runs'"
    own = handmade.changed(study, space={"settings": {"net_code": f"nets.py:small {64 * 'a'}"}})
    assert sections_of(own).commands.line("confirm") == "mnist-bench confirm conv-0 --net nets.py:small"
