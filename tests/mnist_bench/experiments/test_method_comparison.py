"""Comparisons: curves, verdicts and what holds over tables, by figures worked out by hand; what they refuse."""

from __future__ import annotations

import json
import shutil
from contextlib import chdir
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats as oracle  # type: ignore[import-untyped]

from mnist_bench.experiments.method_comparison import (
    Difference,
    MethodComparison,
    check_fit,
    compare_methods,
    finding,
    line_up,
    over_tables,
    standings,
    tables_of,
)
from mnist_bench.experiments.replays import SearchMethod
from mnist_bench.experiments.trainings import Observer
from mnist_bench.result_table import Result
from mnist_bench.statistics import effect_shown
from mnist_bench.tables import stored
from mnist_bench.tables.recorded_benchmark import TablePlanner
from search.errors import UsageError
from search.repeatability import TriedOn
from search.strategies.pruners import Asha
from search.strategies.samplers import ForeignSampler, Tpe
from support.experiments import RANDOM, TPE_ASHA, Stopping, clear, close, comparison, finals, trace
from support.tables import SPACE, table, value_table

CURVES = SearchMethod(sampler="curves", pruner="asha")


def test_a_curve_is_the_regret_of_the_current_choice_and_a_guess_before_the_first() -> None:
    found = comparison({RANDOM: [trace((2.0, 0.5), (5.05, 0.25), (10.0, 0.125)), trace()]})
    at = [1.9, 2.0, 5.0, 5.1, 9.9, 10.0, 11.0]
    np.testing.assert_array_equal(found.regrets(at)[0], [[1, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125], [1] * 7])
    assert found.scores([1.9, 5.1])[0, 0].tolist() == pytest.approx([np.nan, 0.025], nan_ok=True)


times = st.lists(st.floats(0.01, 10), min_size=0, max_size=5).map(sorted)


@given(found=st.lists(times, min_size=1, max_size=4), at=times.filter(len))
def test_curves_are_what_a_loop_reads(found: list[list[float]], at: list[float]) -> None:
    traces = [trace(*((spent, 1 / (2 + number)) for number, spent in enumerate(ats))) for ats in found]
    expected = [[([1.0] + [one.regret for one in trace if one.spent <= now])[-1] for now in at] for trace in traces]
    np.testing.assert_array_equal(comparison({RANDOM: traces}).regrets(at)[0], expected)


def test_methods_are_compared_in_pairs_at_each_budget_and_adjusted_for_all() -> None:
    early, late, random_early, random_late = standings(clear())
    assert [(row.method, row.budget) for row in (early, late, random_early, random_late)] == [
        (TPE_ASHA, 4), (TPE_ASHA, 10), (RANDOM, 4), (RANDOM, 10),
    ]  # fmt: skip
    assert (early.regret, late.regret, late.score) == pytest.approx((0.8, 0.2, 0.02))
    assert (late.difference, random_early.difference and random_early.difference.verdict) == (None, "equal")
    found, expected = random_late.difference, oracle.ttest_1samp([0.1, 0.11, 0.09, 0.1], 0)
    assert found is not None
    assert (found.mean, found.low, found.high) == pytest.approx((0.1, *expected.confidence_interval()))
    assert found.p_value == pytest.approx(2 * expected.pvalue)  # of two comparisons, the other one has p = 1
    assert found.verdict == "worse"


def test_what_is_not_shown_tells_which_difference_would_have_been() -> None:
    found = standings(close())[-1].difference
    assert found is not None
    deviation = np.std([-0.01, 0.05, 0.01], ddof=1)
    assert found.verdict == "no difference shown"
    assert found.smallest == pytest.approx(deviation * effect_shown(3, 0.025))


@pytest.mark.parametrize(
    ("low", "high", "p_value", "verdict"),
    [
        (-0.05, -0.01, 0.01, "better"),
        (0.01, 0.05, 0.01, "worse"),
        (0.01, 0.05, 0.05, "no difference shown"),
        (0.005, 0.019, 1e-9, "equal"),  # whatever p says
        (-0.019, 0.019, 0.5, "equal"),
        (-0.019, 0.02, 0.5, "no difference shown"),
    ],
)
def test_equal_is_what_lies_within_the_margin_with_its_whole_interval(
    low: float, high: float, p_value: float, verdict: str
) -> None:
    found = Difference(mean=(low + high) / 2, low=low, high=high, p_value=p_value, smallest=0.1)
    assert found.verdict == verdict


def test_where_no_search_has_selected_anything_nothing_is_compared() -> None:
    rows = standings(comparison({TPE_ASHA: [trace((5, 0.2))] * 2, RANDOM: [trace((5, 0.2)), trace()]}))
    assert [row.difference is None for row in rows] == [True, True, True, False]
    assert [row.score for row in rows] == [None, pytest.approx(0.02), None, None]
    assert rows[0].interval == pytest.approx((1, 1))


