"""A study of MNIST in three channels, of which green and blue are 0: its net is taken away and reads grey pictures."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from support.own_data import arrays, write_npz

pytestmark = pytest.mark.integration

SPACE = """
epochs: 2
subset: 1000
dataset: mnist-red
model: {blocks: 1, filters: 2, hidden_layers: 0}
augment: {translate_pixels: 1}
optim: {lr: {float: [1e-3, 1e-1], log: true}}
search: {sampler: random, pruner: none}
"""
SCRIPT = """
from support import undrawn

undrawn.pictures()
run("search mine.yaml{data} -n 2 --executor in-process --workers 1 --study-name red")
run("export red{data} --to winner")
run("report red{data} --output report.html")
run("predict red picture.png --json{data}")
run("predict winner picture.png --json")
run("reproduce winner/RECORD.json{data}")
"""


@dataclass(frozen=True)
class Place:
    """A folder in which a study was searched, and what its commands came to."""

    folder: Path
    data: str
    ran: dict[str, Any]

    def __call__(self, line: str) -> Any:
        done = self.ran[line.format(data=self.data)]
        assert done.code == 0, done.err
        return done

    @property
    def said(self) -> dict[str, Any]:
        """What the exported net says of the picture."""
        (said,) = json.loads(self("predict winner picture.png --json").out)["pictures"]
        return dict(said)


Run = Callable[[Path, str], dict[str, Any]]


def place(folder: Path, run: Run, data: str) -> Place:
    """Return a folder with a study of it, by the net of which a picture in grey was read."""
    (folder / "mine.yaml").write_text(SPACE)
    return Place(folder, data, run(folder, SCRIPT.format(data=data)))


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory, in_one_process: Run) -> Place:
    folder = tmp_path_factory.mktemp("packaged")
    picture = np.full((60, 50), 255, np.uint8)
    picture[10:50, 22:28] = 0
    Image.fromarray(picture).save(folder / "picture.png")
    return place(folder, in_one_process, "")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, in_one_process: Run) -> Place:
    folder = tmp_path_factory.mktemp("own")
    values = arrays(channels=1, side=20, classes=3, train=1200)
    write_npz(folder / "grey.npz", values)
    Image.fromarray(values["x_test"][0]).save(folder / "picture.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        return place(folder, in_one_process, " --data grey.npz")


@pytest.fixture(params=["packaged", "own"])
def made(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(request.param)
    return found


def test_the_winner_is_taken_away_and_reported(made: Place) -> None:
    written = {Path(name).name for name in made("export red{data} --to winner").out.split()}
    assert written >= {"model.safetensors", "net.py", "model.onnx", "README.md", "RECORD.json"}
    assert made("report red{data} --output report.html").out == "report.html\n"
    assert "Identical, bit for bit." in made("reproduce winner/RECORD.json{data}").out


def test_the_study_and_its_export_read_a_grey_picture_alike(made: Place) -> None:
    assert made("predict red picture.png --json{data}").out == made("predict winner picture.png --json").out


def test_the_plain_net_reads_it_so_too(made: Place) -> None:
    command = [sys.executable, "-I", "winner/net.py", "picture.png"]
    done = subprocess.run(command, cwd=made.folder, capture_output=True, text=True, check=True)
    assert done.stdout.split()[1:3] == [str(made.said["label"]), f"{made.said['probability']:.2%},"]


def test_onnx_reads_it_with_green_and_blue_0(own: Place) -> None:
    red = np.zeros((1, 3, 20, 20), np.float32)
    red[0, 0] = np.asarray(Image.open(own.folder / "picture.png"))
    session = onnxruntime.InferenceSession(own.folder / "winner" / "model.onnx")
    assert np.allclose(session.run(None, {"pictures": red})[0][0], own.said["probabilities"], atol=1e-5)


def test_digits_can_be_drawn_and_what_is_not_on_black_cannot(packaged: Place, own: Place) -> None:
    assert "Draw a digit" in (packaged.folder / "winner" / "draw.html").read_text()
    assert "Draw a digit" in (packaged.folder / "report.html").read_text()
    reason = "reads images on a background that is not black, which cannot be drawn on the page."
    assert reason in own("export red{data} --to winner").err
    assert reason in own("report red{data} --output report.html").err
    assert not (own.folder / "winner" / "draw.html").exists()


def test_the_card_says_what_is_done_to_a_picture_and_which_data_it_needs(packaged: Place, own: Place) -> None:
    cards = [" ".join((each.folder / "winner" / "README.md").read_text().split()) for each in (packaged, own)]
    for card in cards:
        assert "becomes the red channel; green and blue are 0." in card
    assert [" --data DATA" in card for card in cards] == [False, True]
