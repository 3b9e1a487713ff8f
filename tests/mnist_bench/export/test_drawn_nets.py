"""What is exported of nets whose weights were drawn: of every kind of layer, in milliseconds."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from ruamel.yaml import YAML

from mnist_bench.config.settings import TrainConfig
from mnist_bench.config.values import to_json
from mnist_bench.export import card, drawing_page, export_folder, layers
from mnist_bench.export.winner import Winner
from mnist_bench.nets.own_net import load_net
from mnist_bench.prediction.model import InputSpec
from support import own_nets, winners
from support.winners import WAYS, by_page, drawn


def expected(winner: Winner) -> NDArray[Any]:
    """Return the probabilities of the net, which differ between classes and between pictures."""
    with torch.inference_mode():
        seen = winners.pictures(winner.form, red=winner.input_spec.red)
        found = np.asarray(winner.net(winners.given(seen)).softmax(1))
    assert np.ptp(found, axis=0).max() > 0.1
    return found


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("net", winners.NETS)
def test_every_way_of_computing_the_net_agrees(net: str, way: Callable[..., NDArray[Any]], tmp_path: Path) -> None:
    winner = drawn(winners.NETS[net])
    export_folder.write(winner, tmp_path)
    assert np.allclose(way(tmp_path, winners.pictures()), expected(winner), atol=0.005 if way is by_page else 1e-5)


@pytest.mark.parametrize(("classes", "bars"), [(20, 20), (21, 10)])
def test_of_more_than_twenty_classes_the_page_shows_ten(classes: int, bars: int) -> None:
    markup = drawing_page.drawing(drawn(names=tuple(f"kind {label}" for label in range(classes)))).markup
    assert markup.count("<li>") == bars


def test_onnx_is_of_a_version_that_older_runtimes_read_and_is_told_only_names_of_classes() -> None:
    plain, named = (onnx.load_from_string(layers.onnx_graph(drawn(names=names))) for names in ((), tuple("abcdefghij")))
    # ONNX Runtime 1.12 reads these.
    assert (plain.ir_version, [each.version for each in plain.opset_import]) == (8, [17])
    assert {each.key for each in plain.metadata_props} == {"trial", "weights"}
    assert json.loads({each.key: each.value for each in named.metadata_props}["classes"]) == [*"abcdefghij"]


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
    assert "6 of 1,000 wrong" in text
    assert drawn().weights in text
    assert "The test set has not been evaluated." in text
    named = card.card(drawn(names=tuple("abcdefghij")), onnx=False, page=False)
    assert '(["digit.png"])[0].name\n' in named


def test_the_card_of_your_own_net_gives_the_levels_by_channel(tmp_path: Path) -> None:
    code = load_net(own_nets.write(tmp_path, own_nets.GOOD, "mine.py")).code
    made = drawn()
    record = replace(made.record, recipe=to_json(TrainConfig(net={"width": 3}, net_code=code)))
    own = replace(made, record=record, input_spec=InputSpec(mean=(33.0, 1.5, 2.0), std=(79.0, 2.5, 3.0)))
    levels = "mean, std = torch.tensor([[33, 1.5, 2], [79, 2.5, 3]]).view(2, -1, 1, 1)"
    assert levels in card.card(own, onnx=False, page=False)
