from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mnist_bench.experiments.ablation import path as ablation
from mnist_bench.experiments.confirm import results as confirmed
from mnist_bench.experiments.confirm.results import Confirmed
from mnist_bench.leaderboard.board import leaderboard_of
from mnist_bench.report import sections as report_sections, test_results
from mnist_bench.report.findings import findings
from support import handmade, handmade_confirmation
from support.handmade_ablation import PATH
from support.handmade_report import HERE

RACE = handmade_confirmation.found(cut=True, budget=60.0)
LED = replace(RACE, seeds=1, winner=None, leader=1, cheapest=None, finals=(), test_images=0, least=110.0)
SINCE = "The study was searched further since; the {} is of its earlier state."


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a study, in the default one for results, with folders for a confirmation and an ablation."""
    monkeypatch.chdir(tmp_path)
    for part in ("confirm", "ablation"):
        Path("results/conv-0", part).mkdir(parents=True)
    return Path("results/conv-0")


def test_the_confirmation_tells_figures_ties_and_where_the_budget_ended_it() -> None:
    section = report_sections.of_result(RACE, RACE.digest, HERE)
    assert section.lines == (
        test_results.sentence_of_race(RACE),
        "conv-0: 3 configurations raced with up to 4 fresh seeds in 90 s.",
    )
    assert section.table is not None
    notes = section.table.footnotes
    assert any(
        line.startswith("= not significantly worse than #1 (paired t-") and line.endswith(": #0.") for line in notes
    )
    assert "The budget of 60 s ended the race after 4 seeds; unresolved: #1, #0." in notes
    assert any(line.startswith("In the search #1 had 99.50%, with fresh") for line in notes)
    assert [texts[:2] + texts[3:5] for texts in section.table.texts()] == [
        ["#1", "4", "63.0", "selected (tied)"],
        ["#0", "4", "64.0", "="],
        ["#2", "2", "300.5", "dropped after 2 seeds (p = 0.0012)"],
    ]
    assert (
        report_sections.of_result(RACE, "other", HERE).lines[0] == f"{section.lines[0]} {SINCE.format('confirmation')}"
    )


@pytest.mark.parametrize(
    ("race", "line"),
    [
        (
            LED,
            "Not confirmed, because no test was made: trial 1 leads with one fresh seed. "
            "`mnist-bench confirm conv-0 --budget 110s` continues, then evaluates once on the test set.",
        ),
        (
            replace(RACE, seeds=1, winner=None, leader=1, cheapest=None),
            "Not confirmed, because no test was made: trial 1 led with one fresh seed; the configuration of trial 1 "
            "gets 99.50% [99.48, 99.52] of the test images right (mean of 8 fresh seeds).",
        ),
        (
            replace(RACE, finals=(), test_images=0, least=110.0),
            "Selected with fresh seeds: trial 1, not evaluated on the test set yet. "
            "`mnist-bench confirm conv-0 --budget 110s` evaluates it once.",
        ),
    ],
)
def test_what_is_not_confirmed_is_not_called_so(folder: Path, race: Confirmed, line: str) -> None:
    assert report_sections.of_result(race, race.digest, HERE).lines[0] == line
    confirmed.save(replace(race, digest="other"), folder)
    sections = report_sections.read(handmade.mixed())
    assert (sections.confirmed, sections.winner) == (None, None), "of the study as it is now"
    assert sections.raced is not None
    assert (
        sections.raced.lines[0] == f"{line} {SINCE.format('confirmation' if race.judged and race.finals else 'race')}"
    )


def test_the_ablation_begins_at_the_baseline() -> None:
    section = report_sections.of_ablation(PATH)
    assert section.lines[0].startswith("conv-0: from linear to #1, 77.0 → 48.0 validation errors of 1,000")
    assert section.table is not None
    assert [texts[:3] for texts in section.table.texts()] == [
        ["linear", "77.0", ""],
        ["batchnorm", "48.0", "29.0 [21, 37] "],
    ]


def test_a_confirmation_of_what_the_study_was_before_does_not_lead_its_report(folder: Path) -> None:
    study = handmade.mixed()
    confirmed.save(RACE, folder)
    assert not report_sections.read(study).outdated
    further = replace(study, trials=(*study.trials, handmade.trial(7, range(3))), totals=(8,))
    sections = report_sections.read(further)
    assert (sections.winner, sections.confirmed, sections.tested, sections.outdated) == (None, None, None, True)
    said = list(findings(further, leaderboard_of(further), sections))
    (then,) = [sentence for sentence in said if sentence.startswith("Selected: trial 1")]
    assert "The study was searched further since" in then
    assert said.index(then) > 0
    assert any(sentence.startswith("Nothing is confirmed yet") for sentence in said)


def test_what_lies_in_the_folder_is_read(folder: Path) -> None:
    study = handmade.mixed()
    assert report_sections.read(study) == report_sections.Sections(commands=HERE)
    confirmed.save(RACE, folder)
    ablation.save(PATH, folder)
    sections = report_sections.read(study)
    assert (sections.winner, sections.tested) == (1, sections.confirmed)
    made = (report_sections.of_result(RACE, study.digest, HERE), report_sections.of_ablation(PATH))
    for found, expected in zip((sections.confirmed, sections.ablation), made, strict=True):
        assert found is not None
        assert expected.table is not None
        assert found.table is not None
        assert (found.lines, found.table.texts()) == (expected.lines, expected.table.texts())


def test_advised_commands_name_the_users_net_and_where_the_study_is(folder: Path) -> None:
    study = handmade.mixed()
    assert report_sections.read(study).commands == HERE
    elsewhere = handmade.kept_in(Path("my runs"), study)
    assert report_sections.read(elsewhere).commands.line("confirm") == "mnist-bench confirm conv-0 --results 'my runs'"
    study.spec["space"]["settings"]["net_code"] = f"nets.py:small {64 * 'a'}"
    assert report_sections.read(study).commands.line("confirm") == "mnist-bench confirm conv-0 --net nets.py:small"
