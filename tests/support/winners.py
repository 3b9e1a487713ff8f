"""Winners made by hand: nets with drawn weights, or trained for seconds, in studies that were never searched.

What an export says of pictures is computed by the program that it is for: ONNX file, net.py and page. A net's answers
are made by hand, too.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from mnist_bench.config.settings import DatasetName, ModelConfig, OptimConfig, TrainConfig
from mnist_bench.config.values import to_json
from mnist_bench.data.choice import SHA256, TRAIN_FILES
from mnist_bench.data.tensors import Dataset
from mnist_bench.export import export_folder
from mnist_bench.export.winner import Validation, Winner, picture_kind
from mnist_bench.nets.modules import build_model
from mnist_bench.picture_form import MNIST, PictureForm
from mnist_bench.plots.subject import Predictions
from mnist_bench.prediction.model import InputSpec
from mnist_bench.studies.record import record_of
from mnist_bench.training.period import evaluate
from mnist_bench.training.trainer import TorchTrainer, fit
from mnist_bench.training.weights import export, model_in
from search import canonical_json
from support import handmade, wants
from support.paths import TESTS

NETS = {
    "linear": ModelConfig(blocks=0, hidden_layers=0),
    "perceptron": ModelConfig(
        blocks=0, hidden_layers=3, hidden_units=(24, 16, 12), hidden_activation=("sigmoid", "tanh", "silu"),
        hidden_batchnorm=("before_activation", "after_activation", "none"), hidden_dropout=0.1,
    ),
    "before": ModelConfig(
        blocks=2, convs_per_block=(2, 1), filters=6, kernel_size=(3, 5), batchnorm="before_activation", hidden_units=16,
        hidden_batchnorm="before_activation", block_dropout=0.1,
    ),
    "after": ModelConfig(blocks=2, filters=6, batchnorm="after_activation", activation="gelu", hidden_layers=0),
    "after pool": ModelConfig(
        blocks=3, filters=6, filter_growth=1.0, kernel_size=(7, 1, 3), batchnorm="after_pool", hidden_units=12,
        hidden_activation="gelu",
    ),
    "odd pool": ModelConfig(blocks=2, filters=8, pool_axes="channels_rows", batchnorm="after_pool", activation="silu"),
    "three to one": ModelConfig(blocks=4, filters=(4, 6, 8, 10), batchnorm="before_activation", hidden_layers=0),
    "three maps to one": ModelConfig(blocks=4, filters=(8, 6, 5, 3), pool_axes="channels_rows", hidden_layers=0),
    "separable": ModelConfig(
        filters=16, filter_growth=1.0, convs_per_block=2, convolutions="separable",
        batchnorm="before_activation", final_pool="mean", hidden_units=64, hidden_batchnorm="before_activation",
    ),
    "max of pixels": ModelConfig(
        blocks=3, filters=12, filter_growth=1.0, batchnorm="before_activation", final_pool="max",
        hidden_layers=0,
    ),
    "shifted views": ModelConfig(filters=6, batchnorm="after_pool", hidden_units=12, test_shift=2),
}  # fmt: skip
"""Nets with every kind of layer, convolution, pool, final pool, activation and place of batch normalisation;
the last pool of some takes three columns, rows or maps, of which the third counts for nothing."""


def config(model: ModelConfig, **more: Any) -> TrainConfig:
    """Return a configuration that trains a net for two epochs of 100 images a step."""
    return TrainConfig(epochs=2, model=model, optim=OptimConfig(lr=0.01, batch_size=100), **more)


def pictures(form: PictureForm = MNIST, *, red: bool = False) -> NDArray[np.float32]:
    """Return pictures for a net whose weights are drawn, (8, C, H, W), 0 to 255; of red ones, green and blue are 0."""
    found = np.random.default_rng(0).integers(0, 256, (8, *form.shape)).astype(np.float32)
    if red:
        found[:, 1:] = 0
    return found


def given(pictures: NDArray[np.float32]) -> torch.Tensor:
    """Return pictures as a drawn net gets them."""
    return torch.from_numpy((pictures - 33) / 79)


def drawn(model: ModelConfig = NETS["linear"], form: PictureForm = MNIST, **spec: Any) -> Winner:
    """Return a net with drawn weights, and the running statistics of `pictures`, as trial 0 of a study of MNIST.

    `spec` are entries of its input specification.
    """
    recipe, form = config(model), replace(form, classes=len(spec.get("names", ())) or form.classes)
    net = build_model(model, torch.Generator().manual_seed(0), form)
    for layer in net.modules():
        if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm):
            layer.momentum = 1.0
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(0)
        net.train()(given(pictures(form, red=spec.get("red", False))))
    trial = replace(handmade.trial(0, range(6), planned=2), config=to_json(recipe))
    study = handmade.study([trial])
    record = record_of(study, trial)
    packaged = canonical_json.sha256([SHA256[file] for file in TRAIN_FILES])
    input_spec = InputSpec(mean=(33.0,) * form.channels, std=(79.0,) * form.channels, **spec)
    return Winner(
        study=study, trial=trial, on_all=False, net=net.eval(), is_drawn=input_spec.channels_read == 1,
        record=replace(record, data=replace(record.data, data_hash=packaged, form=form)), input_spec=input_spec,
        validation=Validation(errors=6, images=1000), confirmed=None, test_evaluations=0, tested=None,
    )  # fmt: skip


def winner(
    trained: TrainConfig, data: Dataset, *, seed: int = 1, dataset: DatasetName = "mnist", **more: Any
) -> Winner:
    """Return a net that was trained on `data`, which has that name, as trial 0 of the study conv-0."""
    result = fit(TorchTrainer(data, "fp32"), trained, seed)
    trial = handmade.trained(0, result.reports, config=to_json(trained), seed=seed)
    study = handmade.study([trial])
    record = record_of(study, trial)
    record = replace(record, data=replace(record.data, dataset=dataset, form=data.form))
    net = model_in(export(result.state, trained), "a state")
    on = data.training_on(trained.train_on)
    errors = evaluate(net, on, "fp32").errors
    digits, drawing, is_drawn = picture_kind(record.data, on)
    given: dict[str, Any] = {
        "study": study, "trial": trial, "on_all": False, "record": record, "net": net,
        "is_drawn": is_drawn, "input_spec": InputSpec(
            mean=on.means, std=on.deviations, digits=digits, drawn=drawing, names=on.names, red=record.data.is_red,
        ),
        "validation": Validation(errors=errors, images=len(on.validation)), "confirmed": None, "test_evaluations": 0,
    }  # fmt: skip
    return Winner(**{**given, "tested": more.get("confirmed"), **more})


needs_node = pytest.mark.skipif(not (shutil.which("node") or os.environ.get("CI")), reason=wants.NODE)


def by_onnx(exported: Path, pictures: NDArray[np.float32]) -> NDArray[Any]:
    """Return what ONNX Runtime computes: probabilities (N, classes) of pictures (N, C, H, W), 0 to 255."""
    session = onnxruntime.InferenceSession(exported / export_folder.ONNX)
    return np.asarray(session.run(None, {"pictures": pictures})[0])


def plain_net(exported: Path) -> Any:
    """Return an export's net.py as a module."""
    spec = util.spec_from_file_location("net", exported / export_folder.NET)
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def by_plain_net(exported: Path, pictures: NDArray[np.float32]) -> NDArray[Any]:
    """Return what net.py computes, as `by_onnx` does."""
    with torch.inference_mode():
        return np.asarray(plain_net(exported).load()(torch.from_numpy(pictures)).softmax(1))


