"""`mnist-bench predict` with a net that was exported."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from mnist_bench.config.settings import ModelConfig
from mnist_bench.data.mnist import DataOptions
from mnist_bench.data.own.formats import options_for
from mnist_bench.data.tensors import Dataset, load_dataset
from mnist_bench.export import export_folder
from mnist_bench.export.winner import Winner
from mnist_bench.numerics import device
from mnist_bench.prediction.model import UNFINISHED, load_model
from support import handmade_winner
from support.own_data import arrays, write_folder

Cli = Callable[..., Result]


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load_dataset(DataOptions(subset=1200), device.setup("cpu"))


@pytest.fixture(scope="module")
def winner(data: Dataset) -> Winner:
    return handmade_winner.winner(handmade_winner.config(handmade_winner.NETS["before"]), data)


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


def test_a_row_a_picture(cli: Cli, exported: Path, pictures: Path, data: Dataset) -> None:
    result = cli("predict", str(exported), str(pictures))
    assert (result.exit_code, result.stderr) == (0, "")
    heading, *rows = result.stdout.splitlines()
    assert heading.split() == ["picture", "label", "probability", "runner-up"]
    assert [Path(row.split()[0]).name for row in rows[:10]] == [f"{number}.png" for number in range(10)]
    labels = [int(row.split()[1]) for row in rows[:10]]
    assert sum(a == b for a, b in zip(labels, data.labels[data.validation[:10]].tolist(), strict=True)) >= 7


def test_for_programs(cli: Cli, exported: Path, pictures: Path) -> None:
    found = json.loads(cli("predict", str(exported), str(pictures), "--json").stdout)
    for said in found["pictures"]:
        assert set(said) == {
            "picture", "label", "probability", "runner_up", "runner_up_probability", "probabilities",
        }  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(cli("predict", str(exported), str(pictures), "--csv").stdout)))
    assert [row["label"] for row in rows] == [str(said["label"]) for said in found["pictures"]]


def test_a_picture_from_stdin(exported: Path, pictures: Path) -> None:
    from mnist_bench.cli.app import app

    content = (pictures / "3.png").read_bytes()
    result = CliRunner().invoke(app, ["predict", str(exported), "-"], input=content)
    by_file = CliRunner().invoke(app, ["predict", str(exported), str(pictures / "3.png")])
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1].split()[1:] == by_file.stdout.splitlines()[1].split()[1:]


def test_what_is_empty_or_no_picture_gets_a_sentence_and_the_others_an_answer(
    cli: Cli, exported: Path, pictures: Path
) -> None:
    Image.new("L", (50, 50), 255).save(pictures / "a.png")
    (pictures / "b.png").write_text("no picture")
    result = cli("predict", str(exported), str(pictures), "missing.png")
    assert result.exit_code == 2
    assert [line.partition(": ")[2] for line in result.stderr.splitlines()] == [
        f"{pictures / 'a.png'}: an empty image: nothing stands out from its border.",
        f"{pictures / 'b.png'}: not a readable image; give a PNG or JPEG file.",
        "missing.png: cannot be read (No such file or directory).",
    ]
    assert len([line for line in result.stdout.splitlines() if ".png" in line]) == 10
    found: dict[str, Any] = json.loads(cli("predict", str(exported), "missing.png", "--json").stdout)
    assert found["pictures"] == [
        {"picture": "missing.png", "error": "missing.png: cannot be read (No such file or directory)."}
    ]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Dataset]:
    """Return an export of a net for a stranger's pictures in colour, whose classes have names, and the data."""
    place = tmp_path_factory.mktemp("own")
    write_folder(place / "mine", arrays(classes=4, train=200, test=8, side=16))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(place))
        data = load_dataset(options_for(place / "mine"), device.setup("cpu"))
    trained = handmade_winner.config(ModelConfig(blocks=1, filters=8))
    export_folder.write(handmade_winner.winner(trained, data), place / "winner")
    return place / "winner", data


def test_pictures_of_ones_own_are_read_from_a_folder_and_named(
    cli: Cli, own: tuple[Path, Dataset], tmp_path: Path
) -> None:
    exported, data = own
    (tmp_path / "pictures").mkdir()
    for number, index in enumerate(data.validation[:10].tolist()):
        picture = Image.fromarray(np.moveaxis(data.images[index].numpy(), 0, 2))
        picture.save(tmp_path / "pictures" / f"{number}.png")
    labels = load_model(exported).probabilities(data.pixels(data.validation[:10]).numpy()).argmax(1).tolist()
    found = json.loads(cli("predict", str(exported), "pictures", "--json").stdout)
    assert [said["label"] for said in found["pictures"]] == labels
    for said in found["pictures"]:
        assert said["name"] == f"class {said['label']:02}"
        assert said["runner_up_name"] == f"class {said['runner_up']:02}"
    heading, *rows = cli("predict", str(exported), "pictures").stdout.splitlines()
    assert heading.split() == ["picture", "label", "probability", "runner-up"]
    assert [re.findall(r"class \d\d", row)[0] for row in rows[:10]] == [f"class {label:02}" for label in labels]
    (by_csv, *_) = csv.DictReader(io.StringIO(cli("predict", str(exported), "pictures", "--csv").stdout))
    assert (by_csv["label"], by_csv["name"]) == (str(labels[0]), f"class {labels[0]:02}")


def test_a_picture_of_ones_own_from_stdin_or_none(cli: Cli, own: tuple[Path, Dataset], tmp_path: Path) -> None:
    from mnist_bench.cli.app import app

    exported, data = own
    Image.fromarray(np.moveaxis(data.images[data.validation[0]].numpy(), 0, 2)).save(tmp_path / "one.png")
    (tmp_path / "none.png").write_text("no picture")
    result = cli("predict", str(exported), "one.png", "none.png")
    assert result.exit_code == 2
    assert result.stderr == "Error: none.png: not a readable image; give a PNG or JPEG file.\n"
    content = (tmp_path / "one.png").read_bytes()
    piped = CliRunner().invoke(app, ["predict", str(exported), "-"], input=content)
    assert piped.stdout.splitlines()[1].split()[1:] == result.stdout.splitlines()[1].split()[1:]
    broken = CliRunner().invoke(app, ["predict", str(exported), "-"], input=b"none")
    assert broken.stderr == "Error: stdin: not a readable image; give a PNG or JPEG file.\n"


def test_a_picture_of_another_size_and_without_colour_is_fitted(
    cli: Cli, own: tuple[Path, Dataset], tmp_path: Path
) -> None:
    Image.new("L", (300, 40), 90).save(tmp_path / "grey.png")
    assert cli("predict", str(own[0]), "grey.png").exit_code == 0


@pytest.mark.parametrize(
    ("model", "picture", "code", "message"),
    [
        (
            "none.safetensors",
            "a.png",
            2,
            "none.safetensors: not a file of exported weights (No such file or directory).",
        ),
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
    assert "Traceback" not in result.stderr
