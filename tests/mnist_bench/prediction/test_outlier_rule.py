"""The rule that finds pictures unlike the training images."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from mnist_bench.data.mnist import DataOptions
from mnist_bench.data.tensors import Dataset, load_dataset
from mnist_bench.export.winner import Winner
from mnist_bench.picture_form import MNIST
from mnist_bench.prediction.outlier_rule import OutlierRule, calibrated_rule, check, parse, to_text
from mnist_bench.prediction.preparation import prepare
from support import handmade_winner
from support.no_digits import chequered, smiley

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def winner(digits: Dataset) -> Winner:
    return handmade_winner.winner(handmade_winner.config(handmade_winner.NETS["before"]), digits)


@pytest.fixture(scope="module")
def rule(winner: Winner) -> OutlierRule:
    found = winner.validation.outliers
    assert found is not None
    return found


def test_it_marks_a_hundredth_of_the_validation_images(winner: Winner, rule: OutlierRule, digits: Dataset) -> None:
    said = winner.model.predict(list(digits.pixels(digits.validation).numpy()[:, 0]))
    assert sum(bool(one.outlier) for one in said) == rule.marked
    assert (rule.images, rule.marked) == (200, 1)  # the 199th of 200 scores is the threshold


def test_training_images_are_its_references_and_are_not_marked(
    winner: Winner, rule: OutlierRule, digits: Dataset
) -> None:
    trained_on = digits.pixels(digits.train[:300])
    said = winner.model.predict(list(trained_on.numpy()[:, 0]))
    assert sum(bool(one.outlier) for one in said) <= 6
    assert (rule.count, rule.pixels) == (962, 196)  # 100 of each class that has so many


def test_faces_and_boards_are_marked(device: torch.device) -> None:
    data = load_dataset(DataOptions(subset=6000), device)
    winner = handmade_winner.winner(handmade_winner.config(handmade_winner.NETS["after"]), data)
    shown = {"face": smiley(), "thin face": smiley(6), "board": chequered()}
    said = winner.model.predict([prepare(picture) for picture in shown.values()])
    marked = {name for name, one in zip(shown, said, strict=True) if one.outlier}
    assert marked == set(shown)


def test_too_few_validation_images_give_no_rule(digits: Dataset) -> None:
    few = replace(digits, validation=digits.validation[:98])
    assert calibrated_rule(few, np.full((98, 10), 0.1), drawn=True) is None
    enough = replace(digits, validation=digits.validation[:99])
    found = calibrated_rule(enough, np.full((99, 10), 0.1), drawn=False)
    assert found is not None
    assert (found.surprise, found.marked) == ((), 0)


def test_its_text_is_the_rule(rule: OutlierRule) -> None:
    assert parse(to_text(rule)) == rule
    assert check(rule, MNIST) is rule
    for other in (replace(MNIST, classes=11), replace(MNIST, height=9)):
        with pytest.raises(ValueError, match="a rule for outliers that is not of"):
            check(rule, other)


@pytest.mark.parametrize(
    "damaged",
    [
        lambda values: values | {"references": values["references"][:400]},
        lambda values: values | {"references": "no base64"},
        lambda values: values | {"count": 10**9},
        lambda values: values | {"above": None},
        lambda values: values | {"doubt_scale": 0},
        lambda values: values | {"surprise": [[1.0]]},
        lambda values: values | {"more": 1},
    ],
)
def test_a_damaged_text_is_refused(rule: OutlierRule, damaged: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - pydantic's or the rule's own
        parse(json.dumps(damaged(json.loads(to_text(rule)))))
