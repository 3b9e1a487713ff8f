"""Pruners by what they stop."""

from __future__ import annotations

import math
import random
import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from statistics import median

import pytest

from search.strategies.optuna_study import OptunaStudy
from search.strategies.pruners import Asha, Median, NoPruner, Pruner
from search.strategies.samplers import Random
from support import golden_searches, search_fake as fake
from support.paths import DATABASE


def study_of(pruner: Pruner, ends: Sequence[float]) -> OptunaStudy:
    """Return an empty study for trials whose periods end after so many epochs."""
    space = fake.space({"periods": [*ends], "m": {"a": {"float": [0.0, 1.0]}}})
    return OptunaStudy(name="stops", space=space, sampler=Random(), pruner=pruner, seed=0, periods=len(ends))


NINE = range(1, 10)


def test_asha_stops_all_but_the_first_at_its_first_rung() -> None:
    study, stopped = study_of(Asha(), NINE), []
    for number in range(6):
        study.ask(number)
        stopped.append(next((p for p in NINE if study.report(number, p, -float(number))), 0))
        study.tell(number, "PRUNED", None)
    assert stopped == [0, 1, 1, 1, 1, 1]


def test_asha_decides_by_the_place_of_a_rung_whatever_lies_between_two() -> None:
    draws = random.Random(0)
    curves = [[draws.random() for _ in range(4)] for _ in range(120)]
    decided = []
    for ends, periods in (((0.2, 1, 3.5, 11, 12), (1, 2, 3, 4)), (range(1, 31), (1, 3, 9, 27))):
        study, stopped = study_of(Asha(), ends), []
        for number, curve in enumerate(curves):
            study.ask(number)
            reports = enumerate(zip(periods, curve, strict=True))
            stopped.append(next((nth for nth, report in reports if study.report(number, *report)), None))
        decided.append(stopped)
    assert decided[0] == decided[1]
    assert set(decided[0]) == {0, 1, 2, 3, None}


@pytest.mark.parametrize(
    ("pruner", "ends", "periods"),
    [
        (Asha(), range(1, 11), {1, 3, 9}),
        (Asha(reduction_factor=2), NINE, {1, 2, 4, 8}),
        (Asha(), (0.25, 1, 3, 8), {1, 2, 3}),
        (Asha(), (0.25, 0.5, 1, 1.5, 2, 3, 8), {1, 3, 6}),
        (Median(n_startup_trials=2, n_warmup_steps=4), range(1, 11), {4, 5, 6, 7, 8, 9}),
        (NoPruner(), NINE, set()),
    ],
)
def test_trials_are_stopped_only_where_they_may_be(pruner: Pruner, ends: Sequence[float], periods: set[int]) -> None:
    before_the_last = range(1, len(ends))
    assert {period for period in before_the_last if pruner.may_stop_at(period, ends)} == periods
    study, draws, stopped = study_of(pruner, ends), random.Random(0), set()
    for number in range(120):
        study.ask(number)
        stopped |= {period for period in before_the_last if study.report(number, period, draws.random())}
        study.tell(number, "COMPLETE", 0.5)
    assert stopped == periods


@pytest.mark.parametrize("pruner", golden_searches.PRUNERS.values(), ids=golden_searches.PRUNERS)
def test_nothing_that_is_not_finite_reaches_storage(tmp_path: Path, pruner: Pruner) -> None:
    study = fake.run(tmp_path, budget=12, behaviour="diverge", pruner=pruner).study
    assert len(study.finished()) == 12
    assert any(trial.reason == "diverged" for trial in study.trials)
    with closing(sqlite3.connect(tmp_path / study.name / DATABASE)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        values = [value for name in tables for row in database.execute(f"SELECT * FROM {name}") for value in row]  # noqa: S608
    assert len(values) > 1000
    assert not any(isinstance(value, float) and not math.isfinite(value) for value in values)
    assert not any(
        re.search(r"\b(NaN|-?Infinity|INF_POS|INF_NEG)\b", value) for value in values if isinstance(value, str)
    )


@pytest.mark.parametrize("two_objectives", [False, True])
def test_survivors_of_successive_halving_by_simulation(two_objectives: bool) -> None:
    draws = random.Random(0)
    passed = 0
    for _ in range(400):
        seen: list[tuple[float, float]] = []
        for _ in range(30):
            value, cost = draws.random(), draws.random() if two_objectives else 0.0
            seen.append((value, cost))
            compared = sorted((v for v, c in seen if c <= cost), reverse=True)
            passed += value >= compared[max(1, len(compared) // 3) - 1]
    assert Asha().survivors(30, range(1, 4), two_objectives=two_objectives)[1] == pytest.approx(passed / 400, rel=0.05)
    many = Asha().survivors(200_000, range(1, 5), two_objectives=two_objectives)  # in no more time for two
    assert many[0] == 200_000 > many[1] > many[3]


def test_survivors_by_period() -> None:
    four = range(1, 5)
    kept = Asha().survivors(50, range(1, 7))
    assert kept[0] == 50
    assert kept[1] == kept[2] > kept[3] == kept[5] >= 1
    assert NoPruner().survivors(50, four) == [50, 50, 50, 50]
    kept = Median(n_startup_trials=5, n_warmup_steps=1).survivors(25, four)
    assert kept == [25, kept[1], kept[1], kept[1]]
    assert Median(n_startup_trials=5, n_warmup_steps=2).survivors(25, four) == [25, 25, *kept[2:]]
    assert Median().survivors(5, four) == [5, 5, 5, 5]
    assert Median(n_startup_trials=1, n_min_trials=5).survivors(25, four) == kept


@pytest.mark.parametrize("trials", [20, 50, 100])
@pytest.mark.parametrize(("two_objectives", "within"), [(False, 0.05), (True, 0.2)])
def test_survivors_of_the_median_pruner_by_simulation(trials: int, two_objectives: bool, within: float) -> None:
    draws = random.Random(0)
    repeats, passed = 200, 0
    for _ in range(repeats):
        complete: list[tuple[float, float]] = []
        for _ in range(trials):
            value, cost = draws.random(), draws.random() if two_objectives else 0.0
            compared = [v for v, c in complete if c <= cost]
            if len(compared) < 5 or value >= median(compared):
                complete.append((value, cost))
        passed += len(complete)
    kept = Median(n_startup_trials=5).survivors(trials, range(1, 4), two_objectives=two_objectives)
    assert kept[-1] == pytest.approx(passed / repeats, rel=within)
