"""Start lists as part of a study."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from search.strategies.pruners import Asha
from search.strategies.samplers import Curves
from search.study.spec import StartList, StudySpec
from support import search_fake as fake

pytestmark = pytest.mark.usefixtures("log_alone")


def listed(*widths: int) -> StartList:
    params = [{"model.depth": 1, "model.width": width, "model.kind": "a", "optim.lr": 0.01} for width in widths]
    return StartList(made_of=("earlier",), configurations=tuple(params))


def test_every_third_proposal_ignores_it(tmp_path: Path) -> None:
    start = listed(8, 16, 24, 32, 40)
    alone = fake.run(tmp_path / "alone", budget=9, sampler=Curves(), seed=3).study
    found = fake.run(tmp_path / "listed", budget=9, sampler=Curves(), seed=3, start=start).study
    taken = {0: 8, 1: 16, 3: 24, 4: 32, 6: 40}
    for number in range(8):
        expected = taken.get(number, alone.trials[number].params["model.width"])
        assert found.trials[number].params["model.width"] == expected


@pytest.mark.slow
def test_a_search_with_one_that_is_killed_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options: dict[str, Any] = {"budget": 8, "sampler": Curves(n_startup_trials=3), "start": listed(8, 16, 24)}
    expected = fake.run(tmp_path / "one", **options).study.digest
    killed, deaths = fake.run_killed_between_events(tmp_path, monkeypatch, [3, 4, 5, 6, 10**6], **options)
    assert (deaths, killed.study.digest) == (4, expected)


@given(st.lists(st.sampled_from([8, 16, 24]), max_size=6))
def test_it_is_stored_and_read(widths: list[int]) -> None:
    start = listed(*widths) if widths else StartList()
    stored = fake.make_spec(Curves(), Asha(), 4, 0, start=start).to_json()
    assert ("start" in stored) == bool(widths)
    assert StudySpec.from_json(stored).start == start
