from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mnist_bench.comparison.sides import side_of
from mnist_bench.studies import record as records
from search.errors import StudyNotFoundError, UsageError
from support import handmade

HERE = Path("results")


def test_a_study_is_represented_by_its_best_trial_if_one_is_complete() -> None:
    side = side_of(handmade.mixed(), HERE)
    assert side.run is not None
    assert (side.label, side.is_study, side.run.label, side.run.errors, side.run.images) == (
        "conv-0", True, "conv-0/1", 5, handmade.IMAGES
    )  # fmt: skip
    assert [run.trial for run in side.runs] == [0, 1, 2, 3, 4, 7]
    assert side_of(handmade.study([handmade.trial(0, periods=1)]), HERE).run is None
    other = side_of(handmade.value_study([handmade.value_trial(0, [0.1, 0.2, 0.3, 0.4])]), HERE)
    assert other.run is not None
    assert (other.kind.of_nets, other.run.record, other.run.images, other.run.errors) == (False, None, None, None)
    assert other.run.value == 0.4


@pytest.mark.parametrize("file", ["some.json", "winner/RECORD.json"])
def test_a_record_and_the_export_that_holds_it_are_one_run_with_its_images(file: str, tmp_path: Path) -> None:
    written = tmp_path / file
    written.parent.mkdir(exist_ok=True)
    study = handmade.mixed()
    written.write_text(json.dumps(records.to_json(records.record_of(study, study.trials[1]))))
    target = written.parent if written.name == "RECORD.json" else written
    side = side_of(target, HERE)
    assert side.run is not None
    assert (side.label, side.study, side.run.trial, len(side.runs)) == (str(target), None, 1, 1)
    assert (side.run.errors, side.run.images) == (5, handmade.IMAGES)


@pytest.mark.parametrize("name", ["finished", "finished/6"])
def test_a_study_is_found_by_its_name_and_by_its_folder_on_another_machine(name: str, canned_studies: Path) -> None:
    here, elsewhere = side_of(name, canned_studies), side_of(f"{canned_studies}/{name}", HERE)
    assert here.run is not None
    assert elsewhere.run is not None
    assert here.is_study == elsewhere.is_study == (name == "finished")
    assert (here.run.trial, here.run.curve) == (elsewhere.run.trial, elsewhere.run.curve)
    assert elsewhere.label == f"{canned_studies}/{name}"


@pytest.mark.parametrize(
    ("target", "error", "words"),
    [
        ("", UsageError, "cannot name a study"),
        ("missing.json", UsageError, r"missing\.json: cannot be read"),
        ("finished/99", StudyNotFoundError, "finished has no trial 99"),
        ("finished/x", UsageError, "cannot name a study"),
        ("empty", StudyNotFoundError, "No study empty"),
        ("./empty/..", UsageError, r"empty/\.\.: holds neither a study nor a RECORD\.json"),
    ],
)
def test_what_cannot_be_compared_is_named(
    target: str,
    error: type[Exception],
    words: str,
    canned_studies: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    with pytest.raises(error, match=words):
        side_of(target, canned_studies)


def test_runs_of_one_configuration_and_seed_are_the_same_training() -> None:
    study = handmade.mixed()
    twin = replace(study, trials=(replace(study.trials[1], number=5), replace(study.trials[1], seed=7)))
    first = side_of(study, HERE).runs[1]
    same, other = side_of(twin, HERE).runs
    assert first.identity == same.identity != other.identity
