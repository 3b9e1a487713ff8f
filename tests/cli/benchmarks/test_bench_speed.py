"""`mnist-bench bench speed`: measured on a few images, and shown from figures made by hand."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from mnist_bench.bench.speed import Speed, SpeedOptions
from support.handmade_speed import speed

pytestmark = pytest.mark.slow

Run = Callable[..., Result]
NETS = ["two-conv", "batchnorm-128", "batchnorm-32", "conv-mid"]


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let measuring bring figures made by hand."""

    def run(options: SpeedOptions, on_round: Callable[[int], None]) -> Speed:
        for number in range(options.repeats + 1):
            on_round(number)
        return speed(*(2.0 + number for number in range(options.repeats)))

    monkeypatch.setattr("mnist_bench.bench.speed.measure_speed", run)


@pytest.mark.integration
def test_it_measures_every_net_and_kernel(cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_bench.bench.speed.IMAGES", {"cpu": 256})
    monkeypatch.setattr("mnist_bench.bench.speed.EVALUATED", {"cpu": 250})
    monkeypatch.setattr("mnist_bench.cli.options.cores", lambda: 1)
    result = cli("bench", "speed", "--repeats", "1", "--device", "cpu", "--precision", "fp32", "--json")
    assert result.exit_code == 0, result.stderr
    assert result.stderr.splitlines() == ["warm-up", "repeat 1 of 1"]
    found = json.loads(result.stdout)
    assert (found["processes"], found["images"], found["machine"]["precision"]) == (1, 256, "fp32")
    assert [net["net"] for net in found["nets"]] == NETS
    for net in found["nets"]:  # one pass each, beside whatever else the machine does: no time is surely above another
        assert min(net["floor"], *(net[part]["median"] for part in ("epoch", "train", "load"))) > 0
    assert {rate["kernel"] for rate in found["rates"]} == {"matrix product", "convolution"}


@pytest.mark.usefixtures("by_hand")
def test_the_table_says_how_fast_and_how_far_from_the_floor(cli: Run) -> None:
    """Rounds of 2 and 3 seconds, on two cores that train 3,000 images each."""
    result = cli("bench", "speed", "--repeats", "2")
    lines = result.stdout.splitlines()
    assert lines[0] == "2 cores of Abacus [bold]9[/bold], bf16, Python 3.11.7, torch 2.13.0"
    assert lines[2].split()[:4] == ["net", "images/s", "epoch", "load"]
    assert [line.split()[0] for line in lines[3:7]] == NETS
    net = speed(2.0, 3.0).nets[0]
    floor, filled = net.floor, net.filled_floor
    row = f"two-conv 2,500 [2,000, 3,000] 25.0 0.25 2.50 22.5 3.75 {floor:.1f} {filled:.1f} {25 / floor:.1f}"
    assert " ".join(lines[3].split()) == row
    assert any(line.startswith("convolution, bf16 ") for line in lines)
    assert "Medians of 2 repeats of 3,000 images in 2 processes at once" in result.stdout


@pytest.mark.parametrize("device", ["tpu", "cpu:", "cpu:1", "cuda:01", "cuda:²"])
def test_a_device_that_is_not_there_is_a_usage_error(cli: Run, device: str) -> None:
    result = cli("bench", "speed", "--device", device)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"device '{device}' is not one of auto, cpu, cuda" in result.stderr


@pytest.mark.integration
@pytest.mark.cold
def test_ctrl_c_ends_it_and_its_workers(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("mnist-bench")
    process = subprocess.Popen(
        [program, "bench", "speed", "--repeats", "1000", "--device", "cpu"],
        env={**os.environ, "TMPDIR": str(tmp_path)}, cwd=tmp_path,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    assert process.stderr.readline() == "warm-up\n"
    listed = subprocess.run(
        ["ps", "--ppid", str(process.pid), "-o", "pid="], capture_output=True, text=True, check=True
    )
    workers = listed.stdout.split()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err
    assert workers
    assert not [worker for worker in workers if Path("/proc", worker).exists()]
    assert not list(tmp_path.glob("mnist-bench-*"))
