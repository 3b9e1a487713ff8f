"""What the check-up of a study's files makes of what commands left there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.doctor import files as doctor_files
from mnist_bench.studies import sealed_json
from search.study.location import StudyLocation
from support import handmade

FOUND = [
    ("confirm", "confirm/confirm.json"),
    ("confirm --front", "confirm/front.json"),
    ("ablate", "ablation/ablation.json"),
    ("audit", "audit/audit.json"),
    ("record 17-0", "confirm/records/17-0.json"),
]


@pytest.fixture
def place(tmp_path: Path) -> StudyLocation:
    return StudyLocation.of("conv-0", tmp_path / "my results")


@pytest.mark.parametrize(("about", "name"), FOUND)
def test_what_a_newer_version_found_is_left_alone(place: StudyLocation, about: str, name: str) -> None:
    write({"schema_version": 2, "later": 1}, place.folder / name)
    (finding,) = doctor_files.found_by_commands(place.folder)
    assert (finding.about, finding.severity, finding.mend) == (about, "note", None)
    assert finding.text.startswith(f"a newer mnist-bench wrote {name}, ")
    assert "leaves them alone" in finding.advice


@pytest.mark.parametrize(("about", "name"), FOUND)
def test_what_is_damaged_is_to_be_removed(place: StudyLocation, about: str, name: str) -> None:
    write({}, place.folder / name)
    (finding,) = doctor_files.found_by_commands(place.folder)
    assert (finding.about, finding.severity) == (about, "problem")
    assert finding.advice == "Remove the file; the command makes it anew."


def test_the_command_that_trains_a_damaged_net_again_finds_the_study(place: StudyLocation) -> None:
    net = place.files.confirm.net_of(17, 0)
    net.parent.mkdir(parents=True)
    net.write_bytes(b"torn")
    (finding,) = doctor_files.confirmed_nets(handmade.mixed(), place)
    command = f"`mnist-bench train conv-0/N --on all --results '{place.folder.parent}'`"
    assert finding.advice.endswith(f"; {command} trains such a net again.")


def write(values: Mapping[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True)
    sealed_json.write(values, path)
