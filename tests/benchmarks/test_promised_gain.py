"""Promised gains: what a search knew at a moment, and how a promise is compared with what came of it."""

from __future__ import annotations

import numpy as np
import pytest
from promised_gain import AHEAD, Promise, ends_of, known_at, outcomes, promises, ratio, rows

from search.event_log import StudyRecord
from search.proposals import Prospects
from search.simulation import simulate
from search.strategies import Asha, Random
from support import search_fake as fake

pytestmark = pytest.mark.slow

SLOTS = 4
BUDGET = 5_200_000
"""Logical cost, that of some 34 trials."""


@pytest.fixture(scope="module")
def study() -> StudyRecord:
    spec = fake.make_spec(Random(), Asha(), SLOTS, 0)
    return simulate(spec, fake.Planner(64), fake.Trainer(), budget=BUDGET, seconds=lambda job: 1.0).study


def ends(study: StudyRecord) -> list[tuple[int, int]]:
    return sorted(ends_of(trial)[-1] for trial in study.trials if trial.state != "RUNNING")


def prospects() -> Prospects:
    return Prospects(fake.space(), fake.Planner(64), 0)


def test_what_was_known_at_an_end_is_that_many_ends_and_what_ran_then(study: StudyRecord) -> None:
    ended = ends(study)
    for at in (1, 7, 20):
        curves = known_at(ended[at - 1], study, prospects())
        assert sum(curve.ended for curve in curves) == at
        assert sum(not curve.ended for curve in curves) <= SLOTS
        assert all(len(curve.values) <= len(study.trials[curve.trial].reports) for curve in curves)


def test_luck_promises_more_than_settings_alone_and_a_seed_decides(study: StudyRecord) -> None:
    ended = ends(study)
    curves = known_at(ended[19], study, prospects())
    settings, luck = outcomes(curves, prospects(), np.random.default_rng(3))
    again, _ = outcomes(curves, prospects(), np.random.default_rng(3))
    assert settings.tolist() == again.tolist()
    assert luck.mean() > settings.mean()


def test_a_promise_is_made_where_so_many_trials_follow(study: StudyRecord) -> None:
    found = [*promises(study, prospects, "fake", lambda scores, best: 100 * (scores - best))]
    assert 20 + AHEAD <= len(ends(study)) < 30 + AHEAD
    assert [each.at for each in found] == [20]
    assert found[0].gained >= 0
    assert found[0].promised > 0


def test_a_ratio_is_that_of_means_with_an_interval() -> None:
    promise = Promise(table="t", seed=0, at=20, promised=0.2, promised_with_luck=0.4, gained=0.1)
    assert ratio([promise] * 5, lambda each: each.promised) == pytest.approx((2.0, 2.0, 2.0))
    (row,) = rows({"t": [promise] * 5})
    assert row == ["t", "20", "5", "0.100", "0.200", "2.00 [2.00, 2.00]", "0.400", "4.00 [4.00, 4.00]"]
