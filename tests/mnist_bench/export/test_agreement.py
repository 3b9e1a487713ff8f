"""ONNX Runtime, net.py and the page in Node agree with the net in float32, and say the same of every picture."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from mnist_bench.data.mnist import DataOptions
from mnist_bench.data.tensors import Dataset, load_dataset
from mnist_bench.export import folder
from mnist_bench.export.winner import Winner
from mnist_bench.prediction.preparation import prepare
from support import handmade_winner, wants
from support.paths import TESTS

CLOSE = 0.01
"""Two logits that differ by less may come out in the other order."""
needs_node = pytest.mark.skipif(not (shutil.which("node") or os.environ.get("CI")), reason=wants.NODE)


def by_onnx(exported: Path, pictures: NDArray[np.float32]) -> NDArray[Any]:
    session = onnxruntime.InferenceSession(exported / folder.ONNX)
    return np.asarray(session.run(None, {"pictures": pictures[:, None]})[0])


def by_plain_net(exported: Path, pictures: NDArray[np.float32]) -> NDArray[Any]:
    spec = util.spec_from_file_location("net", exported / folder.NET)
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with torch.inference_mode():
        return np.asarray(module.load()(torch.from_numpy(pictures)[:, None]).softmax(1))


def in_node(exported: Path, pictures: NDArray[Any], grey: list[NDArray[Any]]) -> dict[str, Any]:
    given = {
        "prepared": [picture.ravel().tolist() for picture in pictures],
        "grey": [{"rows": len(g), "columns": len(g[0]), "pixels": g.ravel().tolist()} for g in grey],
    }
    (exported / "pictures.json").write_text(json.dumps(given))
    command = ["node", str(TESTS / "support" / "run_page.js"), str(exported / folder.PAGE)]
    done = subprocess.run(
        [*command, str(exported / "pictures.json")], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def by_page(exported: Path, pictures: NDArray[np.float32]) -> NDArray[Any]:
    return np.array(in_node(exported, pictures, [])["probabilities"])


WAYS = [by_onnx, by_plain_net, pytest.param(by_page, marks=needs_node)]


def check(way: Callable[..., NDArray[Any]], winner: Winner, data: Dataset, exported: Path) -> None:
    """Export a net, and compare what it says of each validation image with what is said in another way."""
    folder.write(winner, exported)
    pictures = data.pixels(data.validation).numpy()[:, 0]
    with torch.inference_mode():
        given = torch.from_numpy(pictures)[:, None]
        logits = winner.net((given - winner.traits.mean) / winner.traits.std).numpy()
    best = np.sort(logits, 1)
    clear = best[:, -1] - best[:, -2] > CLOSE
    assert clear.mean() > 0.98
    found = way(exported, pictures)
    assert found.shape == (len(pictures), 10)
    assert np.allclose(found.sum(1), 1, atol=1e-5)
    assert (found.argmax(1) == logits.argmax(1))[clear].all()
    expected = torch.from_numpy(logits).softmax(1).numpy()
    assert np.abs(found - expected).max() < (0.005 if way is by_page else 1e-4)


@pytest.fixture(scope="session")
def winners(digits: Dataset) -> dict[str, Winner]:
    return {
        name: handmade_winner.winner(handmade_winner.config(model), digits)
        for name, model in handmade_winner.NETS.items()
    }


@pytest.mark.parametrize("net", handmade_winner.NETS)
@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_computing_the_net_agrees(
    winners: dict[str, Winner], digits: Dataset, tmp_path: Path, way: Callable[..., NDArray[Any]], net: str
) -> None:
    check(way, winners[net], digits, tmp_path)


@pytest.fixture(scope="module")
def trained(device: torch.device) -> tuple[Winner, Dataset]:
    """Return a net and the 10,000 validation images."""
    few, all_of_them = (load_dataset(DataOptions(subset=subset), device) for subset in (6000, None))
    return handmade_winner.winner(handmade_winner.config(handmade_winner.NETS["after"]), few), all_of_them


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_on_all_validation_images(
    trained: tuple[Winner, Dataset], tmp_path: Path, way: Callable[..., NDArray[Any]]
) -> None:
    winner, data = trained
    check(way, winner, data, tmp_path)


@needs_node
def test_the_page_prepares_pictures_as_python_does(winners: dict[str, Winner], digits: Dataset, tmp_path: Path) -> None:
    folder.write(winners["linear"], tmp_path)
    draw = np.random.default_rng(0)
    grey = []
    for number, picture in enumerate(digits.pixels(digits.validation[:20]).numpy()[:, 0]):
        large = np.kron(picture, np.ones(draw.integers(1, 9, 2))) * draw.uniform(0.3, 1)
        paper = np.pad(255 - large, draw.integers(0, 30, (2, 2)), constant_values=255)
        grey.append(np.clip(paper + draw.normal(0, 3, paper.shape) * (number % 2), 0, 255).round())
    found = in_node(tmp_path, digits.pixels(digits.validation[:1]).numpy(), [*grey, np.full((30, 40), 9.0)])
    assert found["prepared"].pop() is None
    for seen, picture in zip(found["prepared"], grey, strict=True):
        assert np.abs(np.reshape(seen, (28, 28)) - prepare(picture)).max() < 1e-3


@pytest.mark.slow
def test_the_plain_net_runs_alone_on_a_picture(winners: dict[str, Winner], digits: Dataset, tmp_path: Path) -> None:
    from PIL import Image

    winner = winners["before"]
    folder.write(winner, tmp_path / "winner")
    picture = digits.images[digits.validation[0], 0].numpy()
    Image.fromarray(255 - picture).resize((120, 120)).save(tmp_path / "digit.png")
    command = [sys.executable, "-I", "winner/net.py", "digit.png"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    (prediction,) = winner.model([tmp_path / "digit.png"])
    assert done.stdout.split()[:3] == ["digit.png", str(prediction.label), f"{prediction.probability:.2%},"]
    Image.new("L", (40, 40)).save(tmp_path / "empty.png")
    for arguments, message in (([], "python net.py digit.png ..."), (["empty.png"], "empty.png: an empty picture")):
        done = subprocess.run([*command[:3], *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert message in done.stderr
        assert "Traceback" not in done.stderr
    assert "mnist_bench" not in (tmp_path / "winner" / "net.py").read_text()
