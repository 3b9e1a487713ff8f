"""Whether replayed steps are trusted; what is done without a GPU with recorders of every sort, and on one for real."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mnist_bench.config.settings import ModelConfig, TrainConfig
from mnist_bench.data.tensors import Dataset
from mnist_bench.doctor import machine_checks
from mnist_bench.training import replay_check
from mnist_bench.training.cuda import graphs
from mnist_bench.training.cuda.static_buffers import Work, WorkRecorder
from mnist_bench.training.torch_trainer import TorchTrainer
from search.trainer_api import Report, Steps, finish
from support import wants
from support.paths import ROOT

PROGRAM = (sys.executable, "-c", "from mnist_bench.cli.app import main; main()")
on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason=wants.CUDA)


def right(work: Work, generator: torch.Generator | None) -> Work:
    return work


def idle(work: Work, generator: torch.Generator | None) -> Work:
    """Record something else than the work."""
    return lambda: None


def unable(work: Work, generator: torch.Generator | None) -> Work:
    raise graphs.CaptureError("operation not permitted when stream is capturing\nand so on")


class Tiring:
    """Records until it has recorded so often."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self, work: Work, generator: torch.Generator | None) -> Work:
        """See `static_buffers.WorkRecorder`."""
        self.left -= 1
        return unable(work, generator) if self.left < 0 else work


def outcome(result: tuple[bytes, Report]) -> tuple[object, ...]:
    """Return all of a period's result but its time."""
    state, report = result
    return (state, report.value, dict(report.metrics), report.weights, report.end, dict(report.details))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("record", "verdict"),
    [
        (right, "on"),
        (idle, "off: replayed steps give different results"),
        (unable, "off: operation not permitted when stream is capturing"),
    ],
)
def test_replays_are_used_where_they_give_the_same_bits(digits: Dataset, record: WorkRecorder, verdict: str) -> None:
    assert replay_check.verify_replay(digits, "fp32", record) == verdict


