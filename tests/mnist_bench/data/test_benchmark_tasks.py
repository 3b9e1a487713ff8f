"""Benchmark tasks, made of the packaged training files."""

from __future__ import annotations

import numpy as np
import pytest

from mnist_bench.data import DataOptions, TrainingSet, load_training_set
from mnist_bench.errors import DataError


@pytest.fixture(scope="module")
def whole() -> TrainingSet:
    return load_training_set(DataOptions())


@pytest.fixture(scope="module")
def clean() -> TrainingSet:
    return load_training_set(DataOptions(task="mnist-5k"))


def test_the_parts_are_disjoint_and_validate_on_what_a_search_validates_on(
    whole: TrainingSet, clean: TrainingSet
) -> None:
    train, validation, unseen = (
        set(part.tolist()) for part in (clean.split.train, clean.split.validation, clean.unseen)
    )
    assert (len(train), len(validation), len(unseen)) == (5_000, 10_000, 20_000)
    assert not train & validation
    assert not unseen & (train | validation)
    assert validation == set(whole.split.validation.tolist())
    assert not len(whole.unseen)


def test_every_part_is_stratified(clean: TrainingSet) -> None:
    shares = np.bincount(clean.images.labels, minlength=10) / 60_000
    for part in (clean.split.train, clean.unseen):
        counts = np.bincount(clean.images.labels[part], minlength=10)
        assert np.abs(counts - shares * len(part)).max() < 1


def test_a_fifth_of_the_training_labels_is_wrong_and_no_other(clean: TrainingSet) -> None:
    wrong = load_training_set(DataOptions(task="mnist-5k-wrong"))
    differ = wrong.images.labels != clean.images.labels
    assert differ.sum() == differ[clean.split.train].sum() == 1_000
    shifts = (wrong.images.labels.astype(int) - clean.images.labels)[differ] % 10
    assert np.bincount(shifts, minlength=10)[1:].min() > 70  # each of nine other labels about as often: 111
    assert wrong.split.digest == clean.split.digest
    assert wrong.data_hash != clean.data_hash


def test_the_largest_task_uses_nearly_all_images(clean: TrainingSet) -> None:
    largest = load_training_set(DataOptions(task="mnist-40k"))
    parts = (largest.split.train, largest.split.validation, largest.unseen)
    assert [len(part) for part in parts] == [40_000, 10_000, 9_900]
    assert len(set(np.concatenate(parts).tolist())) == 59_900
    assert (largest.split.validation == clean.split.validation).all()


@pytest.mark.slow
def test_coarse_pictures_have_14_by_14_pixels_in_28_by_28(clean: TrainingSet) -> None:
    coarse = load_training_set(DataOptions(task="mnist-5k-coarse"))
    squares = coarse.images.images[::10].reshape(-1, 14, 2, 14, 2)
    assert (squares == squares[:, :, :1, :, :1]).all()
    means = clean.images.images[::10].reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4))
    assert np.abs(squares[:, :, 0, :, 0] - means).max() <= 0.5


@pytest.mark.slow
def test_another_seed_gives_other_images_to_each_part(clean: TrainingSet) -> None:
    other = load_training_set(DataOptions(task="mnist-5k", split_seed=7))
    assert (len(other.split.train), len(other.split.validation), len(other.unseen)) == (5_000, 10_000, 20_000)
    common = np.intersect1d(other.split.train, clean.split.train)
    assert 300 < len(common) < 540  # 417 of 5,000 by chance, with a standard deviation of 19
    assert other.split.digest != clean.split.digest
    assert other.data_hash == clean.data_hash
    assert clean.split.digest[:16] == "00fe278adf1f736a"


def test_a_seed_of_the_split_is_for_a_task() -> None:
    with pytest.raises(DataError, match="split_seed is for a task"):
        DataOptions(split_seed=1)


def test_a_task_is_made_of_the_packaged_files_alone() -> None:
    with pytest.raises(DataError, match="leave out all settings except task='mnist-5k'"):
        DataOptions(task="mnist-5k", subset=100)
