"""The data sets as arrays: reading, hashing, splitting, and the one door to the test set."""

from __future__ import annotations

from mnist_bench.data.door import open_test_set
from mnist_bench.data.guard import close_test_set
from mnist_bench.data.mnist import DataOptions, Images, TrainingSet, load_training_set
from mnist_bench.data.split import Split, make_split

__all__ = [
    "DataOptions",
    "Images",
    "Split",
    "TrainingSet",
    "close_test_set",
    "load_training_set",
    "make_split",
    "open_test_set",
]