def test_over_tables_each_table_counts_once() -> None:
    *_, last = over_tables([clear(table="a"), close(table="b")])
    assert last.wins == (0, 1, 1)
    assert last.regret == pytest.approx(np.mean([0.3, np.mean([0.19, 0.24, 0.16])]))
    expected = oracle.ttest_1samp([0.1, np.mean([0.19, 0.24, 0.16]) - 0.18], 0)
    assert last.difference is not None
    assert (last.difference.low, last.difference.high) == pytest.approx([*expected.confidence_interval()])
    assert over_tables([clear(), close()])[0].wins is None, "the first method"


@pytest.mark.parametrize(
    ("regrets", "heading"),
    [
        ({}, "tpe + asha alone takes part: there is nothing to compare"),
        ({RANDOM: [0.31, 0.3, 0.29]}, "tpe + asha has 10.0 percentage points less regret than random at 10 trials"),
        (
            {RANDOM: [0.41, 0.4, 0.39], CURVES: [0.11, 0.1, 0.09]},
            "curves + asha has 10.0 percentage points less regret than tpe + asha at 10 trials",
        ),
        ({RANDOM: [0.2] * 3}, "All methods are equal to tpe + asha within 2 percentage points of regret at 10 trials"),
        (
            {RANDOM: [0.2] * 3, CURVES: [0.1, 0.2, 0.31]},
            "No difference between tpe + asha and another method is shown at 10 trials",
        ),
    ],
)
def test_the_heading_is_the_largest_difference_that_is_shown(
    regrets: dict[SearchMethod, list[float]], heading: str
) -> None:
    assert finding(standings(finals({TPE_ASHA: [0.2] * 3, **regrets}))) == heading


@pytest.mark.parametrize("methods", [2, 8])
def test_of_comparisons_without_a_difference_at_most_one_in_twenty_claims_one(methods: int) -> None:
    draws = np.random.default_rng(methods)
    claimed = 0
    for _ in range(400):
        # Skewed, and a seed does something that all methods share.
        ends = 0.3 + draws.normal(0, 0.02, 10) + draws.gamma(4, 0.01, (methods, 10))
        given = {SearchMethod(sampler=f"random {number}"): one for number, one in enumerate(ends.tolist())}
        rows = standings(finals(given, budgets=(10,)))
        claimed += any(row.difference and row.difference.verdict in ("better", "worse") for row in rows)
    assert 0.005 < claimed / 400 < 0.072  # 0.05 and two standard errors


# As tables


def test_a_row_tells_regret_error_difference_and_verdict() -> None:
    (table,) = tables_of([clear()])
    rows = [dict(zip([column.heading for column in table.columns], texts, strict=True)) for texts in table.texts()]
    assert rows[1] == {
        "method": "tpe + asha", "trials": "10", "regret": "20.0% [17.4, 22.6]", "error": "2.00%",
        "against tpe + asha": "", "verdict": "", "p": "", "detectable": "",
    }  # fmt: skip
    assert (rows[3]["against tpe + asha"], rows[3]["verdict"]) == ("+10.00 [8.70, 11.30]", "worse")
    assert (rows[3]["p"], rows[2]["verdict"], rows[2]["p"]) == ("<0.001", "equal", "1.000")
    (values,) = tables_of([comparison({TPE_ASHA: [trace()] * 2, RANDOM: [trace((5, 0.5))] * 2}, of_errors=False)])
    assert [texts[3] for texts in values.texts()] == ["–", "–", "–", "0.05"]


def test_several_comparisons_have_a_table_each_and_one_over_all() -> None:
    first, second, overall = tables_of([clear(table="a", develops=True), close(table="b")])
    assert first.caption[:2] == [
        "tpe + asha has 10.0 percentage points less regret than random at 10 trials.",
        "table a: 4 seeds, 8 concurrent trials.",
    ]
    assert first.caption[-1].startswith("Selected configurations are scored with the seed that the search saw: ")
    assert len(second.caption) == 3
    assert overall.caption[0] == "No difference between tpe + asha and another method is shown at 10 trials."
    assert [row[-7:-4] for row in overall.texts()] == [["", "", ""]] * 2 + [["0", "0", "2"], ["0", "1", "1"]]
    assert [bool(table.footnotes) for table in (first, second, overall)] == [False, False, True]


def test_as_data() -> None:
    tables = tables_of([clear(table="a"), close(table="b")])
    values = json.loads(json.dumps(Result(tables).plain))
    assert values["finding"] == "No difference between tpe + asha and another method is shown at 10 trials"
    first = values["comparisons"][0]
    assert (first["table"], first["budgets"], first["seeds"]) == ("a", [4, 10], [0, 1, 2, 3])
    _, random = first["methods"]
    assert (random["method"], random["regrets"]) == ("random", [0.3, 0.29, 0.31, 0.3])
    curve = random["curve"]
    assert (len(curve["spent"]), curve["regret"][0], curve["regret"][-1]) == (100, 1.0, pytest.approx(0.3))
    assert first["rows"][3]["difference"] == pytest.approx(0.1)
    assert values["over_tables"][3]["worse_on"] == 1
    rows = [tuple(record.values())[:3] for table in tables for record in table.records()]
    assert rows == [*product(("a", "b", "all"), ("tpe + asha", "random"), (4, 10))]


