"""Several studies in one ranking: order, ranks and ties across them, what is not tested, and what stays apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from mnist_bench.joint_leaderboard.joint import joint_leaderboard_of, on_same_images, why_apart
from mnist_bench.joint_leaderboard.joint_table import joint_table_of
from mnist_bench.leaderboard.board import cut
from mnist_bench.statistics.inference import holm, mcnemar
from search.errors import UsageError
from search.study.studies import StoredStudy
from support import handmade, handmade_values


def study(name: str, *wrong: Sequence[int], **more: Any) -> StoredStudy:
    return handmade.study([handmade.trial(n, each, **more) for n, each in enumerate(wrong)], name=name)


FIRST = study("a", range(20), range(5), range(300))
SECOND = study("b", range(6), range(100, 140))


def with_other_images(found: StoredStudy) -> StoredStudy:
    context = found.spec["context"]
    data = {**context["data"], "split_hash": "f" * 64}
    return replace(found, spec={**found.spec, "context": {**context, "data": data}})


def test_the_trials_of_all_studies_are_in_one_order() -> None:
    board = joint_leaderboard_of([FIRST, SECOND])
    assert [(row.rank, row.study, row.number) for row in board.rows] == [
        (1, "a", 1), (2, "b", 0), (3, "a", 0), (4, "b", 1), (5, "a", 2)
    ]  # fmt: skip
    assert (board.counts["complete"], board.goal, len(board.boards)) == (5, 5, 2)


def test_ties_are_those_of_the_paired_test_over_all_studies() -> None:
    board = joint_leaderboard_of([FIRST, SECOND])
    bits = [handmade.trial(0, wrong) for wrong in (range(5), range(6), range(20), range(100, 140), range(300))]
    from mnist_bench.leaderboard.correctness import correctness

    right = [correctness(trial) for trial in bits]
    expected = holm([mcnemar(right[0], other) for other in right[1:] if other is not None and right[0] is not None])
    assert [row.net and row.net.p_value for row in board.rows] == [None, *expected]
    assert [row.tied for row in board.rows] == [False, True, False, False, False]
    assert board.net is not None
    assert board.net.tied == 2


def test_equal_trials_are_in_the_order_of_the_studies() -> None:
    board = joint_leaderboard_of([study("z", range(5)), study("a", range(5))])
    assert [row.study for row in board.rows] == ["z", "a"]


def test_paused_and_pruned_trials_come_after_all_complete_ones() -> None:
    paused = handmade.trial(1, range(2), periods=2, state="RUNNING", reason="paused")
    pruned = handmade.trial(2, range(1), periods=2, state="PRUNED")
    board = joint_leaderboard_of([handmade.study([handmade.trial(0, range(9)), paused, pruned], name="a"), SECOND])
    assert [(row.study, row.number) for row in board.rows] == [("b", 0), ("a", 0), ("b", 1), ("a", 1), ("a", 2)]
    assert joint_table_of(board).divisions() == {4: "ended early"}


def test_the_table_says_what_it_compares() -> None:
    table = joint_table_of(cut(joint_leaderboard_of([FIRST, SECOND]), 2), ("--results", "mine"))
    assert [column.heading for column in table.columns][:4] == ["rank", "study", "trial", "validation"]
    first, *digests, judged = table.caption
    assert first == "a, b in one ranking: 5 complete of 5 trials."
    assert [line.split()[-1] for line in digests] == ["a", "b"]
    assert judged == "Accuracy of 1,000 validation images, 95% intervals."
    assert table.footnotes[0] == "3 more; `mnist-bench leaderboard a b --top 5 --results mine` shows all."
    assert any(line.endswith("2 of 5 complete trials are tied.") for line in table.footnotes)
    assert table.footnotes[-1] == "The test set has not been evaluated."
    assert [(record["study"], record["rank"]) for record in table.records()] == [("a", 1), ("b", 2)]
    assert table.document["rows"][1]["study"] == "b"


def test_what_is_not_tested_is_told() -> None:
    old = study("old", range(7))
    bare = tuple(replace(report, details={}) for report in old.trials[0].reports)
    old = replace(old, trials=(replace(old.trials[0], reports=bare),))
    board = joint_leaderboard_of([FIRST, old])
    assert (board.untested, [row.net and row.net.p_value for row in board.rows if row.study == "old"]) == (1, [None])
    told = "Not tested, because it is not stored which images were classified correctly: 1 complete trial."
    assert told in joint_table_of(board).footnotes
    everything = study("all", range(1), params={"train_on": "all"})
    board = joint_leaderboard_of([FIRST, everything])
    assert (board.untested, board.trained_on) == (0, 4)
    worse = joint_leaderboard_of([FIRST, study("all", range(9), params={"train_on": "all"})])
    assert (worse.untested, worse.trained_on) == (0, 1)
    assert sum(row.net is not None and row.net.p_value is not None for row in worse.rows) == 2
    assert all(row.net is not None and row.net.p_value is None for row in board.rows)


def test_studies_with_other_images_stay_apart() -> None:
    other = with_other_images(study("c", range(3)))
    assert [[each.name for each in group] for group in on_same_images([FIRST, other, SECOND])] == [["a", "b"], ["c"]]
    reason = why_apart(on_same_images([FIRST, other, SECOND]))
    assert reason == (
        "Not in one ranking: a and b were judged on 1,000 images of your own data (split 01234567); "
        "c was judged on 1,000 images of your own data (split ffffffff)."
    )
    with pytest.raises(UsageError, match=r"^Not in one ranking: a was judged on 1,000 images of your own data"):
        joint_leaderboard_of([FIRST, other])
    assert why_apart(on_same_images([FIRST, SECOND])) is None


def test_a_study_of_another_trainer_stays_apart() -> None:
    values = handmade_values.study([handmade_values.trial(0, [1.0] * 4)])
    reason = why_apart(on_same_images([FIRST, values]))
    assert reason is not None
    assert reason.endswith(f"{values.name} has values of its own trainer or objective, and no images.")


def test_a_notebook_shows_the_joint_table() -> None:
    board = joint_leaderboard_of([FIRST, SECOND])
    assert repr(board).splitlines()[0].startswith("a, b in one ranking: 5 complete of 5 trials.")
    assert "<th>study</th>" in board._repr_html_()
