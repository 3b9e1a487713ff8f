"""The validation split: fixed, stratified, disjoint."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from mnist_bench.data.split import CLASSES, make_split, validation_size
from mnist_bench.errors import DataError
from support.dose import dose

LABELS = st.lists(st.integers(0, 9), min_size=10, max_size=400).map(lambda labels: np.array(labels, np.uint8))


@settings(max_examples=dose(60))
@given(LABELS)
def test_split_is_a_stratified_partition(labels: np.ndarray) -> None:
    split = make_split(labels)
    assert sorted([*split.train.tolist(), *split.validation.tolist()]) == list(range(len(labels)))
    assert len(split.validation) == len(labels) // 6
    fair = np.bincount(labels, minlength=CLASSES) * len(split.validation) / len(labels)
    assert np.all(np.abs(np.bincount(labels[split.validation], minlength=CLASSES) - fair) < 1)


@settings(max_examples=dose(40))
@given(LABELS, st.data())
def test_subsets_grow(labels: np.ndarray, data: st.DataObject) -> None:
    small = data.draw(st.integers(10, len(labels)))
    large = data.draw(st.integers(small, len(labels)))
    first, second = (make_split(labels, subset=size) for size in (small, large))
    members = [set(split.train.tolist()) | set(split.validation.tolist()) for split in (first, second)]
    assert len(members[0]) == small
    assert members[0] <= members[1]


def test_the_split_never_changes() -> None:
    whole = "a8851d0194adf86088330c44a167da5d3a49a9cc433e8540c777cb2c86a115ba"
    of_a_hundred = "adfb4c4d2c2c3e6400ba25fe53cfbac29b0a1191ec20ee8bbd1e10c494a7bcb7"
    assert make_split(np.arange(600) % 10).digest == whole
    assert make_split(np.arange(600) % 10, subset=100).digest == of_a_hundred


@pytest.mark.parametrize(("images", "validating"), [(60_000, 10_000), (10_000, 2_000), (6_000, 1_000), (5_999, 999)])
def test_sizes(images: int, validating: int) -> None:
    assert validation_size(images) == validating


@pytest.mark.parametrize("subset", [-1, 0, 9, 601])
def test_a_subset_out_of_range_is_refused(subset: int) -> None:
    with pytest.raises(DataError, match="subset"):
        make_split(np.arange(600) % 10, subset=subset)
