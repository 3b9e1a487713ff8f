from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.comparison.run_test import verdicts_of
from mnist_bench.comparison.sides import Run, side_of
from mnist_bench.leaderboard.correctness import correct_bits
from mnist_bench.statistics.inference import mcnemar
from mnist_bench.statistics.two_shares import fisher
from support import handmade


def run_with(wrong: Sequence[int], name: str, *, weights: str = "", **data: Any) -> Run:
    """Return a run of a study of this name that gets these images wrong; `data` are entries of its data set."""
    study = handmade.study([handmade.trial(0, wrong)], name=name)
    study.spec["context"]["data"].update(data)
    run = side_of(study, Path("results")).run
    assert run is not None
    return replace(run, reports=(*run.reports[:-1], replace(run.reports[-1], weights=weights or name)))


@pytest.mark.parametrize(
    ("first", "second", "sentence"),
    [
        (
            run_with(range(6), "a"),
            run_with(range(3, 40), "b"),
            "On the same 1,000 images, a/0 alone is right on 34, and b/0 alone on 3. a/0 is significantly better, by "
            "3.10 percentage points [1.89, 4.30] (McNemar, p < 0.0001).",
        ),
        (
            run_with(range(3, 40), "b"),
            run_with(range(6), "a"),
            "On the same 1,000 images, b/0 alone is right on 3, and a/0 alone on 34. a/0 is significantly better, by "
            "3.10 percentage points [1.89, 4.30] (McNemar, p < 0.0001).",
        ),
        (
            run_with(range(6), "a"),
            run_with(range(3, 10), "b"),
            "On the same 1,000 images, a/0 alone is right on 4, and b/0 alone on 3. No significant difference "
            "(McNemar, p = 1): a/0 is ahead by 0.10 percentage points [−0.49, 0.69].",
        ),
        (
            run_with(range(3), "a"),
            run_with(range(3, 6), "b"),
            "On the same 1,000 images, a/0 alone is right on 3, and b/0 alone on 3. No significant difference "
            "(McNemar, p = 1): 0.00 percentage points [−0.55, 0.55].",
        ),
    ],
)
def test_on_the_same_images_the_test_is_paired_and_the_better_one_named(first: Run, second: Run, sentence: str) -> None:
    (test,) = verdicts_of(first, [second])
    assert (test.method, test.images, test.sentence) == ("paired", (1000, 1000), sentence)
    assert test.is_significant == ("significantly better" in sentence)
    assert first.record is not None
    assert second.record is not None
    assert test.p_value == mcnemar(*(correct_bits(str(run.record and run.record.correct)) for run in (first, second)))


@pytest.mark.parametrize("changed", [{"split_hash": "f" * 64}, {"data_hash": "f" * 64}])
def test_on_different_images_the_test_is_unpaired(changed: dict[str, str]) -> None:
    first, second = run_with(range(6), "a"), run_with(range(40), "b", **changed)
    (test,) = verdicts_of(first, [second])
    assert (test.method, test.same_images, test.only_first) == ("unpaired", False, None)
    assert test.p_value == fisher((994, 960), (1000, 1000))
    assert test.sentence.startswith("a/0 was judged on 1,000 images, and b/0 on 1,000 other ones. a/0 is significantly")


def test_without_the_correct_images_the_same_images_are_tested_unpaired() -> None:
    first, second = run_with(range(6), "a"), run_with(range(40), "b")
    assert second.record is not None
    (test,) = verdicts_of(first, [replace(second, record=replace(second.record, correct=None))])
    assert (test.method, test.same_images) == ("unpaired", True)
    assert test.sentence.startswith(
        "On the same 1,000 images, it was not kept which of them each classified correctly."
    )


def test_several_tests_are_adjusted() -> None:
    first, others = run_with(range(6), "a"), [run_with(range(6 + n), f"b{n}") for n in (6, 9)]
    tests = verdicts_of(first, others)
    assert [test.p_value for test in tests] == pytest.approx([2**-5, 2 * 2**-8])
    single = [one for other in others for one in verdicts_of(first, [other])]
    assert [test.p_value for test in single] == pytest.approx([2**-5, 2**-8])


def test_equal_weights_need_no_test() -> None:
    (test,) = verdicts_of(run_with(range(6), "a", weights="w"), [run_with(range(6), "b", weights="w")])
    assert test.sentence == "a/0 and b/0 are not tested against each other, because they have the same weights."


def test_a_network_that_was_trained_on_its_images_is_not_tested() -> None:
    first, second = run_with(range(6), "a"), run_with(range(6), "b")
    assert second.record is not None
    on_all = replace(second, record=replace(second.record, recipe={**second.record.recipe, "train_on": "all"}))
    (test,) = verdicts_of(first, [on_all])
    assert (test.method, test.reason) == ("none", "b/0 was trained on the validation images, too")


def test_values_are_not_tested() -> None:
    runs = [
        side_of(replace(handmade.value_study([handmade.value_trial(0, [0.1, 0.2, 0.3, 0.4])]), name=name), Path("r"))
        for name in "ab"
    ]
    first, second = (side.run for side in runs)
    assert first is not None
    assert second is not None
    (test,) = verdicts_of(first, [second])
    assert (test.method, test.p_value) == ("none", None)
    assert "a/0 has one value and no images" in test.sentence
