"""Start lists as part of a study."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from search.errors import FingerprintError, OtherVersionError
from search.strategies.pruners import Asha
from search.strategies.samplers import Curves
from search.study.spec import StudySpec, check_known
from search.study.start_list import StartList
from support import search_fake as fake

pytestmark = pytest.mark.usefixtures("log_alone")


def listed(*widths: int) -> StartList:
    params = [{"model.depth": 1, "model.width": width, "model.kind": "a", "optim.lr": 0.01} for width in widths]
    return StartList(made_of=("earlier",), configurations=tuple(params))


def test_every_third_proposal_ignores_it(tmp_path: Path) -> None:
    start = listed(8, 16, 24, 32, 40)
    alone = fake.run(tmp_path / "alone", goal=10, sampler=Curves(), seed=3).study
    found = fake.run(tmp_path / "listed", goal=10, sampler=Curves(), seed=3, start=start).study
    taken = {0: 8, 1: 16, 3: 24, 4: 32, 6: 40}
    for trial in found.trials:
        if trial.number in taken:
            assert trial.params["model.width"] == taken[trial.number]
        elif trial.number < 8:
            assert trial.params == alone.trials[trial.number].params


@pytest.mark.slow
def test_a_search_with_one_is_the_same_however_it_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options: dict[str, Any] = {
        "goal": 14,
        "sampler": Curves(n_startup_trials=3),
        "start": listed(8, 16, 24, 32),
    }
    expected = fake.run(tmp_path / "one", **options).study.digest
    assert fake.run(tmp_path / "two", workers=2, **options).study.digest == expected
    lives = (3 + life % 5 for life in range(100))
    (tmp_path / "killed").mkdir()
    killed, deaths = fake.run_killed_between_events(tmp_path / "killed", monkeypatch, lives, **options)
    assert deaths > 3
    assert killed.study.digest == expected


def test_it_is_part_of_the_fingerprint(tmp_path: Path) -> None:
    fake.run(tmp_path, goal=4, start=listed(8))
    with pytest.raises(FingerprintError, match="start"):
        fake.run(tmp_path, goal=6, start=listed(16))


@given(st.lists(st.sampled_from([8, 16, 24]), max_size=6))
def test_it_is_stored_and_read(widths: list[int]) -> None:
    start = listed(*widths) if widths else StartList()
    spec = fake.make_spec(Curves(), Asha(), 4, 0, start=start)
    stored = spec.to_json()
    assert ("start" in stored) == bool(widths)
    assert StudySpec.from_json(stored).start == start


def test_a_version_that_does_not_know_lists_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = fake.make_spec(Curves(), Asha(), 4, 0, start=listed(8)).to_json()
    known = [item for item in fields(StudySpec) if item.name != "start"]
    monkeypatch.setattr("search.study.spec.fields", lambda kind: known)
    with pytest.raises(OtherVersionError, match="start is a setting that this version does not know"):
        check_known(stored)
