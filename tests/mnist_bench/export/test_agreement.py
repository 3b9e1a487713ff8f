"""ONNX Runtime, net.py and the page in Node agree with the net in float32, and say the same of every picture."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from mnist_bench.config.settings import ModelConfig
from mnist_bench.data.mnist import DataOptions
from mnist_bench.data.own.formats import options_for
from mnist_bench.data.tensors import Dataset, load_dataset
from mnist_bench.export import export_folder
from mnist_bench.export.winner import Winner
from mnist_bench.prediction.model import load_model
from mnist_bench.prediction.preparation import prepare
from support import handmade_winner, wants
from support.own_data import arrays, write_folder, write_npz, write_turned
from support.paths import TESTS

pytestmark = pytest.mark.slow

CLOSE = 0.01
"""Two logits that differ by less may come out in the other order."""
needs_node = pytest.mark.skipif(not (shutil.which("node") or os.environ.get("CI")), reason=wants.NODE)


def by_onnx(exported: Path, pictures: NDArray[np.float32]) -> NDArray[Any]:
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
    with torch.inference_mode():
        return np.asarray(plain_net(exported).load()(torch.from_numpy(pictures)).softmax(1))


def by_model(exported: Path, pictures: NDArray[np.float32]) -> NDArray[Any]:
    model = load_model(exported)
    if model.input_spec.drawn:
        return model.probabilities(pictures)  # what is prepared once more is as it is to 1 of 255 alone
    given = pictures[:, 0] if model.input_spec.channels_read == 1 else pictures.transpose(0, 2, 3, 1)
    return model.probabilities(np.stack([model.prepared(picture, "a picture") for picture in given]))


def in_node(exported: Path, pictures: NDArray[Any], grey: list[NDArray[Any]]) -> dict[str, Any]:
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
    return np.array(in_node(exported, pictures[:, :1], [])["probabilities"])  # what is drawn has no colour


PAGES_SHARE = 40
"""Of the pictures, how many the page is given in most tests: as JSON, and computed one by one."""
WAYS = [by_onnx, by_plain_net, pytest.param(by_page, marks=needs_node)]
OWN = {
    "colour": arrays(),
    "grey": arrays(channels=1, side=20, classes=3),
    "long": {name: values[:, :12] if values.ndim > 1 else values for name, values in arrays(classes=4).items()},
}
"""Data of a stranger's, by what they are like."""
ON_BLACK = {name: values * (values > 100) if values.ndim > 1 else values for name, values in OWN["grey"].items()}


def check(way: Callable[..., NDArray[Any]], winner: Winner, data: Dataset, exported: Path) -> None:
    """Export a net, and compare what it says of each validation image with what is said in another way."""
    export_folder.write(winner, exported)
    pictures = data.pixels(data.validation)
    with torch.inference_mode():
        mean, std = torch.tensor([winner.input_spec.mean, winner.input_spec.std]).view(2, -1, 1, 1)
        given = (pictures - mean) / std
        expected = winner.net(given).double().softmax(1).numpy()
    logits = np.log(expected)
    best = np.sort(logits, 1)
    clear = best[:, -1] - best[:, -2] > CLOSE
    assert clear.mean() > 0.97
    found = way(exported, pictures.numpy())
    assert found.shape == (len(pictures), winner.form.classes)
    assert np.allclose(found.sum(1), 1, atol=1e-5)
    assert (found.argmax(1) == logits.argmax(1))[clear].all()
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
    check(way, winners[net], few(digits) if way is by_page else digits, tmp_path)


def few(data: Dataset) -> Dataset:
    """Return the data with fewer pictures to validate on."""
    return replace(data, validation=data.validation[:PAGES_SHARE])


@pytest.fixture(scope="module", params=OWN)
def own(request: pytest.FixtureRequest, device: torch.device, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Return a stranger's data."""
    place = tmp_path_factory.mktemp("own")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(place))
        return load_dataset(options_for(write_npz(place / "mine.npz", OWN[request.param])), device)


