"""Contests over tables, several at once, and what they refuse."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mnist_bench.experiments.contest.compare import ContestOptions, compare_methods
from mnist_bench.experiments.grid import Observer
from mnist_bench.tables import shipped, stored
from search.errors import UsageError
from support import experiments, tables
from support.paths import TESTS
from support.tables import table

pytestmark = pytest.mark.slow

ASKED = ContestOptions(samplers=("random",), pruners=("none",), seeds=4, trials=5, concurrent_trials=4, workers=(4,))


def test_two_tables_of_one_name_are_refused(tmp_path: Path) -> None:
    copied = tmp_path / "small.npz"
    shutil.copy(TESTS / "data" / "small.npz", copied)
    asked = replace(ASKED, tables=(str(TESTS / "data" / "small.npz"), str(copied)))
    with pytest.raises(UsageError, match=r"^--table: 2 of the tables are called '?small'?; name each once\.$"):
        compare_methods(asked, Observer())


def test_a_table_of_values_is_searched_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_bench.value_tables.made.load", lambda name: tables.value_table(name=name))
    (found,) = compare_methods(replace(ASKED, tables=("scikit-learn/mlp-wine",)), Observer())
    assert (found.task, found.measure, found.develops) == ("scikit-learn/mlp-wine", "regret", False)
    assert (found.training_seconds, found.guess) == (1.0, 1)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """Return the files of two tables of the same points on two tasks."""
    made = [table(), table(noise=0.004, name="noisy")]
    paths = [tmp_path / f"{one.name}.npz" for one in made]
    for path, one in zip(paths, made, strict=True):
        path.write_bytes(stored.pack(one.about, one.arrays))
    return str(paths[0]), str(paths[1])


def test_each_table_is_a_contest_of_its_own_whose_reference_is_better_than_what_is_found_but_no_lucky_row(
    files: tuple[str, str],
) -> None:
    first, second = compare_methods(replace(ASKED, tables=files), Observer())
    assert (first.task, second.task) == ("handmade", "noisy")
    names = ["random", "random ×2", "first period, then the best"]
    assert [entrant.name for entrant in first.entrants] == names
    assert all(len(traces) == 4 for traces in first.traces)
    assert (first.seen_images, first.unseen_images, first.seeds) == (10_000, 20_000, (0, 1, 2, 3))
    assert first.training_seconds == pytest.approx(0.4 * 5 / 3)
    assert first.reference is not None
    mean, error = first.reference
    made = shipped.load(files[0])
    luckiest = min(made.unseen_error(point, seed) for point in range(len(made)) for seed in range(3))
    assert luckiest < mean < np.mean([trace.found for trace in first.traces[0] if trace.found is not None])
    assert 0 < error < 0.002


def test_pairs_may_compete_alone_with_other_seeds(files: tuple[str, str]) -> None:
    asked = replace(ASKED, tables=files[:1], samplers=("random", "tpe"), baselines=False, first_seed=7)
    (contest,) = compare_methods(asked, Observer())
    assert [entrant.name for entrant in contest.entrants] == ["random", "tpe"]
    assert contest.seeds == (7, 8, 9, 10)


def test_progress_is_told_in_tenths(files: tuple[str, str]) -> None:
    news = experiments.Stopping()
    compare_methods(replace(ASKED, tables=files[:1], seeds=10), news)
    assert news.news[-1] == "handmade: 30 of 30 searches"
    assert len(news.news) == 10


def test_what_does_not_fit_one_table_is_said_before_any_is_searched(files: tuple[str, str]) -> None:
    news = experiments.Stopping()
    with pytest.raises(UsageError, match="no sampler 'gp'"):
        compare_methods(replace(ASKED, tables=files, samplers=("gp",)), news)
    assert news.news == []
    with pytest.raises(UsageError, match="no table"):
        compare_methods(replace(ASKED, tables=("nowhere",)), news)
