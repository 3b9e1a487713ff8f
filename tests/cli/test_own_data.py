"""A stranger's data from the command line: searched, reproduced, confirmed; in a process of the commands' own."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from support import command_process
from support.copies import Ran
from support.own_data import arrays, write_folder, write_npz

pytestmark = pytest.mark.slow

SPACE = """
name: tiny
epochs: 2
model: {blocks: 2, filters: {choice: [4, 8]}, hidden_layers: 0}
augment: {translate_pixels: 1}
optim: {lr: {float: [3e-3, 3e-2], log: true}, batch_size: 32}
"""
PLAIN = """
epochs: 2
model: {blocks: 1, filters: 4, hidden_layers: 0}
augment: {translate_pixels: 1}
optim: {batch_size: 32}
"""
CONFIRM = ("confirm", "--top", "2", "--workers", "1", "--force-test", "--json")


class Place:
    """A folder with a space and data, in which commands run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "tiny.yaml").write_text(SPACE)

    def run(self, *words: str, data: str | None = "mine.npz", code: int = 0) -> str:
        """Run a command and return what it said, on stderr if it was to fail."""
        done = self._run(*words, data=data)
        assert done.code == code, done.out + done.err
        return done.err if code else done.out

    def errors(self, *words: str) -> str:
        """Run a command and return what it said on stderr."""
        return self._run(*words, data="mine.npz").err

    def copy(self, folder: Path) -> Place:
        """Return a copy, which does not exist yet, to change and to confirm."""
        # By another program: the cache holds test files, which may be closed to this process by another test.
        subprocess.run(["cp", "--recursive", str(self.folder), str(folder)], check=True)
        return Place(folder)

    def _run(self, *words: str, data: str | None) -> Ran:
        return command_process.run([*words, *(["--data", data] if data else [])], self.folder)

    def rows(self) -> list[dict[str, Any]]:
        """Return the trials on the leaderboard."""
        (study,) = json.loads(self.run("leaderboard", "--json", data=None))["studies"]
        rows: list[dict[str, Any]] = study["rows"]
        return rows


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Return a place with a finished study of 20 classes in colour, which no test changes."""
    made = Place(tmp_path_factory.mktemp("searched"))
    write_npz(made.folder / "mine.npz", arrays())
    made.run("search", "tiny.yaml", "--trials", "3", "--workers", "1")
    return made


@pytest.fixture(scope="module")
def confirmed(searched: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Return a copy of that place in which the study is confirmed, which no test changes, and what that printed."""
    made = searched.copy(tmp_path_factory.mktemp("confirmed") / "copy")
    (made.folder / "confirmed.json").write_text(made.run(*CONFIRM))
    return made


@pytest.fixture
def place(searched: Place, tmp_path: Path) -> Place:
    """Return a copy of the searched place."""
    return searched.copy(tmp_path / "copy")


def test_the_search_learned_and_did_not_open_the_test_set(place: Place) -> None:
    assert "The test set has not been evaluated." in place.run("leaderboard", data=None)
    assert place.rows()[0]["accuracy"] > 0.15  # three times what chance gives


def test_commands_that_are_advised_name_the_data(searched: Place) -> None:
    tied = searched.run("leaderboard", data=None)
    whole = f"`mnist-bench confirm tiny-0 --data {searched.folder / 'mine.npz'}`"
    assert whole in tied  # three nets that hardly ever err
    (searched.folder / "one.yaml").write_text("model: {blocks: 1}\n")
    assert "use `mnist-bench train one.yaml --data mine.npz`" in searched.run("search", "one.yaml", code=2)


def test_the_data_are_recorded_and_what_is_needed_is_said(place: Place) -> None:
    shown = json.loads(place.run("show", "tiny-0/0", "--json", data=None))
    assert shown["data"]["form"] == {"channels": 3, "height": 32, "width": 32, "classes": 20}
    assert "trained on images of 32x32 pixels in color, 20 classes; name their file or folder with --data" in place.run(
        "reproduce", "tiny-0/0", data=None, code=2
    )
    write_npz(place.folder / "other.npz", arrays(seed=1))
    assert "trained on other data" in place.run("reproduce", "tiny-0/0", data="other.npz", code=2)
    write_npz(place.folder / "grey.npz", arrays(channels=1))
    assert "those of grey.npz have 32x32 pixels in gray" in place.run("reproduce", "tiny-0/0", data="grey.npz", code=2)


