from __future__ import annotations

from mnist_bench.statistics import by_seed


def test_a_run_that_did_not_end_leaves_no_mean() -> None:
    assert by_seed.finished([3, None, 0]) == [3, 0]
    assert by_seed.complete([3, None, 0]) is None
    assert by_seed.mean([3, None, 0]) is None


def test_of_runs_that_finished_all_are_counted_even_those_without_an_error() -> None:
    assert by_seed.complete((3, 4, 0)) == by_seed.finished((3, 4, 0)) == [3, 4, 0]
    assert by_seed.mean((3, 5, 0, 0)) == 2.0
