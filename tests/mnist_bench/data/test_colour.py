"""MNIST in three channels: made of grey files alone, the packaged ones or others, and known again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mnist_bench.data.choice import Data, DataOptions, form_of
from mnist_bench.data.mnist import load_training_set
from mnist_bench.data.own import options_for
from mnist_bench.data.test_set import open_test_set
from mnist_bench.errors import DataError
from mnist_bench.picture_form import PictureForm
from mnist_bench.space_files import space_sources
from mnist_bench.studies.checked import training_set
from search.errors import SpaceError
from support.own_data import arrays, write_data, write_npz

pytestmark = pytest.mark.slow

RED = PictureForm(channels=3, height=28, width=28, classes=10)


def test_the_digits_are_mnists_and_so_is_their_split() -> None:
    grey = load_training_set(DataOptions(subset=1200))
    red = load_training_set(replace(options_for(None, dataset="mnist-red"), subset=1200))
    assert red.options.form == RED
    assert (red.images.images[:, 0] == grey.images.images).all()
    assert not red.images.images[:, 1:].any()
    assert (red.images.labels == grey.images.labels).all()
    assert red.split.digest == grey.split.digest
    assert red.data_hash != grey.data_hash


@pytest.mark.parametrize("own", [False, True])
def test_it_is_made_of_any_files_and_loaded_again_as_recorded(tmp_path: Path, own: bool) -> None:
    folder = write_data(tmp_path / "data", train=1200, test=100) if own else None
    options = options_for(folder, dataset="mnist-red")
    loaded = load_training_set(options)
    images = open_test_set(options, purpose="look", ledgers=[]).images
    assert (loaded.images.images.shape[1:], images.shape[1:]) == ((3, 28, 28), (3, 28, 28))
    recorded = Data(dataset="mnist-red", data_hash=loaded.data_hash, split_hash=loaded.split.digest, form=RED)
    assert recorded.is_own is own
    assert training_set(recorded, folder, "The record").options == options


def test_pictures_in_colour_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(DataError, match="mnist-red needs gray images; these have 32x32 pixels in color"):
        options_for(write_npz(tmp_path / "mine.npz", arrays()), dataset="mnist-red")


def test_a_space_names_its_data_set(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("dataset: mnist-red\nlimits: {macs: 20_000}\nmodel: {blocks: 0, hidden_units: {int: [10, 20]}}\n")
    with pytest.raises(SpaceError, match="the smallest network has 23,620 MACs per image"):
        space_sources.load(file)
    assert space_sources.load(file, form=lambda named: form_of("mnist"))  # as where a command names another
    file.write_text("dataset: mnist-red\n")
    assert space_sources.dataset_of(space_sources.load(file)) == "mnist-red"
    assert space_sources.dataset_of(space_sources.load(file, ["dataset=mnist"])) == "mnist"
    file.write_text("dataset: mnist-rde\n")
    with pytest.raises(SpaceError, match="dataset: mnist-rde is not"):
        space_sources.load(file)
