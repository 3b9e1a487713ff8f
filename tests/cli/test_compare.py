"""`mnist-bench compare` over studies made by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from search.study.studies import StoredStudy
from support import handmade


def other(**data: Any) -> StoredStudy:
    """Return a study of which the best trial gets more images wrong; `data` are entries of its data set."""
    trials = [handmade.trial(0, range(7), params={"optim.lr": 0.01}, seed=7), handmade.trial(1, range(3, 40), seed=8)]
    return handmade.changed(handmade.study(trials, name="conv-1"), seed=1, context={"data": data})


@pytest.fixture(autouse=True)
def studies(cli: Any) -> None:
    """Let there be conv-1, its repetition conv-2, and two that are the same search as conv-0."""
    again = handmade.mixed(name="conv-2")
    changed = replace(again, name="changed", trials=(replace(again.trials[0], state="FAIL"), *again.trials[1:]))
    numerics = {"check": "f" * 64, "cpu": "another"}
    cli.studies |= {
        "conv-1": other(),
        "conv-2": again,
        "changed": changed,
        "machine": handmade.changed(replace(changed, name="machine"), numerics=numerics),
        "images": replace(other(split_hash="f" * 64, subset=6000), name="images"),
    }


SIDES: dict[str, tuple[str, ...]] = {
    "conv-0 conv-1": (
        "conv-0 #1 99.50% [98.83, 99.79] 5 1,000 6 (3 complete)",
        "On the same 1,000 images, conv-0/1 alone is right on 2, and conv-1/0 alone on 0. No significant difference",
        "`mnist-bench confirm` trains it with fresh seeds.",
        "seed 0 1",
        "conv-0 and conv-1 first differ at the seed of trial 0: 100 in conv-0, 7 in conv-1.",
    ),
    "conv-0 images": (
        "No test: conv-0/1 was validated on 1,000 images of your own data (split 01234567), and images/0 on 1,000 "
        "images of your own data, subset 6,000 (split ffffffff).",
    ),
    "conv-0 conv-2": (
        "conv-0 and conv-2 are identical, bit for bit: digest ",
        "conv-0 and conv-2 share #0, #1, #2, #3, #4, #7.",
        "conv-0 and conv-2 do not differ",
    ),
    "conv-0 changed": ("conv-0 and changed are the same search, with different results",),
    "conv-0 machine": ("are the same search, on machines or with versions that differ, with different results",),
    "conv-0/1 conv-1/1": (
        "conv-1/1 different different",
        "first differ in a result, period 1, val loss: 0.05 in conv-0/1, 0.37 in conv-1/1.",
    ),
    "conv-0 conv-1/1": (
        "conv-0 and conv-1/1 first differ in a result, period 1, val loss: 0.05 in conv-0, 0.37 in conv-1/1.",
        "Trials shared with conv-0: the same configuration and seed",
    ),
}
"""What is told of two sides, with single spaces."""


@pytest.mark.parametrize("sides", SIDES)
def test_two_sides_are_told_apart(cli: Any, sides: str) -> None:
    shown = cli("compare", *sides.split())
    assert shown.exit_code == 0, shown.output
    text = "\n".join(" ".join(line.split()) for line in shown.stdout.splitlines())
    assert [words for words in SIDES[sides] if words not in text] == []
    assert ("Settings that differ" in text) == (sides not in ("conv-0 conv-2", "conv-0 changed"))
    assert ("are the same search" in text) == (sides in ("conv-0 changed", "conv-0 machine"))
