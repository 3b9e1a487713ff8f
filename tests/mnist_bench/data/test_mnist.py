"""Loading training sets: the packaged one, a user's folder, a relative by name."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from mnist_bench.data import choice, mnist
from mnist_bench.data.choice import DataOptions
from mnist_bench.data.mnist import images_in, load_training_set
from mnist_bench.errors import DataError
from support.own_data import write_idx

IMAGES, LABELS = choice.TRAIN_FILES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with 60 training images and no test files."""
    write_idx(tmp_path / IMAGES, np.arange(60 * 784).reshape(60, 28, 28) % 251)
    write_idx(tmp_path / LABELS, np.arange(60) % 10)
    return tmp_path


def test_packaged_mnist_is_split_50000_to_10000() -> None:
    loaded = load_training_set(DataOptions())
    assert loaded.images.images.shape == (60_000, 28, 28)
    assert loaded.images.digests == [choice.SHA256[IMAGES], choice.SHA256[LABELS]]
    assert (len(loaded.split.train), len(loaded.split.validation)) == (50_000, 10_000)
    assert loaded.split.digest == "475dc580a9e566f3ea54ed45b2919c426524e881d254781d61702e05f00db219"
    counts = np.bincount(loaded.images.labels[loaded.split.validation])
    assert np.all(np.abs(counts - np.bincount(loaded.images.labels) / 6) < 1)


def test_images_are_counted_without_reading_them(folder: Path) -> None:
    assert images_in(DataOptions()) == images_in(DataOptions(dataset="kmnist")) == 60_000
    assert images_in(DataOptions(data_dir=str(folder), subset=20)) == 60


def test_a_changed_packaged_file_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mnist, "PACKAGED", folder)
    with pytest.raises(
        DataError, match=rf"{IMAGES}: its content has SHA-256 [0-9a-f]{{64}}, not {choice.SHA256[IMAGES]}"
    ):
        load_training_set(DataOptions())


def test_a_folder_needs_no_test_files_and_packing_does_not_matter(folder: Path) -> None:
    first = load_training_set(DataOptions(data_dir=str(folder)))
    (folder / f"{LABELS}.gz").write_bytes(gzip.compress((folder / LABELS).read_bytes()))
    (folder / LABELS).unlink()
    second = load_training_set(DataOptions(data_dir=str(folder)))
    assert first.data_hash == second.data_hash
    assert first.split.digest == second.split.digest
    assert len(first.split.validation) == 10


@pytest.mark.parametrize("text", ["a note", "[]", '{"classes": ["a", "b"]}', '{"sha256": {}}', "[" * 100_000])
def test_a_file_of_the_users_own_called_as_ours_is_let_be(folder: Path, text: str) -> None:
    (folder / mnist.ABOUT).write_text(text)
    loaded = load_training_set(DataOptions(data_dir=str(folder)))
    assert (len(loaded.images.labels), loaded.names) == (60, ())


def test_another_pixel_is_another_hash(folder: Path) -> None:
    first = load_training_set(DataOptions(data_dir=str(folder)))
    write_idx(folder / IMAGES, np.zeros((60, 28, 28)))
    assert load_training_set(DataOptions(data_dir=str(folder))).data_hash != first.data_hash


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        (IMAGES, np.zeros((60, 28, 27)), r"\(60, 28, 27\), not \(N, 28, 28\)"),
        (IMAGES, np.zeros((61, 28, 28)), "60 labels for the 61 images"),
        (LABELS, np.full(60, 10), "label 10 is not between 0 and 9"),
        (LABELS, np.zeros((60, 1, 1)), r"not \(N,\)"),
    ],
)
def test_a_folder_of_another_form_is_refused(folder: Path, name: str, values: np.ndarray, words: str) -> None:
    write_idx(folder / name, values)
    with pytest.raises(DataError, match=words) as caught:
        load_training_set(DataOptions(data_dir=str(folder)))
    assert str(folder) in str(caught.value)


def test_unknown_and_double_names_are_refused() -> None:
    with pytest.raises(DataError, match="not one of mnist, mnist-red, fashion-mnist"):
        DataOptions(dataset="cifar-10")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="not by both"):
        DataOptions(dataset="kmnist", data_dir="here")


class FakeQmnist:
    """Stands in for torchvision's QMNIST: eight columns of labels."""

    calls: ClassVar[list[dict[str, Any]]] = []

    def __init__(self, root: str, *, train: bool, download: bool) -> None:
        self.calls.append({"root": root, "train": train, "download": download})
        self.data = torch.zeros(60, 28, 28, dtype=torch.uint8)
        self.targets = torch.stack([torch.arange(60) % 10, *[torch.full((60,), 77)] * 7], dim=1)


def test_a_relative_comes_from_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("torchvision.datasets.QMNIST", FakeQmnist)
    loaded = load_training_set(DataOptions(dataset="qmnist"))
    assert loaded.images.labels.tolist() == [index % 10 for index in range(60)]
    assert FakeQmnist.calls == [{"root": str(tmp_path / "mnist-bench"), "train": True, "download": True}]


def test_no_network_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("Error downloading")

    monkeypatch.setattr("torchvision.datasets.FashionMNIST", refuse)
    with pytest.raises(DataError, match=r"fashion-mnist cannot be downloaded \(Error downloading\); without a network"):
        load_training_set(DataOptions(dataset="fashion-mnist"))
