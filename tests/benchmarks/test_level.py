"""The comparison on stand-ins: what is read from its searches, and what its page says."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mnist_bench.experiments.contest.contest_record import BestConfiguration, Contest, Entrant, Trace
from support.paths import ROOT

sys.path.insert(0, str(ROOT / "benchmarks" / "strategies"))
import level

RANDOM, CURVES = level.RANDOM, level.CURVES


def searched(*choices: tuple[float, float]) -> Trace:
    """Return a search that chose at these costs, with these errors."""
    found = [
        BestConfiguration(spent=spent, seen=error, unseen=error, trial=number, params={})
        for number, (spent, error) in enumerate(choices)
    ]
    return Trace(choices=tuple(found), spent=50, trials=9, complete=len(found))


def contest(slots: int = 8) -> Contest:
    random = tuple(searched((5, 0.03 + seed / 1000), (30, 0.02)) for seed in range(4))
    curves = tuple(searched((8, 0.025), (15, 0.02), (40, 0.0175 + seed / 10_000)) for seed in range(4))
    return Contest(
        instrument="stand-in", task="conv-5k/gp", space="conv", budget=50, training_seconds=1.0, slots=slots,
        workers=(slots,), seeds=(0, 1, 2, 3), entrants=(RANDOM, CURVES), traces=(random, curves), seen_images=10_000,
        unseen_images=20_000, develops=False,
    )  # fmt: skip


def test_errors_are_read_where_they_stood_after_a_cost() -> None:
    found = {one.spent: one.seen for one in level.rows(contest())}
    assert [round(found[spent].difference, 3) for spent in (9, 20, 50)] == [-0.65, -1.15, -0.235]
    assert {one.way for one in level.rows(contest())} == {"curves + asha"}
    assert found[20].verdict == "better"


def test_a_search_without_a_choice_has_the_error_of_a_guess() -> None:
    late = replace(contest(), traces=(tuple(searched((30, 0.02)) for _ in range(4)), contest().traces[1]))
    found = {one.spent: one.seen for one in level.rows(late)}
    assert found[9].difference == pytest.approx(-87.5)


def test_the_page_has_a_row_for_each_method_and_says_how_many_trials_ran_at_once() -> None:
    said = level.paragraphs([contest(), contest(slots=1)], "--kept")
    assert said[2] == "4 seeds, 8 concurrent trials:"
    assert said[4] == "4 seeds, one trial at a time:"
    assert said[3].splitlines()[0] == "| conv-5k/gp, compared with random + asha | 9 | 20 | 50 |"
    assert said[3].splitlines()[2].startswith("| curves + asha | -0.65 [")


def test_only_methods_that_have_made_their_searches_are_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(level, "BUDGET", 2)
    ways = [Entrant(sampler="random", pruner="asha"), Entrant(sampler="sobol", pruner="asha")]
    assert level.ours("conv-5k/trees", ways, 4, 2, kept=True) is None
    made = level.ours("conv-5k/trees", ways, 4, 2, kept=False)
    assert made is not None
    assert made.seeds == (0, 1)
    assert level.ours("conv-5k/trees", ways, 4, 9, kept=True) == made
    assert level.ours("conv-5k/trees", [*ways, CURVES], 4, 9, kept=True) == made
