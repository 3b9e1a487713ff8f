"""Fetch MNIST's relatives through torchvision, into the user's cache folder."""

from __future__ import annotations

from typing import assert_never

import numpy as np

from mnist_bench.config.settings import DatasetName
from mnist_bench.data import guard
from mnist_bench.data.cache_folder import cache_folder
from mnist_bench.data.idx import Bytes
from mnist_bench.errors import DataError
from search.messages import lacks

IMAGES = 60_000
"""Training images of each of them."""


def download(name: DatasetName, *, train: bool) -> tuple[Bytes, Bytes]:
    """Return the images, shape (N, 28, 28), and labels, shape (N,), of `name`; the first call downloads them.

    torchvision downloads training and test files together, so test files may be opened meanwhile. Only the part that
    `train` selects is returned.

    Raises:
        DataError: torchvision is not installed, or the files cannot be fetched.
    """
    try:
        from torchvision import datasets  # type: ignore[import-untyped]
    except ImportError as error:
        raise DataError(f"{lacks(f'the download of {name}', 'torchvision', 'datasets')}, or give its folder") from error
    try:
        with guard.passage():
            loaded = getattr(datasets, _class_name(name))(str(cache_folder()), train=train, download=True)
    except (OSError, RuntimeError) as error:
        raise DataError(
            f"{name} cannot be downloaded ({error}); without a network connection, give its folder instead"
        ) from error
    labels = loaded.targets.numpy()
    # The targets of QMNIST have eight columns; the first is the class.
    return loaded.data.numpy(), labels.reshape(len(labels), -1)[:, 0].astype(np.uint8)


def _class_name(name: DatasetName) -> str:
    match name:
        case "mnist" | "mnist-red":
            return "MNIST"
        case "fashion-mnist":
            return "FashionMNIST"
        case "kmnist":
            return "KMNIST"
        case "qmnist":
            return "QMNIST"
        case _:
            assert_never(name)
