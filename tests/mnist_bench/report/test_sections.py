from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mnist_bench.experiments import ablation as ablation, confirmed as confirmed, confirmed_table as result_tables
from mnist_bench.leaderboard.ranking import leaderboard_of
from mnist_bench.report import sections as report_sections, test_results
from mnist_bench.report.findings import findings
from support import experiments, handmade
from support.experiments import PATH
from support.handmade_report import HERE

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


def test_the_confirmation_has_a_sentence_and_a_table() -> None:
    section = report_sections.of_result(FOUND, FOUND.digest, HERE)
    sentence = test_results.sentence_of_selected(FOUND)
    assert section.lines == (sentence, "conv-0: 3 configurations with 8 fresh seeds each.")
    assert section.table is not None
    assert section.table.texts() == result_tables.table_of(FOUND, HERE).texts()
    assert report_sections.of_result(FOUND, "other", HERE).lines[0] == f"{sentence} {SINCE}"


def test_a_configuration_that_was_not_tested_is_selected_and_no_more(folder: Path) -> None:
    line = (
        "Selected with fresh seeds: trial 1, not evaluated on the test set yet. "
        "`mnist-bench confirm conv-0` evaluates it once."
    )
    assert report_sections.of_result(CLOSED, CLOSED.digest, HERE).lines[0] == line
    confirmed.save(CLOSED, folder)
    sections = report_sections.read(handmade.mixed())
    assert (sections.confirmed, sections.winner) == (None, 1)
    confirmed.save(replace(CLOSED, digest="other"), folder)
    sections = report_sections.read(handmade.mixed())
    assert (sections.confirmed, sections.winner) == (None, None), "of the study as it is now"
    assert sections.retrained is not None
    assert sections.retrained.lines[0] == f"{line} {SINCE}"


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
    confirmed.save(FOUND, folder)
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
    confirmed.save(FOUND, folder)
    ablation.save(PATH, folder)
    sections = report_sections.read(study)
    assert (sections.winner, sections.tested) == (1, sections.confirmed)
    made = (report_sections.of_result(FOUND, study.digest, HERE), report_sections.of_ablation(PATH))
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
