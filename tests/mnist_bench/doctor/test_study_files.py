"""What the check-up of a study's files makes of what commands left there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.doctor import study_files
from mnist_bench.experiments.confirm import results as confirmed
from mnist_bench.studies import sealed_json
from search.study.location import StudyLocation
from search.study.studies import StoredStudy
from support import handmade, handmade_confirmation

FOUND = [
    ("confirm", "confirm/confirm.json"),
    ("confirm --front", "confirm/front.json"),
    ("ablate", "ablation/ablation.json"),
    ("record 17-0", "confirm/records/17-0.json"),
]


@pytest.fixture
def place(tmp_path: Path) -> StudyLocation:
    return StudyLocation.of("conv-0", tmp_path / "my results")


@pytest.mark.parametrize(("about", "name"), FOUND)
def test_what_a_newer_version_found_is_left_alone(place: StudyLocation, about: str, name: str) -> None:
    write({"schema_version": 2, "later": 1}, place.folder / name)
    (finding,) = study_files.found_by_commands(place.folder)
    assert (finding.about, finding.severity, finding.mend) == (about, "note", None)
    assert finding.text.startswith(f"a newer mnist-bench wrote {name}, ")
    assert "does not change them" in finding.advice


@pytest.mark.parametrize(("about", "name"), FOUND)
def test_what_is_damaged_is_to_be_removed(place: StudyLocation, about: str, name: str) -> None:
    write({}, place.folder / name)
    (finding,) = study_files.found_by_commands(place.folder)
    assert (finding.about, finding.severity) == (about, "problem")
    assert finding.advice == "Move the file away; the command writes it again."


def test_a_damaged_record_of_a_confirmation_that_is_kept_is_not_made_again(place: StudyLocation) -> None:
    write({}, place.folder / "confirm/records/17-0.json")
    place.files.confirm.result.write_text("{}")
    finding = [*study_files.found_by_commands(place.folder)][-1]
    assert (finding.about, finding.severity) == ("record 17-0", "problem")
    assert finding.advice.startswith("Restore a copy of it: ")


def test_the_command_that_trains_a_damaged_net_again_finds_the_study(place: StudyLocation) -> None:
    net = place.files.confirm.net_of(17, 0)
    net.parent.mkdir(parents=True)
    net.write_bytes(b"torn")
    (finding,) = study_files.confirmed_nets(StoredStudy.of(handmade.mixed(), place))
    command = f"`mnist-bench confirm conv-0 --results '{place.folder.parent}'`"
    assert finding.advice.endswith(f"; then {command} retrains such a network, bit for bit.")


def test_confirmed_nets_that_are_gone_are_told_with_the_command_that_trains_them_again(place: StudyLocation) -> None:
    files, study = place.files.confirm, handmade.mixed()
    files.records.mkdir(parents=True)
    confirmed.save(handmade_confirmation.found(top=3), place.folder)
    handmade_confirmation.write_records(files)
    for seed in range(1, 8):
        files.net_of(1, seed).touch()
    told = list(study_files.confirmed_nets(StoredStudy.of(study, place)))[-1]
    assert (told.about, told.severity, told.text) == (
        "confirmed networks",
        "note",
        "not there: confirm/1-seed-0.safetensors.",
    )
    command = f"`mnist-bench confirm conv-0 --top 3 --results '{place.folder.parent}'`"
    assert told.advice == f"{command} retrains such a network, bit for bit."
    files.result.write_text("{")
    assert all(finding.severity != "note" for finding in study_files.confirmed_nets(StoredStudy.of(study, place)))


def write(values: Mapping[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True)
    sealed_json.write(values, path)
