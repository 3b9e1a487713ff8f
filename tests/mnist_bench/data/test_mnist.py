"""Loading training sets: the packaged one, a user's folder, a relative by name."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from mnist_bench.data import choice, mnist
from mnist_bench.data.choice import DataOptions
from mnist_bench.data.mnist import CLASSES, Images, idx_files, images_in, load_training_set, make_split, validation_size
from mnist_bench.data.own import options_for
from mnist_bench.data.tensors import Dataset, with_evaluation_images
from mnist_bench.data.test_set import open_test_set
from mnist_bench.errors import DataError
from mnist_bench.picture_form import PictureForm
from mnist_bench.studies.checked import training_set
from support.dose import dose
from support.own_data import arrays, write_data, write_idx, write_npz

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
    words = rf"{IMAGES}: its content has SHA-256 [0-9a-f]{{64}}, not {choice.SHA256[IMAGES]}"
    with pytest.raises(DataError, match=words):
        load_training_set(DataOptions())


def test_a_folder_needs_no_test_files_and_its_hash_is_of_the_pixels_and_not_of_the_packing(folder: Path) -> None:
    first = load_training_set(DataOptions(data_dir=str(folder)))
    (folder / f"{LABELS}.gz").write_bytes(gzip.compress((folder / LABELS).read_bytes()))
    (folder / LABELS).unlink()
    second = load_training_set(DataOptions(data_dir=str(folder)))
    assert (first.data_hash, first.split.digest) == (second.data_hash, second.split.digest)
    assert len(first.split.validation) == 10
    write_idx(folder / IMAGES, np.zeros((60, 28, 28)))
    assert load_training_set(DataOptions(data_dir=str(folder))).data_hash != first.data_hash


@pytest.mark.parametrize("text", ["a note", "[]", '{"classes": ["a", "b"]}', '{"sha256": {}}', "[" * 100_000])
def test_a_file_of_the_users_own_called_as_ours_is_let_be(folder: Path, text: str) -> None:
    (folder / mnist.ABOUT).write_text(text)
    loaded = load_training_set(DataOptions(data_dir=str(folder)))
    assert (len(loaded.images.labels), loaded.names) == (60, ())


def test_files_made_of_a_set_are_loaded_as_the_same_set(folder: Path) -> None:
    loaded, copy = load_training_set(DataOptions(data_dir=str(folder))), folder / "copy"
    copy.mkdir()
    for name, content in idx_files(loaded).items():
        (copy / name).write_bytes(content)
    again = load_training_set(DataOptions(data_dir=str(copy)))
    assert (again.data_hash, again.split.digest) == (loaded.data_hash, loaded.split.digest)


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


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dataset": "cifar-10"}, "not one of mnist, mnist-red, fashion-mnist"),
        ({"dataset": "kmnist", "data_dir": "here"}, "not by both"),
    ],
)
def test_unknown_and_double_names_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        DataOptions(**options)


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


DIGITS = st.lists(st.integers(0, 9), min_size=10, max_size=400).map(lambda labels: np.array(labels, np.uint8))


@settings(max_examples=dose(60))
@given(DIGITS)
def test_split_is_a_stratified_partition(labels: np.ndarray) -> None:
    split = make_split(labels)
    assert sorted([*split.train.tolist(), *split.validation.tolist()]) == list(range(len(labels)))
    assert len(split.validation) == len(labels) // 6
    fair = np.bincount(labels, minlength=CLASSES) * len(split.validation) / len(labels)
    assert np.all(np.abs(np.bincount(labels[split.validation], minlength=CLASSES) - fair) < 1)


@settings(max_examples=dose(40))
@given(DIGITS, st.data())
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


@pytest.mark.parametrize(("images", "subset"), [(600, -1), (600, 9), (600, 601), (9, None)])
def test_what_cannot_be_split_is_refused(images: int, subset: int | None) -> None:
    with pytest.raises(DataError, match="a subset must have 10 to 600" if subset else "9 images are too few to split"):
        make_split(np.arange(images) % 10, subset=subset)


RED = PictureForm(channels=3, height=28, width=28, classes=10)


@pytest.mark.slow
@pytest.mark.parametrize("own", [False, True])
def test_mnist_red_is_made_of_any_files_split_as_they_are_and_loaded_again_as_recorded(
    tmp_path: Path, own: bool
) -> None:
    folder = write_data(tmp_path / "data", train=1200, test=100) if own else None
    options = replace(options_for(folder, dataset="mnist-red"), subset=1200)
    red, grey = load_training_set(options), load_training_set(replace(options_for(folder), subset=1200))
    assert options.form == RED
    assert (red.images.images[:, 0] == grey.images.images).all()
    assert not red.images.images[:, 1:].any()
    assert (red.images.labels == grey.images.labels).all()
    assert red.split.digest == grey.split.digest
    assert red.data_hash != grey.data_hash
    assert open_test_set(options, purpose="look", logs=[]).images.shape[1:] == (3, 28, 28)
    assert red.data.is_own is own
    assert training_set(red.data, folder, "The record").options == options


@pytest.mark.slow
def test_pictures_in_colour_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(DataError, match="mnist-red needs gray images; these have 32x32 pixels in color"):
        options_for(write_npz(tmp_path / "mine.npz", arrays()), dataset="mnist-red")


def test_pixels_are_normalised_by_the_moments_of_what_is_trained_on(digits: Dataset) -> None:
    loaded = load_training_set(DataOptions(subset=1200))
    assert (digits.data_hash, digits.split_hash) == (loaded.data_hash, loaded.split.digest)
    assert (len(digits.train), len(digits.validation)) == (1000, 200)
    everything = digits.training_on("all")
    assert everything.train.tolist() == sorted([*digits.train.tolist(), *digits.validation.tolist()])
    assert everything.moments != digits.moments
    assert digits.training_on("search_split") is digits
    for data in (digits, everything):
        pixels = data.normalise(data.pixels(data.train))
        assert pixels.mean().item() == pytest.approx(0, abs=1e-5)
        assert pixels.std().item() == pytest.approx(1, abs=1e-4)
    images = Images(images=np.full((3, 28, 28), 7, np.uint8), labels=np.array([1, 2, 3], np.uint8))
    shown = with_evaluation_images(digits, images)
    assert (shown.validation.tolist(), len(shown.train)) == ([0, 1, 2], 0)
    pixel = shown.normalise(shown.pixels(shown.validation))[0, 0, 0, 0].item()
    assert pixel == pytest.approx((7 - digits.moments[0].mean) / digits.moments[0].std)