def test_a_device_that_capturing_has_spoilt_is_given_up(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = replay_check._bits
    spoilt: list[bool] = []

    def bits(config: TrainConfig, data: Dataset, precision: object, record: WorkRecorder | None) -> list[object]:
        if record:
            spoilt.append(True)
        return [*trained(config, data, "fp32", record), *spoilt]

    monkeypatch.setattr(replay_check, "_bits", bits)
    with pytest.raises(graphs.CaptureError):
        replay_check.verify_replay(digits, "fp32", unable)


@pytest.mark.slow
def test_the_trainer_says_whether_it_replays(digits: Dataset) -> None:
    assert "graphs" not in TorchTrainer(digits, "fp32").numerics
    assert TorchTrainer(digits, "fp32", record=right).numerics["graphs"] == "on"
    assert TorchTrainer(digits, "fp32", record=idle).numerics["graphs"].startswith("off: ")


@pytest.mark.slow
def test_where_capturing_fails_later_the_period_is_trained_again_without(config: TrainConfig, digits: Dataset) -> None:
    tiring = Tiring(10_000)
    trainer = TorchTrainer(digits, "fp32", record=tiring)
    steady = TorchTrainer(digits, "fp32", record=right)
    tiring.left = 0
    first = trainer.advance(config, 1, 1, None)
    second = trainer.advance(config, 1, 2, first[0])
    assert tiring.left == -1  # it is not asked again
    expected = steady.advance(config, 1, 1, None)
    assert outcome(first) == outcome(expected)
    assert outcome(second) == outcome(steady.advance(config, 1, 2, expected[0]))


def test_a_capture_that_fails_says_what_broke_it_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not the error that ending it then raises, which is the same whatever the cause."""

    @contextmanager
    def capturing(*_: object, **__: object) -> Iterator[None]:
        try:
            yield
        finally:
            raise RuntimeError("CUDA error: operation failed due to a previous error during capture")

    def work() -> None:
        raise RuntimeError("CUDA error: operation not permitted when stream is capturing\nand so on")

    monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: None)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: nullcontext())
    monkeypatch.setattr(torch.cuda, "graph", capturing)
    monkeypatch.setattr(graphs, "new_stream", lambda device: None)
    monkeypatch.setattr(graphs, "_free_workspaces", lambda: None)
    with pytest.raises(graphs.CaptureError, match=r"^CUDA error: operation not permitted when stream is capturing$"):
        graphs.Graphs(torch.device("cuda"))(work, None)


@pytest.mark.parametrize("verdict", ["on", "off: replayed steps give different results"])
def test_doctor_tells_of_graphs(verdict: str) -> None:
    finding = machine_checks.graphs(verdict)
    assert finding.severity == ("ok" if verdict == "on" else "note")
    assert verdict == "on" or verdict in finding.text


@pytest.fixture(scope="module")
def cuda_digits() -> Dataset:
    """Return 1,000 training and 200 validation images on the GPU."""
    from mnist_bench.data.mnist import DataOptions
    from mnist_bench.data.tensors import load_dataset
    from mnist_bench.numerics.device import setup

    return load_dataset(DataOptions(subset=1200), setup("cuda"))


@pytest.fixture
def trainer(cuda_digits: Dataset) -> TorchTrainer:
    """Return a trainer with graphs, which must be found right."""
    made = TorchTrainer(cuda_digits, "bf16", record=graphs.Graphs(cuda_digits.device))
    assert made.numerics["graphs"] == "on"
    return made


def periods(trainer: TorchTrainer, config: TrainConfig, seed: int) -> Iterator[Steps[tuple[bytes, Report]]]:
    """Yield the steps of each period; a period may be asked for when the one before it has ended."""
    state: bytes | None = None
    ended: list[tuple[bytes, Report]] = []

    def taken(period: int) -> Steps[tuple[bytes, Report]]:
        found = yield from trainer.advance_in_steps(config, seed, period, state)
        ended.append(found)
        return found

    for period in range(1, config.epochs + 1):
        yield taken(period)
        state = ended[-1][0]


def solo(trainer: TorchTrainer, config: TrainConfig, seed: int) -> list[tuple[object, ...]]:
    return [outcome(finish(steps)) for steps in periods(trainer, config, seed)]


@pytest.mark.gpu
@on_gpu
@pytest.mark.parametrize("optimizer", ["adam", "sgd_nesterov"])
def test_on_a_gpu_graphs_give_the_bits_of_single_kernels(
    config: TrainConfig, cuda_digits: Dataset, trainer: TorchTrainer, optimizer: str
) -> None:
    config = replace(config, epochs=4, optim=replace(config.optim, optimizer=optimizer))  # type: ignore[arg-type]
    assert solo(trainer, config, 1) == solo(TorchTrainer(cuda_digits, "bf16"), config, 1)


@pytest.mark.gpu
@on_gpu
def test_on_a_gpu_lanes_give_the_bits_of_a_trial_alone(
    config: TrainConfig, cuda_digits: Dataset, trainer: TorchTrainer
) -> None:
    wide = ModelConfig(blocks=2, filters=32, batchnorm="after_pool", hidden_dropout=0.5)
    configs = [replace(config, epochs=3), replace(config, epochs=3, model=wide), replace(config, epochs=3)]
    alone = [solo(trainer, each, seed) for seed, each in enumerate(configs)]
    waiting = [periods(trainer, each, seed) for seed, each in enumerate(configs)]
    together: list[list[tuple[object, ...]]] = [[] for _ in configs]
    running = {lane: next(queue) for lane, queue in enumerate(waiting)}
    while running:
        for lane in tuple(running):
            try:
                next(running[lane])
            except StopIteration as end:
                together[lane].append(outcome(end.value))
                following = next(waiting[lane], None)
                if following is None:
                    del running[lane]
                else:
                    running[lane] = following
    assert together == alone


@pytest.mark.gpu
@on_gpu
def test_on_a_gpu_a_trial_goes_on_when_anothers_graphs_are_gone(
    config: TrainConfig, cuda_digits: Dataset, trainer: TorchTrainer
) -> None:
    config = replace(config, epochs=4)
    alone = solo(trainer, config, 1)
    mine = periods(trainer, config, 1)
    found = [outcome(finish(next(mine))) for _ in range(3)]  # its step and its evaluation are captured
    other = TorchTrainer(cuda_digits, "bf16", record=graphs.Graphs(cuda_digits.device))
    solo(other, config, 2)
    del other
    gc.collect()
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    assert [*found, outcome(finish(next(mine)))] == alone


@pytest.mark.gpu
@pytest.mark.slow
@on_gpu
def test_on_a_gpu_a_search_has_one_digest(tmp_path: Path) -> None:
    digests = set()
    for lanes in ("1", "4", "4"):
        results = tmp_path / str(len(list(tmp_path.iterdir())))
        command = [
            *PROGRAM, "search", "smoke", "--trials", "8", "--device", "cuda",
            "--trials-per-worker", lanes, "--results", str(results),
        ]  # fmt: skip
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        shown = subprocess.run(
            [*PROGRAM, "leaderboard", "--json", "--results", str(results)],
            cwd=ROOT, check=True, capture_output=True, text=True,
        )  # fmt: skip
        (study,) = json.loads(shown.stdout)["studies"]
        digests.add(study["digest"])
    assert len(digests) == 1
