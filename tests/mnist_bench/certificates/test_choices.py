"""What the author chose otherwise than the plain command does is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.certificates.certificate import Certificate, certify
from mnist_bench.certificates.choices import sentences
from mnist_bench.data.mnist import DataOptions, load_training_set
from support import certified


def told(certificate: Certificate, folder: Path, **entries: Any) -> list[str]:
    spec = {**certificate.study.spec, **entries}
    data = load_training_set(DataOptions(subset=6000))
    return [*sentences(replace(certificate, study=replace(certificate.study, spec=spec)), data, folder / "none")]


def test_only_the_other_sampler_is_named(certificate: Certificate, tmp_path: Path) -> None:
    assert told(certificate, tmp_path) == [
        "The author chose other options than `mnist-bench search smoke --trials 8`: sampler.name random instead of "
        "curves, space.settings.search.sampler random instead of curves."
    ]


def test_nothing_is_told_of_the_plain_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    location = certified.searched(monkeypatch, tmp_path, receiver="x", sampler=None, trials=2)
    assert told(certify(location), tmp_path) == []


def test_entries_that_would_only_change_the_seed_are_named(certificate: Certificate, tmp_path: Path) -> None:
    spec = certificate.study.spec
    for entries, path in (
        ({"context": {**spec["context"], "nonce": 5}}, "context.nonce 5 instead of -"),
        ({"versions": {**spec["versions"], "nonce": "none"}}, "versions.nonce none instead of -"),
        ({"slots": 4}, "slots 4 instead of 8"),
    ):
        (line,) = told(certificate, tmp_path, **entries)
        assert path in line


def test_another_version_is_told_elsewhere(certificate: Certificate, tmp_path: Path) -> None:
    versions = {**certificate.study.spec["versions"], "torch": "2.12.0"}
    assert "torch" not in "".join(told(certificate, tmp_path, versions=versions))


@pytest.mark.parametrize("name", ["mine", "/etc/passwd", "former/0.1/smoke"])
def test_a_space_of_the_authors_is_named_and_no_file_is_opened(
    certificate: Certificate, tmp_path: Path, name: str
) -> None:
    space = {**certificate.study.spec["space"], "name": name}
    assert told(certificate, tmp_path, space=space) == [f"The author wrote the space {name}."]
