"""The file of a certificate: what is written is read, and anything else is a sentence."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.certificates import certificate_file, hash_tree
from mnist_bench.certificates.certificate import Certificate
from search import canonical_json
from search.errors import NewerVersionError, SearchError, UsageError

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def file(certificate: Certificate, tmp_path: Path) -> Path:
    path = tmp_path / "alice.json"
    assert certificate_file.write(certificate, path) == path.stat().st_size
    return path


def rewritten(file: Path, change: Change, *, hashed: bool = True) -> Path:
    """Change the values in a file; a forger who is careful makes its hashes anew."""
    values = json.loads(file.read_text())
    change(values)
    if hashed:
        values["log"] = canonical_json.sha256(values["events"])
        values["root"] = hash_tree.root(values["log"], values.get("leaves", []))
    file.write_text(json.dumps(values))
    return file


def test_a_file_is_read_as_it_was_written(certificate: Certificate, file: Path) -> None:
    found = certificate_file.read(file)
    assert (found.root, found.events) == (certificate.root, certificate.events)
    assert len(file.read_text().splitlines()) > len(certificate.events)


def test_whatever_is_written_around_it_counts_for_nothing(certificate: Certificate, file: Path) -> None:
    assert certificate_file.read(rewritten(file, lambda values: None)).root == certificate.root


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_file_that_is_cut_short_is_refused(file: Path, share: float) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UsageError, match=r"alice\.json: not a whole certificate \(it is not JSON: .*`"):
        certificate_file.read(file)


def test_a_file_with_another_byte_is_refused(file: Path) -> None:
    content, draws = file.read_bytes(), random.Random(0)
    for _ in range(40):
        place = draws.randrange(len(content))
        if content[place : place + 1].isspace():
            continue
        other = bytes([content[place] ^ 1])
        file.write_bytes(content[:place] + other + content[place + 1 :])
        with pytest.raises(SearchError, match=r"alice\.json: "):
            certificate_file.read(file)


def test_a_period_with_another_result_is_named(file: Path) -> None:
    def change(values: dict[str, Any]) -> None:
        report = next(event for event in values["events"] if event[0] == "report")
        report[4]["report"]["value"] -= 0.001

    with pytest.raises(UsageError, match=r"\(reporting interval 1 of trial \d is not the one that was hashed\)"):
        certificate_file.read(rewritten(file, change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda values: values.update(root="0" * 64),
            "its root is not the hash of its log and its reporting intervals",
        ),
        (lambda values: values.update(log="0" * 64), "its log is not the one that was hashed"),
        (lambda values: values["leaves"].reverse(), "its root is not the hash of its log and its reporting intervals"),
        (lambda values: values.update(root="../x"), "root: "),
    ],
)
def test_hashes_that_do_not_agree_are_refused(file: Path, change: Change, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        certificate_file.read(rewritten(file, change, hashed=False))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda values: values["leaves"].pop(), "reporting intervals, and the hashes of"),
        (lambda values: values.pop("leaves"), "leaves: "),
        (lambda values: values.update(events=[]), "events: "),
        (lambda values: values["events"].pop(3), "not a whole certificate"),
        (lambda values: values["events"].reverse(), "not a whole certificate"),
        (lambda values: values["events"][0].__setitem__(0, "invent"), "there are no events of the kind 'invent'"),
        (lambda values: values["events"][0][4].update(name="../../etc/passwd"), "cannot name a study"),
        (lambda values: values["events"][0][4].update(name="/etc/passwd"), "cannot name a study"),
        (lambda values: values["events"][0][4]["spec"].update(seed="0"), "not a whole certificate"),
        (lambda values: values["events"][0][4]["spec"].pop("sampler"), "not a whole certificate"),
        (lambda values: values["events"][0][4]["spec"]["context"].pop("data"), "not a whole certificate"),
    ],
)
def test_what_no_search_writes_is_refused(file: Path, change: Change, message: str) -> None:
    with pytest.raises(UsageError, match=message) as refused:
        certificate_file.read(rewritten(file, change))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda values: values.update(schema_version=2), r"made by a newer mnist-bench: format 2, this version reads"),
        (lambda values: values["events"][0][4].update(format=99), "made by a newer mnist-bench: format 99"),
        (lambda values: values.update(signature="x"), "signature is a setting that this version does not know"),
        (lambda values: values["events"][0][4]["spec"].update(later=1), "later is a setting that this version does"),
    ],
)
def test_a_newer_versions_certificate_is_named(file: Path, change: Change, message: str) -> None:
    with pytest.raises(NewerVersionError, match=message):
        certificate_file.read(rewritten(file, change))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is not JSON: it ends in the middle"),
        (b"[]", "not a whole certificate"),
        (b"null", "not a whole certificate"),
        (b"\xff\xfe\x00", "it is not UTF-8 text"),
        (b"certificate", "it is not JSON: "),
        (b'{"schema_version": NaN}', "not a whole certificate"),
        (b'{"schema_version": ' + b"9" * 5000 + b"}", "not a whole certificate"),
        (b"[" * 100_000 + b"]" * 100_000, "it is nested too deeply"),
        (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "it is nested too deeply"),
    ],
)
def test_what_is_no_certificate_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "other.json"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=message):
        certificate_file.read(path)


def test_a_nested_event_is_refused(file: Path) -> None:
    nested: Any = 1
    for _ in range(certificate_file.MAX_DEPTH):
        nested = [nested]
    with pytest.raises(UsageError, match="it is nested too deeply"):
        certificate_file.read(rewritten(file, lambda values: values["events"][0][4].update(later=nested)))


def test_a_gigabyte_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    with path.open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(UsageError, match=r"large\.json: larger than any certificate \(at most 16,000,000 bytes\)\.$"):
        certificate_file.read(path)


def test_a_certificate_beyond_the_limit_is_not_written(
    certificate: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificate_file, "MAX_BYTES", 1000)
    with pytest.raises(UsageError, match=r"bytes, more than 1,000\.$"):
        certificate_file.write(certificate, tmp_path / "large.json")
    assert not (tmp_path / "large.json").exists()


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, reason in ((".", "Is a directory"), ("none", "No such file"), ("pipe", "it is a pipe or a device")):
        with pytest.raises(UsageError, match=rf"cannot be read \(.*{reason}"):
            certificate_file.read(tmp_path / name)


def test_what_cannot_be_written_is_told(certificate: Certificate, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none/alice\.json: cannot be written \(No such file or directory\)\.$"):
        certificate_file.write(certificate, tmp_path / "none" / "alice.json")


@pytest.mark.parametrize("seed", range(24))
def test_a_certificate_of_anything_is_a_sentence(certificate: Certificate, file: Path, seed: int) -> None:
    """A value at a random place is replaced by one of another kind."""
    draws = random.Random(seed)

    def change(values: dict[str, Any]) -> None:
        place: Any = draws.choice(values["events"])
        while True:
            key = draws.choice([*place]) if isinstance(place, dict) else draws.randrange(len(place))
            if draws.random() < 0.3 or not isinstance(place[key], dict | list) or not place[key]:
                break
            place = place[key]
        place[key] = draws.choice([None, True, -1, 1e300, "", "../x", [], {}, [1], {"a": 1}])

    try:
        found = certificate_file.read(rewritten(file, change))
    except SearchError as refused:
        message = str(refused)
    else:
        message = found.root  # what was changed is a part that is only shown
    assert "\n" not in message