def test_a_trial_is_reproduced_bit_for_bit(place: Place) -> None:
    assert "Identical, bit for bit." in place.run("reproduce", "tiny-0/0")


def test_the_search_goes_on_with_a_copy_of_its_data(place: Place) -> None:
    write_npz(place.folder / "copy.npz", arrays())
    place.run("search", "tiny.yaml", "--trials", "4", "--executor", "in-process", data="copy.npz")
    assert len(place.rows()) == 4


def test_the_winner_is_taken_away_and_reads_pictures(place: Place) -> None:
    assert "`mnist-bench confirm tiny-0 --data" in place.run("export", "tiny-0", "--confirmed", "--to", "x", code=3)
    assert "with --data" in place.run("export", "tiny-0", "--to", "x", data=None, code=2)
    files = place.run("export", "tiny-0", "--to", "winner").splitlines()
    assert files == [
        f"winner/{name}" for name in ("model.safetensors", "net.py", "model.onnx", "README.md", "RECORD.json")
    ]
    assert "Identical, bit for bit." in place.run("reproduce", "winner/RECORD.json")
    pictures = arrays()["x_train"][:20]
    (place.folder / "pictures").mkdir()
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(place.folder / "pictures" / f"{number:02}.png")
    here = place.run("predict", "winner", "pictures", "--json", data=None)
    assert here == place.run("predict", "tiny-0", "pictures", "--json")
    assert all(len(said["probabilities"]) == 20 for said in json.loads(here)["pictures"])


def test_where_the_weights_were_not_kept_the_command_names_the_data(place: Place) -> None:
    best = place.rows()[0]["number"]
    shutil.copytree(place.folder / "results", place.folder / "copies")
    (place.folder / "copies" / "tiny-0" / "weights" / f"{best}.safetensors").unlink()
    elsewhere = (f"tiny-0/{best}", "--results", "copies")
    said = place.run("predict", *elsewhere, "mine.npz", data=None, code=3)
    command = rf"mnist-bench reproduce tiny-0/{best} --weights --results copies --data \S+\.npz"
    assert re.search(f"`{command}` trains it again", said)
    bare = str(Path("results", "tiny-0", "weights", f"{best}.safetensors"))
    said = place.run("predict", bare, "mine.npz", data=None, code=2)
    assert "does not record the training data of its network, images of 32x32 pixels in color, 20 classes" in said
    place.run("export", "tiny-0", "--to", "winner")
    assert "it is trained again" in place.errors("export", *elsewhere, "--to", "again")
    for name in ("model.safetensors", "model.onnx", "net.py"):
        assert (place.folder / "again" / name).read_bytes() == (place.folder / "winner" / name).read_bytes()


def test_what_needs_the_data_names_them(place: Place) -> None:
    place.run("report", "tiny-0", "--output", "report.html")
    page = (place.folder / "report.html").read_text()
    for command in (
        "reproduce tiny-0/",
        "reproduce RECORD.json",
        "confirm tiny-0",
        "search space.yaml",
        "train tiny-0/",
    ):
        assert re.search(rf"mnist-bench {command}[^<`]*--data \S+\.npz", page), command


def test_the_study_is_confirmed_on_its_own_test_part(confirmed: Place, tmp_path: Path) -> None:
    place = confirmed.copy(tmp_path / "copy")
    found = json.loads((place.folder / "confirmed.json").read_text())
    assert (found["test_images"], found["test_openings"]) == (100, 1)
    said = place.errors("export", "tiny-0", "--confirmed", "--to", "winner")
    assert "trained on all images" in said
    card = (place.folder / "winner" / "README.md").read_text()
    assert f"{found['finals'][0]['errors'][0]} of 100 wrong" in card
    assert " --data DATA" in card


