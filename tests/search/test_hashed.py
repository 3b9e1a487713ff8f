"""Every text and order that digests and seeds hash, written a second time: a change here changes published digests."""

from __future__ import annotations

from typing import get_args

from search import hashed
from search.hashed import derived_seed, digest

PURPOSES = {
    "trial": 1729094887,
    "sampler": 1269359154,
    "sequence": 3070616446,
    "covering": 3332238720,
    "pruner": 3318972213,
    "init": 1870583113,
    "order": 3370838345,
    "augment": 487910465,
    "dropout": 1790760207,
    "draws": 1156626971,
    "made-up pictures": 1752325608,
    "confirm": 1338072059,
    "confirm-all": 3624166301,
    "ablation": 3634872665,
    "ladder": 3099727889,
    "split": 3882023864,
    "training": 213604741,
}


def test_the_digest_of_a_study_is_that_of_the_first_version() -> None:
    metrics = {"errors": 12, "epoch": 1.0, "train_loss": 0.5, "val_loss": 0.25}
    curve = (
        hashed.Point(value=0.5, metrics=metrics, weights="ab", end=None),
        hashed.Point(value=None, metrics={}, weights="cd", end="diverged"),
    )
    rows = [
        hashed.Row(
            number=number,
            params={"optim.lr": 0.1, "model.filters": [8, 16]},
            seed=7,
            curve=curve,
            state="PRUNED",
            reason="diverged",
            external=False,
        )
        for number in (1, 0)
    ]
    assert digest(rows) == digest(reversed(rows)) == "ec36a77cc736ab7d3ddec09036d21f7171a1a054315845e915200ab86b6a4934"


def test_texts_that_are_hashed_are_never_renamed() -> None:
    assert set(get_args(hashed.State)) == {"RUNNING", "COMPLETE", "PRUNED", "FAIL"}
    assert hashed.NET_METRICS == ("epoch", "train_loss", "val_loss", "errors")
    assert set(get_args(hashed.EndReason)) == {"diverged", "out_of_memory", "finished"}
    assert set(get_args(hashed.Reason)) == {
        "complete", "pruned", "infeasible", "diverged", "out_of_memory", "timed_out", "crashed", "running",
        "paused",
    }  # fmt: skip


def test_seeds_are_those_of_the_first_version() -> None:
    assert {purpose: derived_seed(7, purpose, 3) for purpose in get_args(hashed.Purpose)} == PURPOSES
