"""A stranger's data from the command line: searched, reproduced, confirmed; in a process of the commands' own."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mnist_bench.report.commands import commands
from mnist_bench.studies.checked import commands_of
from search.study.invocation_log import invocations
from search.study.studies import open_study
from support.commands import Place
from support.own_data import Arrays, arrays, write_folder, write_npz

pytestmark = pytest.mark.slow

SPACE = """
name: tiny
epochs: 2
model: {blocks: 2, filters: {choice: [4, 8]}, hidden_layers: 0}
augment: {translate_pixels: 1}
optim: {lr: {float: [3e-3, 3e-2], log: true}, batch_size: 32}
"""
CONFIRM = ("confirm", "--top", "2", "--workers", "1", "--json")
ALONE = ("--trials", "1", "--executor", "in-process")
CLASSES, SIDE = 5, 12


def images(test: int = 100, **more: Any) -> Arrays:
    return arrays(**{"classes": CLASSES, "train": 150, "side": SIDE, "test": test, **more})


class DataPlace(Place):
    """A folder with a space and data, in which commands run that name the data last."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (folder / "tiny.yaml").write_text(SPACE)

    def run(self, *words: str, code: int = 0, data: str | None = "mine.npz") -> str:
        return super().run(*words, *(["--data", data] if data else []), code=code)

    def write(self, values: Arrays, name: str = "mine.npz") -> None:
        write_npz(self.folder / name, values)

    def copy(self, folder: Path) -> DataPlace:
        """Return a copy, which does not exist yet, to change and to confirm."""
        # By another program: the cache holds test files, which may be closed to this process by another test.
        subprocess.run(["cp", "--recursive", str(self.folder), str(folder)], check=True)
        return DataPlace(folder)

    def rows(self) -> list[dict[str, Any]]:
        """Return the trials on the leaderboard."""
        rows: list[dict[str, Any]] = json.loads(self.run("leaderboard", "--json", data=None))["rows"]
        return rows

    def card(self, folder: str) -> str:
        return (self.folder / folder / "README.md").read_text()


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> DataPlace:
    """Return a place with a finished study of classes in colour, which no test changes."""
    made = DataPlace(tmp_path_factory.mktemp("searched"))
    made.write(images())
    made.run("search", "tiny.yaml", "--trials", "3", "--workers", "1")
    return made


@pytest.fixture
def place(searched: DataPlace, tmp_path: Path) -> DataPlace:
    """Return a copy of the searched place."""
    return searched.copy(tmp_path / "copy")


def test_the_search_learned_did_not_open_the_test_set_and_advises_commands_that_name_the_data(
    searched: DataPlace,
) -> None:
    assert searched.rows()[0]["accuracy"] > 3 / CLASSES  # three times what chance gives
    shown = searched.run("leaderboard", data=None)
    assert "The test set has not been evaluated." in shown
    assert f"`mnist-bench confirm tiny-0 --data {searched.folder / 'mine.npz'}`" in shown  # nets that hardly ever err
    study = open_study(searched.folder / "results", "tiny-0")
    repeating = commands(study, study.best, commands_of(study), invocations(study.files))
    trained = [line for line in repeating if re.match(r"mnist-bench (search|train|reproduce)", line)]
    assert len(trained) >= 3
    assert all(f" --data {searched.folder / 'mine.npz'}" in line for line in trained), trained
    (searched.folder / "one.yaml").write_text("model: {blocks: 1}\n")
    assert "use `mnist-bench train one.yaml --data mine.npz`" in searched.run("search", "one.yaml", code=2)


def test_a_trial_is_reproduced_and_the_search_goes_on_with_the_same_data_alone_or_a_copy(place: DataPlace) -> None:
    shown = json.loads(place.run("show", "tiny-0/0", "--json", data=None))
    assert shown["data"]["form"] == {"channels": 3, "height": SIDE, "width": SIDE, "classes": CLASSES}
    place.write(images(seed=1), "other.npz")
    place.write(images(channels=1), "grey.npz")
    for data, words in (
        (None, f"images of {SIDE}x{SIDE} pixels in color, {CLASSES} classes; name their file or folder with --data"),
        ("other.npz", "trained on other data"),
        ("grey.npz", f"those of grey.npz have {SIDE}x{SIDE} pixels in gray"),
    ):
        assert words in place.run("reproduce", "tiny-0/0", data=data, code=2)
    assert "Identical, bit for bit." in place.run("reproduce", "tiny-0/0")
    place.write(images(), "copy.npz")
    place.run("search", "tiny.yaml", "--trials", "4", "--executor", "in-process", data="copy.npz")
    assert len(place.rows()) == 4


