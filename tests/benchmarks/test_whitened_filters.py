"""The maker of whitened filters: it whitens, and writes numbers that float32 keeps."""

from __future__ import annotations

import json

import numpy as np
import whitened_filters
from whitened_filters import covariance, rounded, text, whitening

from mnist_bench.nets.architecture import WHITENED_KERNELS


def images() -> whitened_filters.Floats:
    """Return smooth noise."""
    noise = np.random.default_rng(0).normal(size=(40, 12, 12))
    return noise + np.roll(noise, 1, axis=1) + np.roll(noise, 1, axis=2)


def test_filters_make_patches_white() -> None:
    filters = whitening(images(), 3).reshape(9, 9)
    np.testing.assert_allclose(filters @ covariance(images(), 3) @ filters.T, np.eye(9), atol=0.02)


def test_the_file_is_json_that_float32_reads_without_loss() -> None:
    filters = rounded(whitening(images(), 3))
    content = {"data_hash": "d", "split": "s", "images": 40, "filters": {"3": filters, "5": filters}}
    assert json.loads(text(content)) == content
    exact = whitening(images(), 3).reshape(9, 9)
    assert (np.array(filters, np.float32) == exact.astype(np.float32)).mean() > 0.99


def test_there_are_filters_of_each_kernel_that_a_net_may_have() -> None:
    assert tuple(whitened_filters.SIDES) == WHITENED_KERNELS
