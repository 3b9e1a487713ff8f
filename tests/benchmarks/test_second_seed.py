"""The study of a second seed: which trial each way selects, and by what it is scored."""

from __future__ import annotations

from pathlib import Path

import pytest
import second_seed

from mnist_bench import tables, value_tables
from support import handmade_table, handmade_value_table

pytestmark = pytest.mark.slow


def test_a_table_of_values_sees_one_seed_and_scores_with_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(value_tables, "load", lambda name: handmade_value_table.table(name=name))
    table = second_seed.OfValues("hpobench/car")
    best = handmade_value_table.BEST
    assert [table.result(best, seed)[0] < table.result(best, seed + 1)[0] for seed in range(2)] == [True, True]
    assert table.result(best, 1)[1] == pytest.approx(0)
    found = list(second_seed.pairs(table, "hpobench/car", "random", 4))
    assert [pair.budget for pair in found] == [9, 50]
    assert found[1].one == found[1].two
    assert not found[1].changed


def test_pairs_are_kept_and_not_searched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "load", lambda name: handmade_table.table())
    monkeypatch.setattr(second_seed, "BUDGETS", (12, 20))
    kept = tmp_path / "kept.jsonl"
    first = second_seed.searched(["grid-5k"], ["random"], 2, kept)
    content = kept.read_bytes()
    assert second_seed.searched(["grid-5k"], ["random"], 2, kept) == first
    assert kept.read_bytes() == content
    (small, large) = second_seed.rows(first)
    assert (small["budget"], large["budget"], large["searches"]) == (12, 20, 2)
    assert large["difference"] == pytest.approx(large["second_seed"] - large["one_seed"])
