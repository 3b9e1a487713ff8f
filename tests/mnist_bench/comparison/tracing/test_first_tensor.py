"""Two runs are trained again, and their first tensor that differs is named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.comparison.sides import Run, side_of
from mnist_bench.comparison.tracing import first_tensor
from mnist_bench.comparison.tracing.first_tensor import trace
from mnist_bench.comparison.tracing.trace_worker import TraceWorker
from mnist_bench.config.json import to_json
from mnist_bench.config.settings import TrainConfig
from mnist_bench.data.tensors import Dataset
from mnist_bench.numerics import Precision
from mnist_bench.studies.record import Data, PeriodResult, Record, period_of
from mnist_bench.training.period import fit
from mnist_bench.training.torch_trainer import TorchTrainer
from search import canonical_json
from search.errors import UsageError
from search.trainer_api import Report, TrainerSpec
from support import handmade_values

pytestmark = pytest.mark.slow
TRAINED: dict[str, tuple[PeriodResult, ...]] = {}
"""Curves that were trained before, by what they depend on."""


def curve_of(config: TrainConfig, digits: Dataset, precision: Precision, seed: int) -> tuple[PeriodResult, ...]:
    key = canonical_json.dumps([to_json(config), precision, seed])
    if key not in TRAINED:
        TRAINED[key] = tuple(map(period_of, fit(config, seed, digits, precision).reports))
    return TRAINED[key]


def run_of(config: TrainConfig, digits: Dataset, label: str, precision: Precision = "portable", seed: int = 1) -> Run:
    """Return a run as it was trained here."""
    data = Data(subset=1200, data_hash=digits.data_hash, split_hash=digits.split_hash)
    record = Record(
        study="made", trial=0, state="COMPLETE", reason="complete", recipe=to_json(config), seed=seed, data=data,
        numerics={"precision": precision, "device": "cpu", "canary": precision}, trainer_revision=1, versions={},
        curve=curve_of(config, digits, precision, seed),
    )  # fmt: skip
    return Run(
        label=label, number=0, config=record.recipe, seed=seed, value=record.curve[-1].value, reports=record.curve,
        record=record, images=200,
    )  # fmt: skip


class Here:
    """Stands in for `RemoteTrainer`: trains in this process, which computes in every precision of the CPU."""

    started: tuple[TrainerSpec, ...] = ()

    def __init__(self, spec: TrainerSpec, codec: object) -> None:
        Here.started += (spec,)
        self.numerics = {"canary": spec.options["precision"]}
        self._spec = spec

    def advance(self, config: Mapping[str, Any], seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        worker = TraceWorker(TorchTrainer(Here.digits, self._spec.options["precision"]))
        return worker.advance(config, seed, period, state)

    def close(self) -> None:
        """End nothing."""

    digits: Dataset


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, digits: Dataset) -> None:
    Here.digits, Here.started = digits, ()
    monkeypatch.setattr(first_tensor, "RemoteTrainer", Here)


def test_another_precision_differs_in_the_output_of_the_first_layer(plain: TrainConfig, digits: Dataset) -> None:
    found = trace(run_of(plain, digits, "a"), run_of(plain, digits, "b", "bf16"), 1)
    assert found.difference is not None
    assert found.difference.place == "layer 1 (convolution)"
    assert (found.difference.kind, found.difference.period, found.difference.step) == ("output", 1, 1)
    assert (found.difference.agree, found.difference.dtypes) == (1, ("float32", "bfloat16"))
    assert 0 < found.difference.differing <= found.difference.numbers == 100 * 8 * 28 * 28
    assert 0 < (found.difference.largest or 0) < 0.1
    (sentence,) = found.sentences
    assert sentence.startswith(
        "Trained again here, a and b first differ in period 1, step 1, after 1 equal tensor: the output of layer 1 "
        "(convolution). "
    )
    assert sentence.endswith("(float32 and bfloat16).")


def test_another_learning_rate_differs_in_the_weights_after_the_first_step(plain: TrainConfig, digits: Dataset) -> None:
    other = replace(plain, optim=replace(plain.optim, lr=0.02))
    found = trace(run_of(plain, digits, "a"), run_of(other, digits, "b"), 1).difference
    assert found is not None
    assert (found.kind, found.place, found.step) == ("weight", "layer 1 (convolution) weight", 1)
    assert found.agree > 20


def test_a_later_difference_is_found_in_its_period_and_step(plain: TrainConfig, digits: Dataset) -> None:
    def dropping(at: float) -> TrainConfig:
        return replace(plain, optim=replace(plain.optim, drops=1, first_drop_fraction=at))

    first, second = run_of(dropping(0.75), digits, "a"), run_of(dropping(0.8), digits, "b")
    assert first.reports[0] == second.reports[0]
    found = trace(first, second, 2)
    assert found.as_recorded == (True, True)
    assert found.difference is not None
    assert (found.difference.period, found.difference.step) == (2, 6)  # epoch 1.5 of 2, after 5 of 10 steps
    assert found.difference.kind == "weight"


def test_other_seeds_differ_in_the_images(plain: TrainConfig, digits: Dataset) -> None:
    found = trace(run_of(plain, digits, "a"), run_of(plain, digits, "b", seed=2), 1)
    assert found.difference is not None
    assert (found.difference.kind, found.difference.agree) == ("images", 0)
    assert ": the images of the batch." in found.sentences[0]


def test_other_layers_differ_in_shape(plain: TrainConfig, digits: Dataset) -> None:
    wider = replace(plain, model=replace(plain.model, filters=16))
    found = trace(run_of(plain, digits, "a"), run_of(wider, digits, "b"), 1)
    assert found.difference is not None
    assert (found.difference.place, found.difference.numbers) == ("layer 1 (convolution)", 0)


def test_a_difference_that_this_machine_does_not_repeat_is_told(plain: TrainConfig, digits: Dataset) -> None:
    run = run_of(plain, digits, "a")
    assert run.record is not None
    curve = (replace(run.record.curve[0], weights="f" * 64), *run.record.curve[1:])
    record = replace(run.record, curve=curve, numerics={**run.record.numerics, "canary": "another"})
    found = trace(run, replace(run, label="b", record=record, reports=curve), 1)
    assert found.difference is None
    assert found.sentences == (
        "Trained again here, a and b have the same bits up to the end of period 1.",
        "b did not train as recorded here: this machine has other numerics.",
    )
    assert len({spec.factory for spec in Here.started}) == 1


def test_known_variables_of_the_run_are_set_in_its_process(plain: TrainConfig, digits: Dataset) -> None:
    run = run_of(plain, digits, "a", "fp32")
    assert run.record is not None
    recorded = {"ONEDNN_MAX_CPU_ISA": "AVX2", "LD_PRELOAD": "evil.so", "MKL_CBWR": "evil value"}
    record = replace(run.record, numerics={**run.record.numerics, "environment": recorded})
    trace(replace(run, record=record), run_of(plain, digits, "b"), 1)
    assert Here.started[0].environment == {"ONEDNN_MAX_CPU_ISA": "AVX2"}
    assert Here.started[1].environment["MKL_CBWR"] == "COMPATIBLE"


def test_only_networks_are_traced(plain: TrainConfig, digits: Dataset) -> None:
    values = side_of(handmade_values.study([handmade_values.trial(0, [0.1, 0.2, 0.3, 0.4])]), Path("results")).run
    assert values is not None
    with pytest.raises(UsageError, match=r"ridge-0/0 is not a network, and only the training of networks"):
        trace(values, run_of(plain, digits, "b"), 1)
