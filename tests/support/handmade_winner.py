"""Winners made by hand: nets with drawn weights, or trained for seconds, in studies that were never searched."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from mnist_bench.config.json import to_json
from mnist_bench.config.settings import DatasetName, ModelConfig, OptimConfig, TrainConfig
from mnist_bench.data.choice import SHA256, TRAIN_FILES
from mnist_bench.data.tensors import Dataset
from mnist_bench.experiments.confirm.results import Evaluated
from mnist_bench.export.winner import Validation, Winner, picture_kind
from mnist_bench.nets.modules import build_model
from mnist_bench.picture_form import MNIST
from mnist_bench.prediction.input_spec import InputSpec
from mnist_bench.studies.record import record_of
from mnist_bench.training.evaluation import evaluate
from mnist_bench.training.trainer import TorchTrainer, fit
from mnist_bench.training.weights import export, model_in
from search import canonical_json
from support import handmade

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


PICTURES = np.random.default_rng(0).integers(0, 256, (8, 1, 28, 28)).astype(np.float32)
"""Pictures for a net whose weights are drawn, 0 to 255."""
GIVEN = torch.from_numpy((PICTURES - 33) / 79)
"""The same as the net gets them."""


def drawn(model: ModelConfig = NETS["linear"], *, names: tuple[str, ...] = ()) -> Winner:
    """Return a net with drawn weights, and the running statistics of PICTURES, as trial 0 of a study of MNIST."""
    recipe = config(model)
    net = build_model(model, torch.Generator().manual_seed(0))
    for layer in net.modules():
        if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm):
            layer.momentum = 1.0
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(0)
        net.train()(GIVEN)
    trial = replace(handmade.trial(0, range(6), planned=2), config=to_json(recipe))
    study = handmade.study([trial])
    record = record_of(study, trial)
    packaged = canonical_json.sha256([SHA256[file] for file in TRAIN_FILES])
    data = replace(record.data, data_hash=packaged, form=replace(MNIST, classes=len(names) or 10))
    return Winner(
        study=study, trial=trial, on_all=False, record=replace(record, data=data), net=net.eval(),
        is_drawn=True, input_spec=InputSpec(mean=(33.0,), std=(79.0,), names=names),
        validation=Validation(errors=6, images=1000), confirmed=None, test_openings=0,
        tested=Evaluated(finals=(), images=0),
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
        "validation": Validation(errors=errors, images=len(on.validation)), "confirmed": None, "test_openings": 0,
    }  # fmt: skip
    confirmed = more.get("confirmed")
    images = confirmed.test_images if confirmed else 0
    tested = Evaluated(finals=confirmed.evaluated if confirmed else (), images=images)
    return Winner(**{**given, "tested": tested, **more})
