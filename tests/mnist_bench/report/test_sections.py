from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mnist_bench.config.json import to_json
from mnist_bench.config.settings import TrainConfig
from mnist_bench.experiments.ablation import path as ablation
from mnist_bench.experiments.ablation.path import Ablation, Measured, Step
from mnist_bench.experiments.confirm import results as confirmed
from mnist_bench.experiments.confirm.results import Confirmed, Final, RaceCandidate
from mnist_bench.leaderboard.board import leaderboard_of
from mnist_bench.report import sections as report_sections
from mnist_bench.report.findings import findings
from support import handmade
from support.handmade_report import HERE

CANDIDATE = RaceCandidate(
    number=1, parameters=61_234, macs=2_100_000, search_accuracy=0.995, search_epochs=6, complete=True, errors=(6, 8)
)
RACE = Confirmed(
    study="conv-0", digest="d", top=3, budget=None, seconds=60.0, train_images=5000, validation_images=1000,
    test_images=1000, seeds=2, cut=True, winner=1, cheapest=0, leader=None, least=None, earlier=(),
    finals=(Final(number=1, errors=(40, 42)),),
    candidates=(
        CANDIDATE,
        replace(CANDIDATE, number=0, errors=(7, 9), macs=1000),
        replace(CANDIDATE, number=2, errors=(60,), dropped_after=1, p_value=0.0012),
    ),
)  # fmt: skip
START = Measured(config=to_json(TrainConfig()), errors=(76, 78), parameters=7850, macs=7840, seconds=1.0)
STEP = Step(
    groups=("batchnorm",), change="batchnorm none → after", after=replace(START, errors=(50, 46)), tried=(),
    waiting=(), fewer=29.0, low=21.0, high=37.0,
)  # fmt: skip
PATH = Ablation(
    question="q", study="conv-0", trial=1, baseline="linear", images=1000, seeds=(0, 1), start=START, steps=(STEP,)
)


def test_the_confirmation_tells_figures_ties_and_where_the_budget_ended_it() -> None:
    section = report_sections.of_race(RACE, "d", HERE)
    # Two seeds: mean 0.959, 0.0014142 / sqrt(2) is 0.001; Student's quantile with one degree of freedom is 12.706.
    assert section.lines[0] == (
        "Selected: trial 1, 95.90% test accuracy (mean of 2 seeds, 95% CI [94.63, 97.17]), statistically tied with "
        "trial 0. Cheapest of the two: trial 0, 1k MACs and 61.2k parameters."
    )
    assert section.lines[1] == "conv-0: 3 configurations raced with up to 2 fresh seeds in 60 s."
    assert section.table is not None
    assert (
        "= not significantly worse than #1 (paired t-tests over seeds, each pair by its own differences, with one "
        "variance for those that vary alike; Holm-corrected, 5% level): #0." in section.table.footnotes
    )
    assert any(line.startswith("The budget ended the race after 2 seeds") for line in section.table.footnotes)
    assert any(line.startswith("In the search #1 had 99.50%, with fresh") for line in section.table.footnotes)
    assert [texts[:2] + texts[3:5] for texts in section.table.texts()] == [
        ["#1", "2", "7.0", "selected (tied)"],
        ["#0", "2", "8.0", "="],
        ["#2", "1", "60.0", "dropped after 1 seed (p = 0.0012)"],
    ]


LED = replace(RACE, seeds=1, winner=None, leader=1, cheapest=None, finals=(), test_images=0, least=110.0)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a study, in the default one for results."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPTUNA_STORAGE", raising=False)
    made = Path("results/conv-0")
    made.mkdir(parents=True)
    return made


@pytest.mark.parametrize(
    ("race", "line"),
    [
        (
            LED,
            "Not confirmed, because no test was made: trial 1 leads with one fresh seed. "
            "`mnist-bench confirm conv-0 --top 3 --budget 110s` continues, then evaluates once on the test set.",
        ),
        (
            replace(RACE, seeds=1, winner=None, leader=1, cheapest=None),
            "Not confirmed, because no test was made: trial 1 led with one fresh seed; the configuration of trial 1 "
            "gets 95.90% [94.63, 97.17] of the test images right (mean of 2 fresh seeds).",
        ),
        (
            replace(RACE, finals=(), test_images=0),
            "Selected with fresh seeds: trial 1, not evaluated on the test set yet. "
            "`mnist-bench confirm conv-0 --top 3` evaluates it once.",
        ),
    ],
)
def test_what_is_not_confirmed_is_not_called_so(folder: Path, race: Confirmed, line: str) -> None:
    assert report_sections.of_race(race, "d", HERE).lines[0] == line
    (folder / "confirm").mkdir()
    confirmed.save(race, folder)
    sections = report_sections.read(handmade.mixed())
    assert sections.confirmed is None
    assert sections.raced is not None
    assert sections.winner is None, "of the study as it is now"
    assert sections.raced.lines[0].endswith("the race is of its earlier state.")


def test_a_study_searched_further_is_told() -> None:
    since = "The study was searched further since; the confirmation is of its earlier state."
    assert report_sections.of_race(RACE, "other", HERE).lines[0].endswith(f" {since}")


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
    (folder / "confirm").mkdir()
    confirmed.save(replace(RACE, digest=study.digest), folder)
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
    for part in ("confirm", "ablation"):
        (folder / part).mkdir()
    race = replace(RACE, digest=study.digest)
    confirmed.save(race, folder)
    ablation.save(PATH, folder)
    sections = report_sections.read(study)
    assert sections.winner == 1
    assert sections.tested == sections.confirmed
    found = (sections.confirmed, sections.ablation)
    made = (
        report_sections.of_race(race, study.digest, HERE),
        report_sections.of_ablation(PATH),
    )
    assert [part and part.lines for part in found] == [part.lines for part in made]
    assert [part and part.table and part.table.texts() for part in found] == [
        part.table and part.table.texts() for part in made
    ]


def test_advised_commands_name_the_users_net_and_where_the_study_is(folder: Path) -> None:
    study = handmade.mixed()
    space = {
        **study.spec["space"],
        "settings": {**study.spec["space"]["settings"], "net_code": f"nets.py:small {64 * 'a'}"},
    }
    own = replace(study, spec={**study.spec, "space": space})
    assert report_sections.read(own).commands.line("confirm") == "mnist-bench confirm conv-0 --net nets.py:small"
    assert report_sections.read(study).commands == HERE
    elsewhere = handmade.kept_in(Path("my runs"), study, "sqlite:///team.db")
    place = "--results 'my runs' --storage sqlite:///team.db"
    assert report_sections.read(elsewhere).commands.line("confirm") == f"mnist-bench confirm conv-0 {place}"
