"""Searches on all of MNIST: when a search is said to have come to the goal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import full_data
import pytest
from full_data import WAYS, Searched, draw, measured

from support import search_fake as fake


def test_the_goal_is_reached_by_a_complete_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = fake.run(tmp_path, goal=12).study
    values = sorted(trial.value for trial in study.complete() if trial.value is not None)
    monkeypatch.setattr(full_data, "GOAL", values[0])
    early = measured("tpe", 0, study)
    monkeypatch.setattr(full_data, "GOAL", values[-1])
    late = measured("tpe", 0, study)
    monkeypatch.setattr(full_data, "GOAL", 1.1)
    never = measured("tpe", 0, study)
    assert early.reached is not None
    assert late.reached is not None
    assert 0 < early.reached <= late.reached <= late.seconds == never.seconds
    assert never.reached is None
    assert (never.best, never.digest) == (values[-1], study.digest)


def test_searches_that_never_got_there_are_drawn_as_such() -> None:
    row = Searched(way="tpe", seed=0, reached=60.0, seconds=300.0, best=0.995, digest="d")
    found = [replace(row, way=way, seed=seed) for way in WAYS for seed in range(3)]
    figure = draw([*found[:-2], *(replace(each, reached=None) for each in found[-2:])])
    assert figure.get_suptitle() == ("Half were there in 60 s (tpe), 60 s (curves), no time (curves, with a list)")
