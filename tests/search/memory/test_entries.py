"""The files of a memory: whole or not believed."""

from __future__ import annotations

import math
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from search import canonical_json
from search.memory.entries import DamagedError, Entries, OtherUsersError
from search.trainer_api import Report
from support import damage
from support.dose import dose

KEY, OTHER = "ab" * 32, "abcd" * 16
REPORT = Report(value=0.5, metrics={"epoch": 1, "val_loss": None}, weights="ab", seconds=1.5, details={"correct": "x"})


def with_three(folder: Path) -> Entries:
    entries = Entries(folder)
    for period in (1, 3, 2):
        entries.add(KEY, period, replace(REPORT, weights=str(period)))
    entries.keep(KEY, 3, bytes(range(200)))
    return entries


def test_what_was_added_is_known(tmp_path: Path) -> None:
    entries = with_three(tmp_path)
    assert entries.reports(KEY) == {period: replace(REPORT, weights=str(period)) for period in (1, 2, 3)}
    assert entries.state(KEY, 3) == bytes(range(200))
    assert (entries.state(KEY, 2), entries.state(OTHER, 3)) == (None, None)
    assert (entries.reports(OTHER), entries.size(OTHER)) == ({}, 0)
    before = entries.size(KEY)
    assert entries.add(KEY, 4, REPORT) == entries.size(KEY) - before - 1  # and a line break


def test_a_trial_that_diverged_has_losses_that_are_no_numbers(tmp_path: Path) -> None:
    entries = Entries(tmp_path)
    entries.add(KEY, 1, replace(REPORT, value=None, end="diverged", metrics={"loss": math.nan, "most": math.inf}))
    (found,) = entries.reports(KEY).values()
    assert str(found.metrics) == "{'loss': nan, 'most': inf}"


def test_a_text_that_is_no_utf_8_is_refused(tmp_path: Path) -> None:
    entries = Entries(tmp_path)
    with pytest.raises(ValueError, match="surrogates not allowed"):
        entries.add(KEY, 1, replace(REPORT, details={"note": "\udce9"}))
    assert entries.reports(KEY) == {}


def test_a_later_state_takes_the_place_of_earlier_ones(tmp_path: Path) -> None:
    entries = with_three(tmp_path)
    entries.keep(OTHER, 1, b"other")
    entries.keep(KEY, 12, b"later")
    assert (entries.state(KEY, 3), entries.state(KEY, 12), entries.state(OTHER, 1)) == (None, b"later", b"other")
    entries.keep(KEY, 2, b"earlier")
    assert entries.state(KEY, 12) == b"later"


@settings(max_examples=dose(200), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), kind=damage.KINDS, suffix=st.sampled_from(["l", "e"]))
def test_no_damage_is_believed_and_what_is_whole_stays(
    tmp_path: Path, data: st.DataObject, kind: str, suffix: str
) -> None:
    shutil.rmtree(tmp_path / "memory", ignore_errors=True)
    entries = with_three(tmp_path / "memory")
    (path,) = (tmp_path / "memory").rglob(f"*{suffix}")
    damage.damage(path, kind, data)
    for read in (lambda: entries.reports(KEY), lambda: entries.state(KEY, 3)):
        try:
            read()
        except DamagedError:
            read()  # which works now
    known = entries.reports(KEY)
    assert all(report == replace(REPORT, weights=str(period)) for period, report in known.items())
    assert len(known) >= (3 if suffix == "e" or kind == "append" else 0 if kind == "cut" else 1)
    assert entries.state(KEY, 3) in (bytes(range(200)), None)


def test_a_file_under_another_name_is_not_believed(tmp_path: Path) -> None:
    """Another training's, or of another period."""
    entries = with_three(tmp_path)
    folder = tmp_path / "ab"
    shutil.copy(folder / f"{KEY}.jsonl", folder / f"{OTHER}.jsonl")
    for name, key, period in ((f"{OTHER}-3", OTHER, 3), (f"{KEY}-4", KEY, 4)):
        shutil.copy(folder / f"{KEY}-3.state", folder / f"{name}.state")
        with pytest.raises(DamagedError):
            entries.state(key, period)
        assert entries.state(key, period) is None
    with pytest.raises(DamagedError):
        entries.reports(OTHER)
    assert entries.reports(OTHER) == {}
    assert len(entries.reports(KEY)) == 3


def test_what_a_newer_version_added_stays_and_is_not_taken(tmp_path: Path) -> None:
    entries = with_three(tmp_path)
    path = tmp_path / "ab" / f"{KEY}.jsonl"
    values = {**REPORT.to_json(), "glow": 1}
    with path.open("a") as file:
        file.write(canonical_json.dumps([4, values, canonical_json.sha256([KEY, 4, values])]) + "\n")
    written = path.read_bytes()
    assert entries.reports(KEY).keys() == {1, 2, 3}
    assert path.read_bytes() == written


def test_the_trainings_of_earlier_live_contests_are_read(tmp_path: Path) -> None:
    """Their lines have no hash, and those of up to 0.1 may tell of a lack of memory."""
    entries = Entries(tmp_path)
    (tmp_path / "ab").mkdir()
    exhausted = replace(REPORT, value=None, end="out_of_memory")
    lines = [canonical_json.dumps([period, report.to_json()]) for period, report in ((1, REPORT), (2, exhausted))]
    (tmp_path / "ab" / f"{KEY}.jsonl").write_text("\n".join(lines) + "\n")
    assert entries.reports(KEY) == {1: REPORT}
    entries.add(KEY, 2, REPORT)
    assert entries.reports(KEY) == {1: REPORT, 2: REPORT}


def test_links_and_files_of_others_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = with_three(tmp_path)
    path = tmp_path / "ab" / f"{KEY}.jsonl"
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic link"):
        entries.reports(KEY)
    monkeypatch.setattr(os, "geteuid", lambda: os.stat(tmp_path).st_uid + 1)
    with pytest.raises(OtherUsersError):
        entries.state(KEY, 3)