@pytest.fixture(scope="module")
def owns_winner(own: Dataset) -> Winner:
    return handmade_winner.winner(
        handmade_winner.config(ModelConfig(blocks=2, filters=8, batchnorm="before_activation")), own
    )


@pytest.mark.parametrize("way", [by_onnx, by_plain_net, by_model])
def test_every_way_agrees_on_pictures_of_another_form(
    own: Dataset, owns_winner: Winner, tmp_path: Path, way: Callable[..., NDArray[Any]]
) -> None:
    check(way, owns_winner, own, tmp_path)


@pytest.fixture(scope="module")
def drawings(device: torch.device, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Return grey pictures on black of another size than MNIST's, in classes with names."""
    place = tmp_path_factory.mktemp("drawings")
    values = {
        name: values * (values > 100) for name, values in arrays(channels=1, side=20, classes=30, train=690).items()
    }
    values |= {name: arrays(classes=30, train=690)[name] for name in ("y_train", "y_test")}
    write_folder(place / "mine", values)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(place))
        return load_dataset(options_for(place / "mine"), device)


@pytest.fixture(scope="module", params=["digits", "squares"])
def red(request: pytest.FixtureRequest, device: torch.device, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Return MNIST or data of a stranger's in three channels, green and blue 0."""
    if request.param == "digits":
        return load_dataset(options_for(None, dataset="mnist-red", subset=1200), device)
    place = tmp_path_factory.mktemp("red")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(place))
        return load_dataset(options_for(write_npz(place / "mine.npz", ON_BLACK), dataset="mnist-red"), device)


@pytest.fixture(scope="module")
def reds_winner(red: Dataset) -> Winner:
    return handmade_winner.winner(handmade_winner.config(handmade_winner.NETS["before"]), red, dataset="mnist-red")


@pytest.mark.parametrize("way", [*WAYS, by_model])
def test_every_way_agrees_on_grey_pictures_in_red(
    red: Dataset, reds_winner: Winner, tmp_path: Path, way: Callable[..., NDArray[Any]]
) -> None:
    check(way, reds_winner, few(red) if way is by_page else red, tmp_path)


def test_a_digit_is_prepared_as_in_grey_and_becomes_red(red: Dataset, tmp_path: Path) -> None:
    config = handmade_winner.config(handmade_winner.NETS["linear"])
    winner = handmade_winner.winner(config, red, dataset="mnist-red")
    export_folder.write(winner, tmp_path)
    model, grey = load_model(tmp_path), red.pixels(red.validation[:1])[0, 0].numpy()
    made = model.prepared(grey, "a picture")
    assert made.shape == red.form.shape
    assert np.abs(made[0] - grey).max() <= 1
    assert not made[1:].any()


@needs_node
def test_the_page_reads_drawings_of_another_size(drawings: Dataset, tmp_path: Path) -> None:
    winner = handmade_winner.winner(handmade_winner.config(ModelConfig(blocks=1, filters=8)), drawings)
    check(by_page, winner, drawings, tmp_path)
    sheets = [np.random.default_rng(n).integers(0, 256, (90, 60 + 20 * n)) for n in range(3)]
    found = in_node(tmp_path, np.empty((0, 1, 20, 20)), [*sheets, np.zeros((30, 30))])
    assert found["prepared"].pop() is None
    for seen, sheet in zip(found["prepared"], sheets, strict=True):
        assert np.abs(np.reshape(seen, (20, 20)) - winner.model.prepared(sheet, "a sheet")).max() < 1e-3
    text = (tmp_path / export_folder.PAGE).read_text()
    assert "Draw a picture" in text
    assert "class 29" in text
    assert text.count("<li>") == 10


