"""ONNX Runtime, net.py and the page in Node say what the net says of pictures of any form, read as it reads them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from mnist_bench.data.tensors import Dataset
from mnist_bench.export import export_folder
from mnist_bench.export.winner import Winner
from mnist_bench.picture_form import MNIST, PictureForm
from mnist_bench.prediction.model import load_model
from mnist_bench.prediction.pictures import prepare
from support.own_data import write_turned
from support.winners import (
    NETS,
    by_onnx,
    by_page,
    by_plain_net,
    drawn,
    given,
    in_node,
    needs_node,
    pictures,
    plain_net,
)

SHEET = PictureForm(channels=1, height=20, width=20, classes=3)
PHOTOGRAPH = {"drawn": False, "digits": False}
NAMES = tuple(f"class {label:02}" for label in range(30))
FORMS: dict[str, tuple[PictureForm, dict[str, Any]]] = {
    "colour": (PictureForm(channels=3, height=24, width=24, classes=5), PHOTOGRAPH),
    "grey": (SHEET, PHOTOGRAPH),
    "long": (PictureForm(channels=3, height=12, width=24, classes=4), PHOTOGRAPH),
    "red digits": (replace(MNIST, channels=3), {"red": True}),
    "red squares": (replace(SHEET, channels=3), {**PHOTOGRAPH, "red": True}),
    "drawings": (SHEET, {**PHOTOGRAPH, "names": NAMES}),
}
"""The forms of a stranger's pictures, and how they are read; drawings have names."""


def of(name: str) -> Winner:
    form, spec = FORMS[name]
    return drawn(NETS["before"], form, **spec)


def by_model(exported: Path, pictures: NDArray[np.float32]) -> NDArray[Any]:
    model = load_model(exported)
    if model.input_spec.drawn:
        return model.probabilities(pictures)  # what is prepared once more is as it is to 1 of 255 alone
    shown = pictures[:, 0] if model.input_spec.channels_read == 1 else pictures.transpose(0, 2, 3, 1)
    return model.probabilities(np.stack([model.prepared(picture, "a picture") for picture in shown]))


@pytest.mark.parametrize(
    ("name", "way"),
    [
        *product(FORMS, [by_onnx, by_plain_net, by_model]),
        *(pytest.param(name, by_page, marks=needs_node) for name in FORMS if name not in ("colour", "long")),
    ],
)
def test_every_way_agrees_on_pictures_of_another_form(
    tmp_path: Path, name: str, way: Callable[[Path, NDArray[np.float32]], NDArray[Any]]
) -> None:
    winner = of(name)
    export_folder.write(winner, tmp_path)
    shown = pictures(winner.form, red=winner.input_spec.red)
    with torch.inference_mode():
        expected = np.asarray(winner.net(given(shown)).softmax(1))
    assert np.ptp(expected, axis=0).max() > 0.1
    assert np.allclose(way(tmp_path, shown), expected, atol=0.005 if way is by_page else 1e-4)


def test_a_digit_is_prepared_as_in_grey_and_becomes_red(digits: Dataset) -> None:
    grey = digits.pixels(digits.validation[:1])[0, 0].numpy()
    made = of("red digits").model.prepared(grey, "a picture")
    assert np.abs(made[0] - grey).max() <= 1
    assert not made[1:].any()


@needs_node
def test_the_page_reads_drawings_of_another_size(tmp_path: Path) -> None:
    winner = of("drawings")
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
    export_folder.write(drawn(), tmp_path)
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
def test_the_plain_net_runs_alone_on_a_picture(digits: Dataset, tmp_path: Path) -> None:
    winner = drawn(NETS["before"])
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


@pytest.mark.parametrize("winner", [of("drawings"), drawn(NETS["before"])], ids=["pictures", "digits"])
def test_the_plain_net_names_the_class_of_a_file_and_turns_it_by_its_orientation_as_the_model_does(
    winner: Winner, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export_folder.write(winner, tmp_path / "winner")
    stored = np.zeros(winner.form.array_shape, np.uint8)
    stored[3:9, 4:7], stored[9:15, 6:14] = 255, 120
    file = str(write_turned(tmp_path / "picture.png", stored))
    plain_net(tmp_path / "winner").main([file])
    seen = stored if winner.input_spec.names else stored[::-1, ::-1]  # what was trained on files is read as stored
    by_array, by_file = load_model(tmp_path / "winner")([seen, file])
    assert by_array.label == by_file.label
    name = by_array.name or str(by_array.label)
    assert capsys.readouterr().out.startswith(f"{file}  {name}  {by_array.probability:.2%}, then ")
