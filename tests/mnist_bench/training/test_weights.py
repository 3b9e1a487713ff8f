"""Weights as a file of their own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mnist_bench.config.settings import TrainConfig
from mnist_bench.config.values import to_json
from mnist_bench.data.tensors import Dataset
from mnist_bench.errors import WeightsError
from mnist_bench.nets.own_net import load_net
from mnist_bench.training.period import evaluate
from mnist_bench.training.trainer import TorchTrainer, fit
from mnist_bench.training.weights import export, metadata_of, model_in, read_weights, weights_hash
from support import own_nets


@pytest.mark.parametrize(("ema_decay", "test_shift"), [(0.0, 0), (0.5, 0), (0.0, 2)])
def test_the_file_holds_what_was_evaluated(
    config: TrainConfig, digits: Dataset, tmp_path: Path, ema_decay: float, test_shift: int
) -> None:
    model_config = replace(config.model, test_shift=test_shift)
    config = replace(config, model=model_config, optim=replace(config.optim, ema_decay=ema_decay))
    result = fit(TorchTrainer(digits, "fp32"), config, 1)
    path = tmp_path / "weights.safetensors"
    path.write_bytes(export(result.state, config))
    model = model_in(read_weights(path), str(path))
    assert not model.training
    last = result.reports[-1]
    assert weights_hash(model.state_dict()) == last.weights
    assert evaluate(model, digits, "fp32").errors == last.metrics["errors"]
    assert json.loads(metadata_of(path.read_bytes())["config"]) == to_json(config)
    assert path.stat().st_size < len(result.state) / 2


def test_a_file_of_something_else_is_refused(config: TrainConfig, digits: Dataset, tmp_path: Path) -> None:
    state = fit(TorchTrainer(digits, "fp32"), replace(config, epochs=1), 1).state
    good = export(state, config)
    other = export(state, replace(config, model=replace(config.model, hidden_units=17)))
    for content in (b"", b"PK\x03\x04", good[:-1], good[: len(good) // 2], other, state):
        path = tmp_path / "weights.safetensors"
        path.write_bytes(content)
        with pytest.raises(WeightsError, match=r"weights\.safetensors: not a file of exported weights"):
            model_in(read_weights(path), str(path))


def test_a_buffer_that_no_state_holds_need_not_be_in_the_file(
    config: TrainConfig, digits: Dataset, tmp_path: Path
) -> None:
    own = replace(config, net_code=load_net(own_nets.write(tmp_path, own_nets.TABLED)).code)
    result = fit(TorchTrainer(digits, "fp32"), own, 1)
    found = evaluate(model_in(export(result.state, own), "it"), digits, "fp32")
    assert found.errors == result.reports[-1].metrics["errors"]
