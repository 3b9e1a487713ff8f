"""A machine's figures, worked out by hand from seconds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mnist_bench.bench.kernels import operations
from mnist_bench.bench.measured_nets import nets
from mnist_bench.bench.speed import EVALUATED, IMAGES, Spread, summary
from mnist_bench.bench.speed_tables import speed_tables
from mnist_bench.config.schedule import Schedule
from mnist_bench.nets.architecture import plan_layers
from support.handmade_speed import MACHINE, seconds, speed


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
        assert schedule.steps_in(0) * schedule.batch_size(0) == IMAGES[device] <= 50_000
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


def test_on_a_gpu_an_epoch_with_replayed_steps_stands_beside() -> None:
    """One process that trains 3,000 images in half a second, where giving the steps out one by one takes four."""
    rounds = [{**seconds(4.0), **{(net, "replayed"): 0.5 for net in nets()}}]
    found = summary(rounds, replace(MACHINE, gpu="Some Card"), 1, images=3000, evaluated=1000)
    replayed = found.nets[0].replayed
    assert replayed is not None
    assert replayed.median == pytest.approx(10.0)
    table = speed_tables(found)
    assert [column.heading for column in table[0].columns][2:4] == ["epoch", "replayed"]
    assert any(line.startswith("replayed: ") for line in table[1].footnotes)
    on_cpu = speed_tables(speed(4.0))
    assert "replayed" not in [column.heading for column in on_cpu[0].columns]
    assert not any(line.startswith("replayed: ") for line in on_cpu[1].footnotes)


def test_the_filled_floor_counts_maps_up_to_groups_of_sixteen() -> None:
    """Of two-conv's layers only the first convolutions have 24 maps, counted as 32; conv-mid has 16 and 32."""
    two_conv, *_, conv_mid = speed(2.0).nets
    maps, filled = 25 * 24 * 784 + 9 * 24 * 32 * 196, 25 * 32 * 784 + 9 * 32 * 32 * 196
    assert two_conv.filled_floor / two_conv.floor == pytest.approx((two_conv.macs - maps + filled) / two_conv.macs)
    assert conv_mid.filled_floor == conv_mid.floor


def test_bfloat16_that_is_slower_is_told_first() -> None:
    found = speed(2.0)
    assert found.bf16_over_fp32 == pytest.approx(0.5)
    assert len(speed_tables(found)[0].caption) == 1
    slow = [replace(rate, gflops=Spread(median=1, low=1, high=1)) if rate.precision == "bf16" else
            replace(rate, gflops=Spread(median=3, low=3, high=3)) for rate in found.rates]  # fmt: skip
    told = speed_tables(replace(found, rates=tuple(slow)))[0].caption[1]
    assert told.startswith("bfloat16 is SLOWER than float32 here: a convolution takes 3.0 times as long, with PyTorch ")
