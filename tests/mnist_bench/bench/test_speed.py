"""How fast this machine trains: measured on a few images, and shown as a table."""

from __future__ import annotations

from itertools import islice

import pytest
import torch

import mnist_bench
from mnist_bench import bench
from mnist_bench.bench import nets


@pytest.mark.slow
def test_the_speed_is_measured_by_as_many_workers_as_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_bench.bench.IMAGES", {"cpu": 256})
    monkeypatch.setattr("mnist_bench.bench.VALIDATION", 100)
    few = dict(islice(nets().items(), 2))
    monkeypatch.setattr("mnist_bench.bench.nets", lambda: few)
    rounds: list[int] = []
    found = mnist_bench.measure_speed(repeats=1, workers=1, device="cpu", precision="fp32", on_round=rounds.append)
    assert rounds == [0, 1]
    assert (found.repeats, found.processes, found.images, found.machine.precision) == (1, 1, 256, "fp32")
    assert [net.net for net in found.nets] == list(few)
    assert all(0 < net.low == net.median == net.high for net in found.nets)


def test_a_convolution_in_bfloat16_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "BATCH", 2)
    assert 0 < bench.bf16_over_fp32(torch.device("cpu")) < 1000