def test_a_test_part_that_was_corrected_is_evaluated_anew(confirmed: Place, tmp_path: Path) -> None:
    place = confirmed.copy(tmp_path / "copy")
    before = json.loads(place.run(*CONFIRM))
    corrected = arrays()
    corrected["y_test"] = (corrected["y_test"] + 1) % 20
    write_npz(place.folder / "corrected.npz", corrected)
    found = json.loads(place.run(*CONFIRM, data="corrected.npz"))
    assert found["test_openings"] == before["test_openings"] + 1
    assert found["winner"] == before["winner"], "the race knows nothing of the test part"
    for ours, theirs in zip(found["finals"], before["finals"], strict=True):
        assert min(ours["errors"]) > 60 > max(theirs["errors"])
    assert json.loads(place.run(*CONFIRM, data="corrected.npz")) == found
    assert json.loads(place.run(*CONFIRM, data=None)) == found, "where no data are named, what was found last"
    assert json.loads(place.run(*CONFIRM))["finals"] == before["finals"]


def test_errors_are_told_of_the_test_images_on_which_they_were_counted(tmp_path: Path) -> None:
    made = Place(tmp_path)
    write_npz(tmp_path / "mine.npz", arrays(classes=5, train=120, test=100, side=12))
    objectives = ("--set", "objective=[val_accuracy, parameters]")
    made.run("search", "tiny.yaml", "--trials", "1", "--executor", "in-process", *objectives)
    race = ("confirm", "--top", "1", "--workers", "1", "--force-test", "--json")
    front = ("confirm", "--front", "--workers", "1", "--json")
    assert json.loads(made.run(*race))["test_images"] == 100
    write_npz(tmp_path / "mine.npz", arrays(classes=5, train=120, test=300, side=12))
    found = json.loads(made.run(*front))
    assert found["test_images"] == 300
    made.run("export", "tiny-0/0", "--confirmed", "--to", "winner")
    assert f"{found['finals'][0]['errors'][0]} of 300 wrong" in (tmp_path / "winner" / "README.md").read_text()
    write_npz(tmp_path / "mine.npz", arrays(classes=5, train=120, test=100, side=12))
    again = json.loads(made.run(*front))
    assert (again["test_images"], again["test_openings"]) == (100, 2), "known from the race"
    made.run("export", "tiny-0/0", "--confirmed", "--to", "former")
    assert f"{again['finals'][0]['errors'][0]} of 100 wrong" in (tmp_path / "former" / "README.md").read_text()


@pytest.mark.integration
def test_it_is_ablated_trained_and_drawn(place: Place) -> None:
    (place.folder / "plain.yaml").write_text(PLAIN)
    assert "convolutions" in place.run("ablate", "--from", "plain.yaml", "--seeds", "2", "--workers", "1")
    assert json.loads(place.run("train", "tiny-0/0", "--json"))
    place.run("plot", "tiny-0", "confusion", "mistakes", "--format", "svg")
    assert place.run("plot", "digits", code=2).count("only MNIST's form") == 1


def test_a_folder_of_pictures_is_searched(tmp_path: Path) -> None:
    made = Place(tmp_path)
    write_folder(tmp_path / "pictures", arrays(classes=4, train=60, test=12, side=12))
    made.run("search", "tiny.yaml", "--trials", "1", "--executor", "in-process", data="pictures")
    assert "Takes about" in made.run("search", "tiny.yaml", "--dry-run", "--workers", "1", data="pictures")


def test_a_space_of_nets_that_pool_the_pictures_away_is_refused(tmp_path: Path) -> None:
    made = Place(tmp_path)
    write_npz(tmp_path / "mine.npz", arrays(classes=3, train=60, test=12, side=8))
    said = made.run("search", "tiny.yaml", "--trials", "1", "--set", "model.blocks=4", code=2)
    assert "no network can be built from these settings" in said
    made.run("search", "tiny.yaml", "--trials", "1", "--executor", "in-process")
    (tmp_path / "deep.yaml").write_text("name: deep\nepochs: 2\nmodel: {blocks: 4}\n")
    assert "deep.yaml:3" in made.run("ablate", "--from", "deep.yaml", code=2), "before anything trains"
