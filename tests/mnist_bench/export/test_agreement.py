"""ONNX Runtime, net.py and the page in Node agree with a trained net in float32, whatever its pictures are like."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from mnist_bench.config.settings import DatasetName
from mnist_bench.data.own import options_for
from mnist_bench.data.tensors import Dataset, load_dataset
from mnist_bench.export import export_folder
from mnist_bench.export.winner import Winner
from mnist_bench.prediction.model import load_model
from mnist_bench.prediction.pictures import prepare
from support import winners
from support.own_data import Arrays, arrays, write_folder, write_npz, write_turned
from support.winners import by_onnx, by_page, by_plain_net, in_node, needs_node, plain_net

pytestmark = pytest.mark.slow

CLOSE = 0.01
"""Two logits that differ by less may come out in the other order."""


def by_model(exported: Path, pictures: NDArray[np.float32]) -> NDArray[Any]:
    model = load_model(exported)
    if model.input_spec.drawn:
        return model.probabilities(pictures)  # what is prepared once more is as it is to 1 of 255 alone
    given = pictures[:, 0] if model.input_spec.channels_read == 1 else pictures.transpose(0, 2, 3, 1)
    return model.probabilities(np.stack([model.prepared(picture, "a picture") for picture in given]))


def on_black(data: Arrays) -> Arrays:
    """Return data with nothing but the bright squares."""
    return {name: values * (values > 100) if values.ndim > 1 else values for name, values in data.items()}


GREY = arrays(channels=1, side=20, classes=3)
LONG = {name: values[:, :12] if values.ndim > 1 else values for name, values in arrays(classes=4).items()}
SOURCES: Mapping[str, Callable[[Path], Path | None]] = {
    "digits": lambda place: None,
    "red digits": lambda place: None,
    "colour": lambda place: write_npz(place / "colour.npz", arrays()),
    "grey": lambda place: write_npz(place / "grey.npz", GREY),
    "long": lambda place: write_npz(place / "long.npz", LONG),
    "red squares": lambda place: write_npz(place / "red.npz", on_black(GREY)),
    "drawings": lambda place: write_folder(
        place / "drawings", on_black(arrays(channels=1, side=20, classes=30, train=690))
    ),
}
"""What nets are trained on: MNIST, and a stranger's data. What is red has three channels, green and blue 0; drawings
are grey on black, in classes with names."""
Trained = Callable[[str], tuple[Winner, Dataset]]


@pytest.fixture(scope="module")
def trained(device: torch.device, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Return what returns a net and its data, by the name of their source."""
    place = tmp_path_factory.mktemp("data")

    @cache
    def made(name: str) -> tuple[Winner, Dataset]:
        source, dataset = SOURCES[name](place), named(name)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_CACHE_HOME", str(place))
            options = replace(options_for(source, dataset=dataset), subset=1200 if source is None else None)
        data, model = load_dataset(options, device), winners.NETS["before"]
        return winners.winner(winners.config(model), data, dataset=dataset), data

    return made


def named(source: str) -> DatasetName:
    return "mnist-red" if source.startswith("red") else "mnist"


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


@pytest.mark.parametrize(
    ("source", "way"),
    [
        *product(["colour", "grey", "long", "red digits", "red squares"], [by_onnx, by_plain_net, by_model]),
        *(pytest.param(source, by_page, marks=needs_node) for source in ("red digits", "red squares", "drawings")),
    ],
)
def test_every_way_agrees_on_pictures_of_another_form(
    trained: Trained, tmp_path: Path, source: str, way: Callable[..., NDArray[Any]]
) -> None:
    winner, data = trained(source)
    check(way, winner, replace(data, validation=data.validation[:40]) if way is by_page else data, tmp_path)
    if source.startswith("red") and way is by_model:  # prepared as in grey, it becomes red
        model, grey = load_model(tmp_path), data.pixels(data.validation[:1])[0, 0].numpy()
        made = model.prepared(grey, "a picture")
        assert made.shape == data.form.shape
        assert np.abs(made[0] - grey).max() <= 1
        assert not made[1:].any()


@needs_node
def test_the_page_reads_drawings_of_another_size(trained: Trained, tmp_path: Path) -> None:
    winner, _ = trained("drawings")
    export_folder.write(winner, tmp_path)
    sheets = [np.random.default_rng(n).integers(0, 256, (90, 60 + 20 * n)) for n in range(3)]
    found = in_node(tmp_path, np.empty((0, 1, 20, 20)), [*sheets, np.zeros((30, 30))])
    assert found["prepared"].pop() is None
    for seen, sheet in zip(found["prepared"], sheets, strict=True):
        assert np.abs(np.reshape(seen, (20, 20)) - winner.model.prepared(sheet, "a sheet")).max() < 1e-3
    text = (tmp_path / export_folder.PAGE).read_text()
    assert ("Draw a picture" in text, "class 29" in text, text.count("<li>")) == (True, True, 10)


@needs_node
def test_the_page_prepares_pictures_as_python_does(digits: Dataset, tmp_path: Path) -> None:
    export_folder.write(winners.drawn(), tmp_path)
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
def test_the_plain_net_runs_alone_on_a_picture(trained: Trained, tmp_path: Path) -> None:
    winner, digits = trained("digits")
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


def test_the_plain_net_names_the_classes_of_pictures_of_another_form(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    winner, drawings = trained("drawings")
    export_folder.write(winner, tmp_path / "winner")
    files = [str(tmp_path / f"{number}.png") for number in range(5)]
    for file, index in zip(files, drawings.validation[:5].tolist(), strict=True):
        Image.fromarray(drawings.images[index, 0].numpy()).save(file)
    plain_net(tmp_path / "winner").main(files)
    told = [row.split("  ")[1] for row in capsys.readouterr().out.splitlines()]
    seen = drawings.pixels(drawings.validation[:5])
    labels = winner.net(drawings.normalise(seen)).argmax(1).tolist()
    assert [one.name for one in load_model(tmp_path / "winner")(files)] == told
    assert told == [f"class {label:02}" for label in labels]


@pytest.mark.parametrize("source", ["drawings", "digits"])
def test_the_plain_net_turns_a_file_by_its_orientation_as_the_model_does(
    trained: Trained, source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    winner, data = trained(source)
    export_folder.write(winner, tmp_path / "winner")
    stored = data.images[data.validation[0], 0].numpy()
    file = str(write_turned(tmp_path / "picture.png", stored))
    plain_net(tmp_path / "winner").main([file])
    seen = stored if source == "drawings" else stored[::-1, ::-1]  # what was trained on files is read as it is stored
    (said,) = load_model(tmp_path / "winner")([seen])
    name = said.name or str(said.label)
    assert capsys.readouterr().out.startswith(f"{file}  {name}  {said.probability:.2%}, then ")
