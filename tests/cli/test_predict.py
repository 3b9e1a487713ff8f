"""`mnist-bench predict` with a net that was exported."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from mnist_bench.cli.app import app
from mnist_bench.config.settings import ModelConfig
from mnist_bench.data.choice import DataOptions
from mnist_bench.data.own import options_for
from mnist_bench.data.tensors import Dataset, load_dataset
from mnist_bench.export import export_folder
from mnist_bench.export.winner import Winner
from mnist_bench.numerics import device
from mnist_bench.prediction.model import UNFINISHED, load_model
from support import winners
from support.own_data import arrays, write_folder

Cli = Callable[..., Result]


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load_dataset(DataOptions(subset=1200), device.setup("cpu"))


@pytest.fixture(scope="module")
def winner(data: Dataset) -> Winner:
    return winners.winner(winners.config(winners.NETS["before"]), data)


@pytest.fixture(scope="module")
def exported(winner: Winner, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("winner")
    export_folder.write(winner, path)
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
    assert heading.split() == ["picture", "label", "probability", "runner-up"]
    return [row.split()[1:] for row in rows if ".png" in row or row.startswith("-")]


def test_a_row_a_picture(cli: Cli, exported: Path, pictures: Path, data: Dataset) -> None:
    result = cli("predict", str(exported), str(pictures))
    assert (result.exit_code, result.stderr) == (0, "")
    assert [line.split()[0] for line in result.stdout.splitlines()[1:11]] == [
        str(pictures / f"{number}.png") for number in range(10)
    ]
    labels = [int(row[0]) for row in table(result.stdout)]
    assert sum(a == b for a, b in zip(labels, data.labels[data.validation[:10]].tolist(), strict=True)) >= 7
    found = json.loads(cli("predict", str(exported), str(pictures), "--json").stdout)["pictures"]
    assert [said["label"] for said in found] == labels
    keys = {"picture", "label", "probability", "runner_up", "runner_up_probability", "probabilities"}
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
    first, second = found["pictures"]
    assert first == {"picture": "missing.png", "error": "missing.png: cannot be read (No such file or directory)."}
    assert second["picture"] == str(pictures / "3.png")
    broken = CliRunner().invoke(app, ["predict", str(exported), "-"], input=b"none")
    assert broken.stderr == "Error: stdin: not a readable image; give a PNG or JPEG file.\n"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Dataset]:
    """Return an export of a net for a stranger's pictures in colour, whose classes have names, and the data."""
    place = tmp_path_factory.mktemp("own")
    write_folder(place / "mine", arrays(classes=4, train=200, test=8, side=16))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(place))
        data = load_dataset(options_for(place / "mine"), device.setup("cpu"))
    trained = winners.config(ModelConfig(blocks=1, filters=8))
    export_folder.write(winners.winner(trained, data), place / "winner")
    return place / "winner", data


def test_pictures_of_ones_own_are_named(cli: Cli, own: tuple[Path, Dataset], tmp_path: Path) -> None:
    exported, data = own
    (tmp_path / "pictures").mkdir()
    for number, index in enumerate(data.validation[:10].tolist()):
        picture = Image.fromarray(np.moveaxis(data.images[index].numpy(), 0, 2))
        picture.save(tmp_path / "pictures" / f"{number}.png")
    labels = load_model(exported).probabilities(data.pixels(data.validation[:10]).numpy()).argmax(1).tolist()
    found = json.loads(cli("predict", str(exported), "pictures", "--json").stdout)["pictures"]
    assert [(said["label"], said["name"]) for said in found] == [(label, f"class {label:02}") for label in labels]
    assert all(said["runner_up_name"] == f"class {said['runner_up']:02}" for said in found)
    rows = table(cli("predict", str(exported), "pictures").stdout)
    assert [row[:2] for row in rows] == [["class", f"{label:02}"] for label in labels]
    (by_csv, *_) = csv.DictReader(io.StringIO(cli("predict", str(exported), "pictures", "--csv").stdout))
    assert (by_csv["label"], by_csv["name"]) == (str(labels[0]), f"class {labels[0]:02}")
    Image.new("L", (300, 40), 90).save("grey.png")
    assert cli("predict", str(exported), "grey.png").exit_code == 0, "of another size and without colour"


@pytest.mark.parametrize(
    ("model", "picture", "code", "message"),
    [
        ("none.safetensors", "a.png", 2, "not a file of exported weights (No such file or directory)."),
        ("unfinished", "a.png", 2, "unfinished: its export was interrupted; run the same `mnist-bench export`"),
        ("other-0", "a.png", 3, "No study other-0 in results."),
        ("conv-0/x", "a.png", 2, "'conv-0/x' is not a trial; write STUDY/17."),
        ("conv-0/1", "a.png", 3, "The weights of conv-0/1 are not here"),
        ("conv-0", "empty", 2, "empty: this folder contains no image; names of images end in "),
    ],
)
def test_what_cannot_be_used_is_said_in_a_sentence(
    cli: Cli, tmp_path: Path, model: str, picture: str, code: int, message: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "unfinished").mkdir()
    (tmp_path / "unfinished" / UNFINISHED).touch()
    result = cli("predict", model, picture)
    assert result.exit_code == code
    assert message in result.stderr