# The methods


def test_every_sampler_comes_with_every_pruner_and_options_of_its_own() -> None:
    names = [one.name for one in line_up(("tpe", "random"), ("asha", "none"))]
    assert names == ["tpe + asha", "tpe", "random + asha", "random"]
    methods = line_up(("tpe", {"name": "tpe", "n_startup_trials": 5}), ("asha", {"name": "median"}))
    assert [one.name for one in methods] == [
        "tpe + asha", "tpe + median", "tpe (n_startup_trials=5) + asha", "tpe (n_startup_trials=5) + median",
    ]  # fmt: skip
    assert methods[2].strategies() == (Tpe(n_startup_trials=5), Asha())
    with pytest.raises(UsageError, match=r"^sampler \{n_startup_trials: 5\}: give its name"):
        line_up([{"n_startup_trials": 5}], ["asha"])


def test_code_of_ones_own_takes_options(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("from optuna.samplers import RandomSampler\nclass Mine(RandomSampler):\n"
                    "    def __init__(self, seed, times=1): super().__init__(seed)\n")  # fmt: skip
    own, built_in = line_up([{"name": f"{file}:Mine", "times": 3}, "tpe"], ["none"])
    assert (dict(own.sampler_options), dict(built_in.sampler_options)) == ({"times": 3}, {})
    assert isinstance(own.strategies()[0], ForeignSampler)
    assert own.name == f"{file}:Mine (times=3)"


def test_what_does_not_fit_is_said_before_anything_runs(tmp_path: Path) -> None:
    tried_on = TriedOn(space=SPACE, planner=TablePlanner(table()), periods=3)
    (method,) = line_up([{"name": "curves", "n_startup_trials": 0}], ["asha"])
    with pytest.raises(UsageError, match=r"n_startup_trials is 0; it takes a whole number from 1"):
        check_fit(method, tried_on)
    for method in line_up(["tpe", "random", "optuna:QMCSampler"], ["none", "median"]):
        check_fit(method, tried_on)
    file = tmp_path / "moody.py"
    file.write_text("import random\nfrom optuna.samplers import RandomSampler\nclass Moody(RandomSampler):\n"
                    "    def __init__(self, seed): super().__init__(random.randrange(2**31))\n")  # fmt: skip
    (method,) = line_up([f"{file}:Moody"], ["none"])
    with pytest.raises(UsageError, match=r"Moody.*not repeatable"):
        check_fit(method, tried_on)


# Comparisons that are run


def comparisons(observer: Observer, *tables: str, **changed: Any) -> list[MethodComparison]:
    asked = {"samplers": ["random"], "pruners": ["none"], "seeds": 4, "trials": (5, 3), "concurrent_trials": 4}
    return compare_methods(observer, tables=tables, **{**asked, **changed})


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """Return the files of two tables of the same points on two tasks."""
    paths = []
    for made in (table(), table(noise=0.004, name="noisy")):
        paths.append(tmp_path / f"{made.name}.npz")
        paths[-1].write_bytes(stored.pack(made.about, made.arrays))
    return str(paths[0]), str(paths[1])


@pytest.mark.slow
def test_a_table_of_values_is_searched_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_bench.tables.value_table.load", lambda name: value_table(name=name))
    (found,) = comparisons(Observer(), "scikit-learn/mlp-wine")
    assert (found.table, found.of_errors, found.develops) == ("scikit-learn/mlp-wine", False, False)


@pytest.mark.slow
def test_each_table_is_a_comparison_of_its_own_and_progress_is_told_in_tenths(files: tuple[str, str]) -> None:
    heard = Stopping()
    first, second = comparisons(heard, *files, samplers=["random", "tpe"], seeds=15)
    assert (first.table, second.table) == ("handmade", "noisy")
    assert [method.name for method in first.methods] == ["random", "tpe"]
    assert (first.budgets, first.seeds) == ((3, 5), tuple(range(15)))
    assert all(len(traces) == 15 for traces in first.traces)
    assert (len(heard.news), heard.news[9]) == (20, "handmade: 30 of 30 searches")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("others", "samplers", "words"),
    [
        (["again/noisy.npz"], ["random"], r"^--tables: 2 of the tables are called '?noisy'?; name each once\.$"),
        ([], ["gp"], "no sampler 'gp'"),
        (["nowhere"], ["random"], "no table"),
    ],
)
def test_what_does_not_fit_one_table_is_said_before_any_is_searched(
    files: tuple[str, str], tmp_path: Path, others: list[str], samplers: list[str], words: str
) -> None:
    heard = Stopping()
    (tmp_path / "again").mkdir()
    shutil.copy(files[1], tmp_path / "again" / "noisy.npz")
    with chdir(tmp_path), pytest.raises(UsageError, match=words):
        comparisons(heard, *files, *others, samplers=samplers)
    assert heard.news == []