@pytest.fixture(scope="module")
def trained(device: torch.device) -> tuple[Winner, Dataset]:
    """Return a net and the 10,000 validation images."""
    few, all_of_them = (load_dataset(DataOptions(subset=subset), device) for subset in (6000, None))
    return handmade_winner.winner(handmade_winner.config(handmade_winner.NETS["after"]), few), all_of_them


@pytest.mark.integration
@pytest.mark.parametrize("way", WAYS)
def test_on_all_validation_images(
    trained: tuple[Winner, Dataset], tmp_path: Path, way: Callable[..., NDArray[Any]]
) -> None:
    winner, data = trained
    if way is by_page:  # which is given the pictures as JSON
        data = replace(data, validation=data.validation[:2000])
    check(way, winner, data, tmp_path)


@needs_node
def test_the_page_prepares_pictures_as_python_does(winners: dict[str, Winner], digits: Dataset, tmp_path: Path) -> None:
    export_folder.write(winners["linear"], tmp_path)
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


@pytest.mark.integration
def test_the_plain_net_runs_alone_on_a_picture(winners: dict[str, Winner], digits: Dataset, tmp_path: Path) -> None:
    winner = winners["before"]
    export_folder.write(winner, tmp_path / "winner")
    picture = digits.images[digits.validation[0], 0].numpy()
    Image.fromarray(255 - picture).resize((120, 120)).save(tmp_path / "digit.png")
    command = [sys.executable, "-I", "winner/net.py", "digit.png"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    (prediction,) = winner.model([tmp_path / "digit.png"])
    assert done.stdout.split()[:3] == ["digit.png", str(prediction.label), f"{prediction.probability:.2%},"]
    Image.new("L", (40, 40)).save(tmp_path / "empty.png")
    for arguments, message in (([], "python net.py digit.png ..."), (["empty.png"], "empty.png: an empty image")):
        done = subprocess.run([*command[:3], *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert message in done.stderr
        assert "Traceback" not in done.stderr
    assert "mnist_bench" not in (tmp_path / "winner" / "net.py").read_text()


def test_the_plain_net_names_the_classes_of_pictures_of_another_form(drawings: Dataset, tmp_path: Path) -> None:
    winner = handmade_winner.winner(handmade_winner.config(ModelConfig(blocks=1, filters=8)), drawings)
    export_folder.write(winner, tmp_path / "winner")
    for number, index in enumerate(drawings.validation[:5].tolist()):
        Image.fromarray(drawings.images[index, 0].numpy()).save(tmp_path / f"{number}.png")
    names = [f"{number}.png" for number in range(5)]
    command = [sys.executable, "-I", "winner/net.py", *names]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    said = load_model(tmp_path / "winner")([tmp_path / name for name in names])
    assert [row.split("  ")[1] for row in done.stdout.splitlines()] == [one.name for one in said]
    assert [one.name for one in said] == [f"class {one.label:02}" for one in said]
    seen = drawings.pixels(drawings.validation[:5])
    assert [one.label for one in said] == winner.net(drawings.normalise(seen)).argmax(1).tolist()


@pytest.mark.parametrize("trained_on", ["files", "digits"])
def test_the_plain_net_turns_a_file_by_its_orientation_as_the_model_does(
    trained_on: str,
    winners: dict[str, Winner],
    drawings: Dataset,
    digits: Dataset,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = handmade_winner.config(ModelConfig(blocks=1, filters=8))
    of_files = trained_on == "files"
    winner = handmade_winner.winner(config, drawings) if of_files else winners["before"]
    data = drawings if of_files else digits
    export_folder.write(winner, tmp_path / "winner")
    stored = data.images[data.validation[0], 0].numpy()
    file = str(write_turned(tmp_path / "picture.png", stored))
    plain_net(tmp_path / "winner").main([file])
    seen = stored if of_files else stored[::-1, ::-1]
    (said,) = load_model(tmp_path / "winner")([seen])
    name = said.name or str(said.label)
    assert capsys.readouterr().out.startswith(f"{file}  {name}  {said.probability:.2%}, then ")
