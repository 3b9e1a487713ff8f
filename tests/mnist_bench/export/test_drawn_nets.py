"""What is exported of nets whose weights were drawn: of every kind of layer, in milliseconds."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from ruamel.yaml import YAML

from mnist_bench.config.json import to_json
from mnist_bench.config.settings import ModelConfig, TrainConfig
from mnist_bench.data.mnist import SHA256, TRAIN_FILES
from mnist_bench.experiments.confirm.results import Evaluated
from mnist_bench.export import card, drawing_page, onnx_graph
from mnist_bench.export.winner import Validation, Winner
from mnist_bench.nets.modules import build_model
from mnist_bench.own_nets.own_net import load_net
from mnist_bench.picture_form import MNIST
from mnist_bench.prediction.input_spec import InputSpec
from mnist_bench.studies.record import record_of
from search import canonical_json
from support import handmade, handmade_winner, own_nets, wants
from support.paths import TESTS

PICTURES = np.random.default_rng(0).integers(0, 256, (8, 1, 28, 28)).astype(np.float32)
GIVEN = torch.from_numpy((PICTURES - 33) / 79)
LINEAR = handmade_winner.NETS["linear"]


def drawn(model: ModelConfig = LINEAR, *, names: tuple[str, ...] = ()) -> Winner:
    """Return a net with drawn weights, and the running statistics of PICTURES, as trial 0 of a study of MNIST."""
    recipe, draw = handmade_winner.config(model), torch.Generator().manual_seed(0)
    net = build_model(model, draw)
    for layer in net.modules():
        if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm):
            layer.momentum = 1.0
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(0)
        net.train()(GIVEN)
    net.eval()
    trial = replace(handmade.trial(0), config=to_json(recipe))
    study = handmade.study([trial])
    record = record_of(study, trial)
    packaged = canonical_json.sha256([SHA256[file] for file in TRAIN_FILES])
    data = replace(record.data, data_hash=packaged, form=replace(MNIST, classes=len(names) or 10))
    return Winner(
        study=study, trial=trial, on_all=False, record=replace(record, data=data), net=net,
        is_drawn=True, input_spec=InputSpec(mean=(33.0,), std=(79.0,), names=names),
        validation=Validation(errors=6, images=1000), confirmed=None, test_openings=0,
        tested=Evaluated(finals=(), images=0),
    )  # fmt: skip


def expected(winner: Winner) -> NDArray[Any]:
    """Return the probabilities of the net, which differ between classes and between pictures."""
    with torch.inference_mode():
        found = np.asarray(winner.net(GIVEN).softmax(1))
    assert np.ptp(found, axis=0).max() > 0.1
    return found


@pytest.mark.parametrize("net", handmade_winner.NETS)
def test_onnx_agrees_with_the_net(net: str) -> None:
    winner = drawn(handmade_winner.NETS[net])
    session = onnxruntime.InferenceSession(onnx_graph.graph(winner))
    assert np.allclose(session.run(None, {"pictures": PICTURES})[0], expected(winner), atol=1e-5)


@pytest.mark.skipif(not (shutil.which("node") or os.environ.get("CI")), reason=wants.NODE)
@pytest.mark.parametrize("net", handmade_winner.NETS)
def test_the_page_agrees_with_the_net(net: str, tmp_path: Path) -> None:
    winner = drawn(handmade_winner.NETS[net])
    page, pictures = tmp_path / "draw.html", tmp_path / "pictures.json"
    page.write_text(drawing_page.page(winner))
    pictures.write_text(json.dumps({"prepared": PICTURES.reshape(len(PICTURES), -1).tolist(), "grey": []}))
    command = ["node", str(TESTS / "support" / "run_page.js"), str(page), str(pictures)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert np.allclose(json.loads(done.stdout)["probabilities"], expected(winner), atol=0.005)


@pytest.mark.parametrize(("classes", "bars"), [(19, 19), (20, 20), (21, 10)])
def test_of_more_than_twenty_classes_the_page_shows_ten(classes: int, bars: int) -> None:
    markup = drawing_page.drawing(drawn(names=tuple(f"kind {label}" for label in range(classes)))).markup
    assert markup.count("<li>") == bars


def test_only_names_of_classes_are_told_to_onnx() -> None:
    def told(winner: Winner) -> dict[str, str]:
        return {each.key: each.value for each in onnx.load_from_string(onnx_graph.graph(winner)).metadata_props}

    names = tuple("abcdefghij")
    assert {*told(drawn())} == {"trial", "weights"}
    assert json.loads(told(drawn(names=names))["classes"]) == [*names]


def test_the_head_of_the_card_is_what_hugging_face_reads() -> None:
    _, head, text = card.card(drawn(), onnx=True, page=True).split("---\n", 2)
    name = "MNIST, 1,000 validation images of the training images"
    assert YAML(typ="safe").load(head) == {
        "library_name": "pytorch",
        "pipeline_tag": "image-classification",
        "tags": ["mnist-bench", "mnist"],
        "metrics": ["accuracy"],
        "datasets": ["ylecun/mnist"],
        "model-index": [
            {
                "name": "conv-0-0",
                "results": [
                    {
                        "task": {"type": "image-classification"},
                        "dataset": {"name": name, "type": "ylecun/mnist", "split": "train"},
                        "metrics": [{"type": "accuracy", "value": 0.994}],
                    }
                ],
            }
        ],
    }
    assert '(["digit.png"])[0].label\n' in text
    named = card.card(drawn(names=tuple("abcdefghij")), onnx=False, page=False)
    assert '(["digit.png"])[0].name\n' in named


def test_the_card_of_your_own_net_gives_the_levels_by_channel(tmp_path: Path) -> None:
    code = load_net(own_nets.write(tmp_path, own_nets.GOOD, "mine.py")).code
    made = drawn()
    record = replace(made.record, recipe=to_json(TrainConfig(net={"width": 3}, net_code=code)))
    own = replace(made, record=record, input_spec=InputSpec(mean=(33.0, 1.5, 2.0), std=(79.0, 2.5, 3.0)))
    levels = "mean, std = torch.tensor([[33, 1.5, 2], [79, 2.5, 3]]).view(2, -1, 1, 1)"
    assert levels in card.card(own, onnx=False, page=False)
