"""The data set on its device."""

from __future__ import annotations

import numpy as np
import pytest

from mnist_bench.data.choice import DataOptions
from mnist_bench.data.mnist import Images, load_training_set
from mnist_bench.data.tensors import Dataset, with_evaluation_images


def test_the_training_part_is_normalised_and_the_hashes_are_those_of_the_arrays(digits: Dataset) -> None:
    loaded = load_training_set(DataOptions(subset=1200))
    assert (digits.data_hash, digits.split_hash) == (loaded.data_hash, loaded.split.digest)
    assert (len(digits.train), len(digits.validation)) == (1000, 200)
    pixels = digits.normalise(digits.pixels(digits.train))
    assert pixels.mean().item() == pytest.approx(0, abs=1e-5)
    assert pixels.std().item() == pytest.approx(1, abs=1e-4)


def test_images_for_evaluation_are_normalised_like_the_training_part(digits: Dataset) -> None:
    images = Images(images=np.full((3, 28, 28), 7, np.uint8), labels=np.array([1, 2, 3], np.uint8))
    shown = with_evaluation_images(digits, images)
    assert shown.validation.tolist() == [0, 1, 2]
    assert len(shown.train) == 0
    pixel = shown.normalise(shown.pixels(shown.validation))[0, 0, 0, 0].item()
    assert pixel == pytest.approx((7 - digits.moments[0].mean) / digits.moments[0].std)


def test_all_images_together_are_normalised_by_their_own_moments(digits: Dataset) -> None:
    everything = digits.training_on("all")
    assert everything.train.tolist() == sorted([*digits.train.tolist(), *digits.validation.tolist()])
    pixels = everything.normalise(everything.pixels(everything.train))
    assert pixels.mean().item() == pytest.approx(0, abs=1e-5)
    assert pixels.std().item() == pytest.approx(1, abs=1e-4)
    assert everything.moments != digits.moments
    assert digits.training_on("search_split") is digits
