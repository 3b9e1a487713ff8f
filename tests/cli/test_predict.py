"""`mnist-bench predict` with a net that was exported."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from mnist_bench.cli.app import app
from mnist_bench.data.choice import DataOptions
from mnist_bench.data.tensors import Dataset, load_dataset
from mnist_bench.export import export_folder
from mnist_bench.numerics import device
from mnist_bench.prediction.model import load_model
from support import winners

Cli = Callable[..., Result]


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load_dataset(DataOptions(subset=1200), device.setup("cpu")[0])


@pytest.fixture(scope="module")
def exported(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("winner")
    export_folder.write(winners.winner(winners.config(winners.NETS["before"]), data), path)
    return path


@pytest.fixture
def pictures(data: Dataset, tmp_path: Path) -> Path:
    """Return a folder of ten pictures, dark on light."""
    path = tmp_path / "pictures"
    path.mkdir()
    for number, index in enumerate(data.validation[:10].tolist()):
        Image.fromarray(255 - data.images[index, 0].numpy()).resize((90, 90)).save(path / f"{number}.png")
    return path


def table(text: str) -> list[list[str]]:
    """Return the words of each row below the heading, but for the picture's name."""
    heading, *rows = text.splitlines()
    assert heading.split() == ["image", "label", "probability", "runner-up"]
    return [row.split()[1:] for row in rows if ".png" in row or row.startswith("-")]


def test_a_row_a_picture(cli: Cli, exported: Path, pictures: Path, data: Dataset) -> None:
    result = cli("predict", str(exported), str(pictures))
    assert (result.exit_code, result.stderr) == (0, "")
    assert [line.split()[0] for line in result.stdout.splitlines()[1:11]] == [
        str(pictures / f"{number}.png") for number in range(10)
    ]
    labels = [int(row[0]) for row in table(result.stdout)]
    assert sum(a == b for a, b in zip(labels, data.labels[data.validation[:10]].tolist(), strict=True)) >= 7
    found = json.loads(cli("predict", str(exported), str(pictures), "--json").stdout)["images"]
    assert [said["label"] for said in found] == labels
    keys = {"image", "label", "probability", "runner_up", "runner_up_probability", "probabilities"}
    assert all(set(said) == keys for said in found)
    rows = csv.DictReader(io.StringIO(cli("predict", str(exported), str(pictures), "--csv").stdout))
    assert [row["label"] for row in rows] == list(map(str, labels))
    piped = CliRunner().invoke(app, ["predict", str(exported), "-"], input=(pictures / "3.png").read_bytes())
    assert piped.exit_code == 0
    assert table(piped.stdout) == table(result.stdout)[3:4]


def test_what_is_empty_or_no_picture_gets_a_sentence_and_the_others_an_answer(
    cli: Cli, exported: Path, pictures: Path
) -> None:
    Image.new("L", (50, 50), 255).save(pictures / "a.png")
    (pictures / "b.png").write_text("no picture")
    result = cli("predict", str(exported), "missing.png", str(pictures))
    assert result.exit_code == 2
    assert [line.partition(": ")[2] for line in result.stderr.splitlines()] == [
        "missing.png: cannot be read (No such file or directory).",
        f"{pictures / 'a.png'}: an empty image: nothing stands out from its border.",
        f"{pictures / 'b.png'}: not a readable image; give a PNG or JPEG file.",
    ]
    assert len(table(result.stdout)) == 10
    found = json.loads(cli("predict", str(exported), "missing.png", str(pictures / "3.png"), "--json").stdout)
    first, second = found["images"]
    assert first == {"image": "missing.png", "error": "missing.png: cannot be read (No such file or directory)."}
    assert second["image"] == str(pictures / "3.png")
    alone = cli("predict", str(exported), "missing.png", "--json")
    assert (alone.exit_code, json.loads(alone.stdout)["images"]) == (2, [first])
    broken = CliRunner().invoke(app, ["predict", str(exported), "-"], input=b"none")
    assert broken.stderr == "Error: stdin: not a readable image; give a PNG or JPEG file.\n"


def test_classes_that_have_names_are_named(
    cli: Cli, exported: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model(exported)
    names = tuple(f"class {label:02}" for label in range(10))
    named = replace(model, input_spec=replace(model.input_spec, names=names))
    monkeypatch.setattr("mnist_bench.prediction.model.load_model", lambda path: named)
    found = json.loads(cli("predict", str(exported), str(pictures), "--json").stdout)["images"]
    assert all(
        (said["name"], said["runner_up_name"]) == (names[said["label"]], names[said["runner_up"]]) for said in found
    )
    rows = table(cli("predict", str(exported), str(pictures)).stdout)
    assert [" ".join(row[:2]) for row in rows] == [said["name"] for said in found]
    by_csv = csv.DictReader(io.StringIO(cli("predict", str(exported), str(pictures), "--csv").stdout))
    assert [(row["label"], row["name"]) for row in by_csv] == [(str(said["label"]), said["name"]) for said in found]
