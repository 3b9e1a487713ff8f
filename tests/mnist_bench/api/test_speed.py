"""Measurements of this machine, asked for from Python, on a few images."""

from __future__ import annotations

import pytest

import mnist_bench
from mnist_bench.bench.measured_nets import nets


@pytest.mark.integration
def test_the_speed_is_measured_by_as_many_workers_as_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_bench.bench.speed.IMAGES", {"cpu": 256})
    monkeypatch.setattr("mnist_bench.bench.speed.EVALUATED", {"cpu": 250})
    rounds: list[int] = []
    found = mnist_bench.measure_speed(repeats=1, workers=1, device="cpu", precision="fp32", on_round=rounds.append)
    assert rounds == [0, 1]
    assert (found.repeats, found.processes, found.images, found.machine.precision) == (1, 1, 256, "fp32")
    assert [net.net for net in found.nets] == list(nets())
    assert all(net.images_per_second.median > 0 for net in found.nets)
