"""Search methods compared: curves, verdicts, plans and what holds over tables, by figures worked out by hand."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import chdir
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats as oracle  # type: ignore[import-untyped]

from mnist_bench.experiments import method_plan
from mnist_bench.experiments.method_comparison import Difference, MethodComparison, Standing, compare_methods, finding
from mnist_bench.experiments.method_plan import Endpoint
from mnist_bench.experiments.replays import ReplayedTable, Searched, check_fit, line_up
from mnist_bench.experiments.trainings import Observer
from mnist_bench.plots import frame, search_methods
from mnist_bench.result_table import Result
from mnist_bench.statistics import effect_shown
from mnist_bench.tables import SHIPPED, stored
from search.errors import UsageError
from search.strategies.pruners import Asha
from search.strategies.samplers import ForeignSampler, Tpe
from support.experiments import CLEAR, CLOSE, Stopping, comparison, finals, trace
from support.paths import ROOT
from support.tables import table, value_table

BOTH = {method: CLEAR[method] | CLOSE[method] for method in CLEAR}
"""Two tables, of which the second has three seeds."""
EVEN = {method: {name: ends[:3] for name, ends in of_method.items()} for method, of_method in BOTH.items()}


def difference(rows: Sequence[Standing], number: int = -1) -> Difference:
    found = rows[number].difference
    assert found is not None
    return found


def test_a_curve_is_the_regret_of_the_current_choice_and_a_guess_before_the_first() -> None:
    found = comparison({"random": {"a": [trace((2.0, 0.5), (5.05, 0.25), (10.0, 0.125)), trace()]}})
    at = [1.9, 2.0, 5.0, 5.1, 9.9, 10.0, 11.0]
    np.testing.assert_array_equal(found.regrets(at)[0, 0], [[1, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125], [1] * 7])


times = st.lists(st.floats(0.01, 10), min_size=0, max_size=5).map(sorted)


@given(found=st.lists(times, min_size=1, max_size=4), at=times.filter(len))
def test_curves_are_what_a_loop_reads(found: list[list[float]], at: list[float]) -> None:
    traces = [trace(*((spent, 1 / (2 + number)) for number, spent in enumerate(ats))) for ats in found]
    expected = [[([1.0] + [one.regret for one in trace if one.spent <= now])[-1] for now in at] for trace in traces]
    np.testing.assert_array_equal(comparison({"random": {"a": traces}}).regrets(at)[0, 0], expected)


def test_on_one_table_methods_are_compared_in_pairs_of_seeds_at_each_budget_and_adjusted_for_all() -> None:
    rows = finals(CLEAR).standings()
    assert [(row.method, row.trials) for row in rows] == [
        ("tpe + asha", 4), ("tpe + asha", 10), ("random", 4), ("random", 10),
    ]  # fmt: skip
    assert [row.regret for row in rows] == pytest.approx([0.8, 0.2, 0.8, 0.3])
    assert rows[1].difference is None
    found, expected = difference(rows), oracle.ttest_1samp([0.1, 0.11, 0.09, 0.1], 0)
    assert (found.mean, found.low, found.high) == pytest.approx((0.1, *expected.confidence_interval()))
    assert found.p_value == pytest.approx(2 * expected.pvalue)  # of two comparisons, the other one has p = 1
    assert (found.verdict, found.wins, found.ties, found.losses) == ("worse", 0, 0, 4)
    early = difference(rows, 2)
    assert (early.verdict, early.ties) == ("no difference shown", 4), "equal is for a plan to say"


def test_where_no_search_has_selected_anything_nothing_is_compared() -> None:
    rows = comparison({"tpe": {"a": [trace((5, 0.2))] * 2}, "random": {"a": [trace((5, 0.2)), trace()]}}).standings()
    assert [row.difference is None for row in rows] == [True, True, True, False]


def test_what_is_not_shown_tells_which_difference_would_have_been() -> None:
    found = difference(finals(CLOSE).standings())
    assert found.verdict == "no difference shown"
    assert found.detectable == pytest.approx(np.std([-0.01, 0.05, 0.01], ddof=1) * effect_shown(3, 0.025))


def test_over_tables_each_table_counts_once_by_its_mean() -> None:
    rows = finals(EVEN).standings()
    differences = [np.mean([0.3, 0.29, 0.31]) - np.mean([0.2, 0.18, 0.22]), np.mean([0.19, 0.24, 0.16]) - 0.18]
    found, expected = difference(rows), oracle.ttest_1samp(differences, 0)
    assert rows[-1].regret == pytest.approx(np.mean([0.3, np.mean([0.19, 0.24, 0.16])]))
    assert (found.low, found.high) == pytest.approx([*expected.confidence_interval()])
    assert (found.wins, found.ties, found.losses) == (0, 0, 2)


@pytest.mark.parametrize(
    ("low", "high", "p_value", "margin", "verdict"),
    [
        (-0.05, -0.01, 0.01, 0.02, "better"),
        (0.01, 0.05, 0.01, 0.02, "worse"),
        (0.01, 0.05, 0.05, 0.02, "no difference shown"),
        (0.005, 0.019, 1e-9, 0.02, "equal"),  # whatever p says
        (-0.019, 0.019, 0.5, 0.02, "equal"),
        (-0.019, 0.02, 0.5, 0.02, "no difference shown"),
        (0.0, 0.0, 1.0, 0.0, "no difference shown"),  # without a plan
    ],
)
def test_equal_is_what_lies_within_the_margin_with_its_whole_interval(
    low: float, high: float, p_value: float, margin: float, verdict: str
) -> None:
    assert made(low, high, p_value, margin).verdict == verdict


def made(low: float, high: float, p_value: float, margin: float = 0.0) -> Difference:
    return Difference(
        mean=(low + high) / 2, low=low, high=high, p_value=p_value, detectable=0.1, wins=0, ties=0, losses=0,
        planned="primary" if margin else "not planned", margin=margin,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("regrets", "heading"),
    [
        ({}, "tpe + asha alone takes part: there is nothing to compare"),
        ({"random": [0.31, 0.3, 0.29]}, "tpe + asha has 10.0 percentage points less regret than random at 10 trials"),
        (
            {"random": [0.41, 0.4, 0.39], "curves + asha": [0.11, 0.1, 0.09]},
            "curves + asha has 10.0 percentage points less regret than tpe + asha at 10 trials",
        ),
        ({"random": [0.2] * 3}, "No difference between tpe + asha and random is shown at 10 trials"),
        (
            {"random": [0.2] * 3, "curves + asha": [0.1, 0.2, 0.31]},
            "No difference between tpe + asha and another method is shown at 10 trials",
        ),
    ],
)
def test_the_heading_is_the_largest_difference_that_is_shown(regrets: dict[str, list[float]], heading: str) -> None:
    given = {"tpe + asha": [0.2] * 3, **regrets}
    assert finding(finals({method: {"a": ends} for method, ends in given.items()}).standings()) == heading


@pytest.mark.parametrize("methods", [2, 8])
def test_of_comparisons_without_a_difference_at_most_one_in_twenty_claims_one(methods: int) -> None:
    draws = np.random.default_rng(methods)
    claimed = 0
    for _ in range(400):
        # Skewed, and a seed does something that all methods share.
        ends = 0.3 + draws.normal(0, 0.02, 10) + draws.gamma(4, 0.01, (methods, 10))
        given = {f"random {number}": {"a": one} for number, one in enumerate(ends.tolist())}
        rows = finals(given, trials=(10,)).standings()
        claimed += any(row.difference and row.difference.verdict in ("better", "worse") for row in rows)
    assert 0.005 < claimed / 400 < 0.072  # 0.05 and two standard errors


# Plans

PLAN = """tables: [a, b]
samplers: [tpe, random]
pruners: [none]
seeds: 3
trials: [4, 10]
endpoint: {method: random, trials: 10}
margin: 0.5
"""


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    file = tmp_path / "plan.yaml"
    file.write_text(PLAN)
    return file


def test_a_plan_says_what_is_primary_secondary_and_not_planned(plan: Path) -> None:
    read = method_plan.read(plan)
    assert read.endpoint == Endpoint(method="random", trials=10)
    three = {"tpe": EVEN["tpe + asha"], "random": EVEN["random"], "curves": EVEN["random"]}
    rows = finals(three, plan=read, trials=(4, 5, 10)).standings()
    planned = [(row.difference.planned, row.difference.verdict) for row in rows if row.difference]
    assert planned[:3] == [
        ("secondary", "equal"),
        ("not planned", "no difference shown"),
        ("primary", "no difference shown"),
    ]
    assert {one for one, _ in planned[3:]} == {"not planned"}
    primary = difference(rows, 5)
    assert primary.p_value == pytest.approx(difference(finals(EVEN, trials=(10,)).standings()).p_value), "not corrected"
    assert finding(rows) == "No difference between tpe and random is shown at 10 trials"


def test_the_published_plan_is_of_all_tables_that_are_shipped() -> None:
    assert method_plan.read(ROOT / "results/published/samplers.yaml").tables == SHIPPED


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("seeds: 3", "seeds: 1", "plan.yaml:4:8  seeds: 1 is not an integer of at least 2"),
        ("seeds: 3", "seed: 3", "plan.yaml:4:1  seed: no such field; did you mean `seeds`?"),
        ("margin: 0.5", "margin: 2", "plan.yaml:7:9  margin: 2 is not a number between 0 and 1"),
        ("trials: [4, 10]\n", "", "plan.yaml:1:1  trials is missing"),
        (
            "method: random",
            "method: radnom",
            "plan.yaml:6:20  endpoint.method: radnom is not a method that is compared",
        ),
        ("trials: 10}", "trials: 11}", "plan.yaml:6:36  endpoint.trials: 11 is not among the trials [4, 10]"),
        (PLAN, "tables: [a", "plan.yaml:1:"),
        (PLAN, "- 1", "plan.yaml:1:1  a plan is a mapping with tables, samplers"),
    ],
)
def test_a_fault_of_a_plan_is_named_with_its_line(plan: Path, old: str, new: str, words: str) -> None:
    plan.write_text(PLAN.replace(old, new))
    with pytest.raises(UsageError) as refused:
        method_plan.read(plan)
    assert words in str(refused.value)


def test_a_plan_of_other_tables_seeds_or_another_first_method_fixes_nothing(plan: Path) -> None:
    read = method_plan.read(plan)
    assert read.fixes(("b", "a"), "tpe", 3, 8)
    assert not any([read.fixes(("a",), "tpe", 3, 8), read.fixes(("a", "b"), "random", 3, 8)])
    assert not any([read.fixes(("a", "b"), "tpe", 4, 8), read.fixes(("a", "b"), "tpe", 3, 1)])


# As tables


def test_a_row_tells_regret_difference_wins_and_verdict() -> None:
    table = finals(CLEAR).table()
    rows = [dict(zip([column.heading for column in table.columns], texts, strict=True)) for texts in table.texts()]
    assert {*rows[1].values()} == {"tpe + asha", "10", "20.0%", ""}
    assert (rows[3]["against tpe + asha"], rows[3]["verdict"]) == ("+10.00 [8.70, 11.30]", "worse")
    assert [rows[3][name] for name in ("wins", "ties", "losses", "p", "planned")] == [
        "0",
        "0",
        "4",
        "<0.001",
        "not planned",
    ]


def test_captions_say_what_the_figures_rest_on(plan: Path) -> None:
    searches = {"random": {"a": [trace()] * 2}}
    failed = Searched(table="a", method="random", seed=1, choices=(), failed=True)
    found = comparison(searches, develops=("a",))
    caption = " ".join(
        MethodComparison(
            **{name: getattr(found, name) for name in found.__slots__} | {"searches": (*found.searches[:1], failed)}
        )
        .table()
        .caption
    )
    assert "table a: 2 seeds, 8 concurrent trials." in caption
    assert "intervals cover other seeds, not other data" in caption
    assert "a: choices are scored with the seed that the search saw" in caption
    assert "1 of the searches of random ended early" in caption
    assert "No plan fixed these searches" in caption
    planned = finals(EVEN, plan=method_plan.read(plan)).table().caption
    assert "Planned: margin 50.00 percentage points; all but the primary row is secondary." in planned
    assert "A table counts by its mean over the seeds: intervals cover other tables like these." in planned


def test_as_data() -> None:
    found = finals(EVEN)
    values = json.loads(json.dumps(Result([found.table()]).plain))
    assert values["finding"] == "No difference between tpe + asha and random is shown at 10 trials"
    assert (values["tables"], values["trials"], values["seeds"], values["plan"]) == (
        ["a", "b"],
        [4, 10],
        [0, 1, 2],
        None,
    )
    assert values["rows"][3]["losses"] == 2
    assert values["by_table"][0] == {"table": "a", "tpe + asha": pytest.approx(0.2), "random": pytest.approx(0.3)}
    assert values["searches"][0]["choices"][1]["regret"] == 0.2
    assert repr(found).startswith("No difference between tpe + asha and random is shown at 10 trials.")


@pytest.mark.parametrize("regrets", [EVEN, {"random": {"a": [0.2]}}])
def test_a_picture_has_the_finding_and_the_units_of_its_bands(regrets: Mapping[str, Mapping[str, list[float]]]) -> None:
    found = finals(regrets)
    drawn = search_methods.regret(found)
    assert drawn.finding == finding(found.standings())
    assert frame.render(drawn, ["svg"]) == frame.render(search_methods.regret(found), ["svg"])
    assert any("intervals over tables" in remark for remark in drawn.remarks) == (len(found.tables) > 1)


def test_bands_leave_out_what_all_methods_share() -> None:
    shared, own = np.array([0.1, 0.5, 0.3]), np.array([[0.0, 0.0, 0.0], [0.1, 0.12, 0.11]])
    reach = search_methods.reach((own + shared)[:, :, None])[:, 0]
    half = oracle.ttest_1samp([0.1, 0.12, 0.11], 0).confidence_interval()
    assert reach == pytest.approx([(half.high - half.low) / 2 / 2**0.5] * 2)


# The methods


def test_every_sampler_comes_with_every_pruner_and_options_of_its_own() -> None:
    names = [one.name for one in line_up(("tpe", "random"), ("asha", "none")).values()]
    assert names == ["tpe + asha", "tpe", "random + asha", "random"]
    methods = [*line_up(("tpe", {"name": "tpe", "n_startup_trials": 5}), ("asha", {"name": "median"})).values()]
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
    own, built_in = line_up([{"name": f"{file}:Mine", "times": 3}, "tpe"], ["none"]).values()
    assert (dict(own.sampler_options), dict(built_in.sampler_options)) == ({"times": 3}, {})
    assert isinstance(own.strategies()[0], ForeignSampler)
    assert own.name == f"{file}:Mine (times=3)"


def test_what_does_not_fit_is_said_before_anything_runs(tmp_path: Path) -> None:
    on = ReplayedTable(table())
    (method,) = line_up([{"name": "curves", "n_startup_trials": 0}], ["asha"]).values()
    with pytest.raises(UsageError, match=r"n_startup_trials is 0; it takes an integer from 1"):
        check_fit(method, on)
    for method in line_up(["tpe", "random", "optuna:QMCSampler"], ["none", "median"]).values():
        check_fit(method, on)
    file = tmp_path / "moody.py"
    file.write_text("import random\nfrom optuna.samplers import RandomSampler\nclass Moody(RandomSampler):\n"
                    "    def __init__(self, seed): super().__init__(random.randrange(2**31))\n")  # fmt: skip
    (method,) = line_up([f"{file}:Moody"], ["none"]).values()
    with pytest.raises(UsageError, match=r"Moody.*not repeatable"):
        check_fit(method, on)


# Comparisons that are run


def compared(observer: Observer, *tables: str, **changed: Any) -> MethodComparison:
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
    monkeypatch.setattr("mnist_bench.tables.value_table.load", lambda name: value_table())
    found = compared(Observer(), "scikit-learn/mlp-wine")
    assert (found.tables, found.develops) == (("made/handmade",), ())


@pytest.mark.slow
def test_searches_that_are_known_are_not_repeated_and_progress_is_told_in_tenths(files: tuple[str, str]) -> None:
    heard, ended = Stopping(), list[Searched]()
    found = compared(heard, *files, samplers=["random", "tpe"], seeds=15, on_search=ended.append)
    assert (found.methods, found.tables, found.trials) == (("random", "tpe"), ("handmade", "noisy"), (3, 5))
    assert sorted(ended, key=found.searches.index) == [*found.searches]
    assert (len(heard.news), heard.news[9]) == (10, "60 of 60 searches")
    again, of_again = Stopping(), list[Searched]()
    asked: dict[str, Any] = {"samplers": ["random", "tpe"], "seeds": 15, "known": ended[:-1]}
    assert compared(again, *files, **asked, on_search=of_again.append) == found
    assert (of_again, again.news) == (ended[-1:], ["1 of 1 searches"])


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
        compared(heard, *files, *others, samplers=samplers)
    assert heard.news == []
