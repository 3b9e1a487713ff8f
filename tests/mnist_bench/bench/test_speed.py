"""A machine's figures, worked out by hand from seconds."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from mnist_bench.bench import published as published_module
from mnist_bench.bench.kernels import operations
from mnist_bench.bench.nets import nets
from mnist_bench.bench.published import plain, published
from mnist_bench.bench.speed import EVALUATED, IMAGES
from mnist_bench.config.schedule import Schedule
from mnist_bench.nets.architecture import plan_layers
from search.errors import StorageError
from support.handmade_speed import speed


def test_the_four_nets_are_those_of_the_recipes() -> None:
    found = nets()
    assert [(name, config.optim.batch_size) for name, config in found.items()] == [
        ("two-conv", 256), ("batchnorm-128", 128), ("batchnorm-32", 32), ("conv-mid", 128)
    ]  # fmt: skip
    assert plan_layers(found["batchnorm-32"].model).parameters == 340_700
    assert {(config.epochs, config.train_on) for config in found.values()} == {(1, "search_split")}


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_pass_is_whole_batches_of_every_net(device: str) -> None:
    for config in nets().values():
        schedule = Schedule(config=config, images=IMAGES[device])
        assert schedule.steps_per_epoch * schedule.batch_size == IMAGES[device] <= 50_000
    assert EVALUATED[device] <= 10_000


def test_images_a_second_are_those_of_all_processes() -> None:
    """Two processes train 3,000 images each in 2, 4 and 5 seconds: 6,000 / 4 a second, ten times 4 seconds an epoch."""
    net = speed(2.0, 5.0, 4.0).nets[0]
    assert (net.images_per_second.median, net.images_per_second.low, net.images_per_second.high) == (1500, 1200, 3000)
    assert (net.epoch.median, net.epoch.low, net.epoch.high) == (40, 20, 50)


def test_augmentation_is_what_distorted_batches_take_more_than_plain_ones() -> None:
    net = speed(4.0).nets[1]
    assert net.load.median == pytest.approx(0.4)
    assert net.augment.median == pytest.approx(4.0)
    assert net.train.median == pytest.approx(36.0)
    assert net.evaluate.median == pytest.approx(6.0)  # 1,000 images of 10,000 on each of two


def test_rates_are_those_of_a_process_and_the_floor_that_of_all() -> None:
    found = speed(4.0)
    rates = {(rate.kernel, rate.precision): rate.gflops.median for rate in found.rates}
    assert list(rates) == [("matrix product", "fp32"), ("convolution", "fp32"), ("convolution", "bf16")]
    assert rates["convolution", "bf16"] == pytest.approx(operations("convolution", "cpu") / 1e9)
    assert rates["convolution", "bf16"] == pytest.approx(2 * rates["convolution", "fp32"])
    net = found.nets[0]
    assert net.floor == pytest.approx(60_000 * 6 * net.macs / (2e9 * rates["convolution", "bf16"]))
    assert net.times_floor == pytest.approx(40 / net.floor)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(published_module, "FOLDER", tmp_path)
    return tmp_path


def test_no_folder_is_no_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(published_module, "FOLDER", tmp_path / "none")
    assert published() == {}


def test_what_is_read_back_is_what_was_measured(folder: Path) -> None:
    import json

    found = speed(2.0, 4.0)
    (folder / "abacus.json").write_text(json.dumps({"schema_version": 1, **plain(found)}))
    assert published() == {"abacus": found}


@given(content=st.binary(max_size=60) | st.sampled_from([b"{}", b'{"machine": {}}', b"[1]", b"NaN"]))
def test_another_file_there_is_one_sentence(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("published")
    (folder / "other.json").write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(published_module, "FOLDER", folder)
        with pytest.raises(StorageError, match=r"other\.json: is not what `mnist-bench bench speed --json` prints\."):
            published()