def test_the_winner_is_taken_away_and_reads_pictures(place: DataPlace) -> None:
    assert "`mnist-bench confirm tiny-0 --data" in place.run("export", "tiny-0", "--confirmed", "--to", "x", code=3)
    assert "with --data" in place.run("export", "tiny-0", "--to", "x", data=None, code=2)
    files = place.run("export", "tiny-0", "--to", "winner").splitlines()
    names = ("model.safetensors", "net.py", "model.onnx", "README.md", "RECORD.json")
    assert files == [f"winner/{name}" for name in names]
    assert "Identical, bit for bit." in place.run("reproduce", "winner/RECORD.json")
    (place.folder / "pictures").mkdir()
    for number, picture in enumerate(images()["x_train"][:3]):
        Image.fromarray(picture).save(place.folder / "pictures" / f"{number}.png")
    here = place.run("predict", "winner", "pictures", "--json", data=None)
    assert here == place.run("predict", "tiny-0", "pictures", "--json")
    assert [len(said["probabilities"]) for said in json.loads(here)["images"]] == [CLASSES] * 3


def test_where_the_weights_were_not_kept_the_command_names_the_data_and_they_are_trained_again(
    place: DataPlace,
) -> None:
    best = place.rows()[0]["number"]
    kept = Path("results", "tiny-0", "weights", f"{best}.safetensors")
    said = place.run("predict", str(kept), "mine.npz", data=None, code=2)
    assert f"training data of its network, images of {SIDE}x{SIDE} pixels in color, {CLASSES} classes" in said
    place.run("export", "tiny-0", "--to", "winner")
    (place.folder / kept).unlink()
    said = place.run("predict", f"tiny-0/{best}", "mine.npz", data=None, code=3)
    assert re.search(rf"`mnist-bench reproduce tiny-0/{best} --weights --data \S+\.npz` trains it again", said)
    assert "it is trained again" in place.done("export", f"tiny-0/{best}", "--to", "again", "--data", "mine.npz").err
    for name in ("model.safetensors", "model.onnx", "net.py"):
        assert (place.folder / "again" / name).read_bytes() == (place.folder / "winner" / name).read_bytes()


def test_the_study_is_confirmed_on_its_own_test_part_and_anew_on_one_that_was_corrected(place: DataPlace) -> None:
    before = json.loads(place.run(*CONFIRM))
    assert (before["test_images"], before["test_evaluations"]) == (100, 1)
    exported = place.done("export", "tiny-0", "--confirmed", "--to", "winner", "--data", "mine.npz")
    assert "trained on all images" in exported.err
    assert f"{before['finals'][0]['errors'][0]} of 100 wrong" in place.card("winner")
    assert " --data DATA" in place.card("winner")
    corrected = images()
    corrected["y_test"] = (corrected["y_test"] + 1) % CLASSES
    place.write(corrected, "corrected.npz")
    found = json.loads(place.run(*CONFIRM, data="corrected.npz"))
    assert found["test_evaluations"] == 2
    assert found["winner"] == before["winner"], "the selection knows nothing of the test part"
    for ours, theirs in zip(found["finals"], before["finals"], strict=True):
        assert min(ours["errors"]) > 60 > max(theirs["errors"])
    assert json.loads(place.run(*CONFIRM, data="corrected.npz")) == found
    assert json.loads(place.run(*CONFIRM, data=None)) == found, "where no data are named, what was found last"
    assert json.loads(place.run(*CONFIRM))["finals"] == before["finals"]


def test_errors_are_told_of_the_test_images_on_which_they_were_counted(tmp_path: Path) -> None:
    made = DataPlace(tmp_path)
    made.write(images())
    made.run("search", "tiny.yaml", *ALONE, "--set", "objective=[val_accuracy, parameters]", "--set", "epochs=1")
    best = ("confirm", "--top", "1", "--workers", "1", "--json")
    front = ("confirm", "--front", "--workers", "1", "--json")
    first = json.loads(made.run(*best))
    assert first["test_images"] == 100
    made.write(images(test=300))
    assert json.loads(made.run(*front))["test_images"] == 300
    made.run("export", "tiny-0/0", "--confirmed", "--to", "winner")
    assert f"{first['finals'][0]['errors'][0]} of 100 wrong" in made.card("winner")
    found = json.loads(made.run(*best))
    assert (found["test_images"], found["test_evaluations"]) == (300, 2), "known from the front"
    made.run("export", "tiny-0/0", "--confirmed", "--to", "later")
    assert f"{found['finals'][0]['errors'][0]} of 300 wrong" in made.card("later")


def test_a_folder_of_pictures_is_searched_and_nets_that_pool_the_pictures_away_are_refused(tmp_path: Path) -> None:
    made = DataPlace(tmp_path)
    write_folder(tmp_path / "pictures", images(test=12, train=60))
    made.run("search", "tiny.yaml", *ALONE, data="pictures")
    assert "Takes about" in made.run("search", "tiny.yaml", "--dry-run", "--workers", "1", data="pictures")
    said = made.run("search", "tiny.yaml", *ALONE, "--set", "model.blocks=4", data="pictures", code=2)
    assert "no network can be built from these settings" in said
    assert made.run("plot", "digits", data="pictures", code=2).count("only MNIST's form") == 1
    (tmp_path / "deep.yaml").write_text("name: deep\nepochs: 2\nmodel: {blocks: 4}\n")
    said = made.run("ablate", "--baseline", "deep.yaml", data="pictures", code=2)
    assert "deep.yaml:3" in said, "before anything trains"