def in_node(exported: Path, pictures: NDArray[Any], grey: list[NDArray[Any]]) -> dict[str, Any]:
    """Return what the page computes in Node: of prepared pictures "probabilities", "prepared" of grey ones (H, W)."""
    given = {
        "prepared": [picture.ravel().tolist() for picture in pictures],
        "grey": [{"rows": len(g), "columns": len(g[0]), "pixels": g.ravel().tolist()} for g in grey],
    }
    (exported / "pictures.json").write_text(json.dumps(given))
    command = ["node", str(TESTS / "support" / "run_page.js"), str(exported / export_folder.PAGE)]
    done = subprocess.run([*command, str(exported / "pictures.json")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def by_page(exported: Path, pictures: NDArray[np.float32]) -> NDArray[Any]:
    """Return what the page computes, as `by_onnx` does; what is drawn has no colour."""
    return np.array(in_node(exported, pictures[:, :1], [])["probabilities"])


WAYS = [by_onnx, by_plain_net, pytest.param(by_page, marks=needs_node)]


def predictions(answers: Sequence[tuple[int, int, float]], **more: Any) -> Predictions:
    """Return answers (true class, predicted class, confidence); image number n is all n, at place 100 + n.

    What is left of the confidence goes to the true class, or to the class after it where that was predicted.
    """
    count = len(answers)
    probabilities = np.zeros((count, 10))
    for row, (true, predicted, confidence) in enumerate(answers):
        probabilities[row, true if true != predicted else (true + 1) % 10] = 1 - confidence
        probabilities[row, predicted] = confidence
    given: dict[str, Any] = {
        "study": "conv-0",
        "trial": 7,
        "of_digits": True,
        "labels": np.array([true for true, _, _ in answers], dtype=np.int64),
        "probabilities": probabilities,
        "indices": np.arange(100, 100 + count),
        "images": np.ones((count, 28, 28), dtype=np.uint8) * np.arange(count, dtype=np.uint8)[:, None, None],
        "recorded_errors": None,
    }
    return Predictions(**{**given, **more})
