"""A study of MNIST in three channels, of which green and blue are 0: its net is taken away and reads grey pictures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from support.commands import in_one_process
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
from support import drawn

drawn.no_pictures()
run("search mine.yaml{data} -n 2 --executor in-process --workers 1 --study-name red")
run("export red{data} --to winner")
run("report red{data} --to report.html")
run("predict red picture.png --json{data}")
run("predict winner picture.png --json")
run("reproduce winner/RECORD.json{data}")
"""


@pytest.mark.parametrize("data", ["", " --data grey.npz"])
def test_a_net_is_taken_away_and_reads_a_grey_picture_as_its_study_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: str
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    picture = np.full((60, 50), 255, np.uint8)
    picture[10:50, 22:28] = 0
    if data:
        values = arrays(channels=1, side=20, classes=3, train=1200)
        write_npz(tmp_path / "grey.npz", values)
        picture = values["x_test"][0]
    Image.fromarray(picture).save(tmp_path / "picture.png")
    (tmp_path / "mine.yaml").write_text(SPACE)
    ran = in_one_process(tmp_path, SCRIPT.format(data=data))
    assert {line: done.err for line, done in ran.items() if done.code} == {}

    exported, reported = ran[f"export red{data} --to winner"], ran[f"report red{data} --to report.html"]
    written = {Path(name).name for name in exported.out.split()}
    assert written >= {"model.safetensors", "net.py", "model.onnx", "README.md", "RECORD.json"}
    card = " ".join((tmp_path / "winner" / "README.md").read_text().split())
    assert "becomes the red channel; green and blue are 0." in card
    assert (" --data DATA" in card) == bool(data)
    assert "Identical, bit for bit." in ran[f"reproduce winner/RECORD.json{data}"].out

    assert ran[f"predict red picture.png --json{data}"].out == ran["predict winner picture.png --json"].out
    (said,) = json.loads(ran["predict winner picture.png --json"].out)["images"]
    command = [sys.executable, "-I", "winner/net.py", "picture.png"]
    alone = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert alone.stdout.split()[1:3] == [str(said["label"]), f"{said['probability']:.2%},"]

    if not data:
        assert "draw.html" in written
        assert "Draw a digit" in (tmp_path / "report.html").read_text()
        return
    reason = "reads images on a background that is not black, which cannot be drawn on the page."
    assert reason in exported.err
    assert reason in reported.err
    assert "draw.html" not in written
    red = np.zeros((1, 3, 20, 20), np.float32)
    red[0, 0] = picture
    session = onnxruntime.InferenceSession(tmp_path / "winner" / "model.onnx")
    assert np.allclose(session.run(None, {"pictures": red})[0][0], said["probabilities"], atol=1e-5)
