"""A stranger's data from the command line: searched, reproduced, confirmed; in other processes, as a user would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.own_data import arrays, write_folder, write_npz

pytestmark = pytest.mark.slow

SPACE = """
name: tiny
epochs: 2
model: {blocks: 2, filters: {choice: [4, 8]}, hidden_layers: 0}
augment: {translate_pixels: 1}
optim: {lr: {float: [3e-3, 3e-2], log: true}, batch_size: 32}
"""


class Place:
    """A folder with a space and data, in which commands run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "tiny.yaml").write_text(SPACE)

    def run(self, *words: str, data: str | None = "mine.npz", code: int = 0) -> str:
        """Run a command and return what it said, errors included if it was to fail."""
        program = "from mnist_bench.cli.app import main; main()"
        command = [sys.executable, "-c", program, *words, *(["--data", data] if data else [])]
        environment = {**os.environ, "XDG_CACHE_HOME": str(self.folder / "cache")}
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stderr if code else done.stdout

    def rows(self) -> list[dict[str, Any]]:
        """Return the trials on the leaderboard."""
        (study,) = json.loads(self.run("leaderboard", "--json", data=None))["studies"]
        rows: list[dict[str, Any]] = study["rows"]
        return rows


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Return a place with a finished study of 20 classes in colour."""
    made = Place(tmp_path_factory.mktemp("place"))
    write_npz(made.folder / "mine.npz", arrays())
    made.run("search", "tiny.yaml", "--trials", "3", "--workers", "1")
    return made


def test_the_search_learned_and_did_not_open_the_test_set(place: Place) -> None:
    assert "The test set has not been opened." in place.run("leaderboard", data=None)
    assert place.rows()[0]["accuracy"] > 0.15  # three times what chance gives


def test_commands_that_are_advised_name_the_data(place: Place) -> None:
    tied = place.run("leaderboard", data=None)
    assert ("`mnist-bench confirm" in tied) == (f"`mnist-bench confirm --data {place.folder / 'mine.npz'}`" in tied)
    (place.folder / "one.yaml").write_text("model: {blocks: 1}\n")
    assert "use `mnist-bench train one.yaml --data mine.npz`" in place.run("search", "one.yaml", code=2)


def test_the_data_are_recorded_and_what_is_needed_is_said(place: Place) -> None:
    shown = json.loads(place.run("show", "tiny-0/0", "--json", data=None))
    assert shown["data"]["form"] == {"channels": 3, "height": 32, "width": 32, "classes": 20}
    assert "trained on pictures of 32x32 pixels in colour, 20 classes; --data names" in place.run(
        "reproduce", "tiny-0/0", data=None, code=2
    )
    write_npz(place.folder / "other.npz", arrays(seed=1))
    assert "trained on other data" in place.run("reproduce", "tiny-0/0", data="other.npz", code=2)
    write_npz(place.folder / "grey.npz", arrays(channels=1))
    assert "those of grey.npz have 32x32 pixels in grey" in place.run("reproduce", "tiny-0/0", data="grey.npz", code=2)


def test_a_trial_is_reproduced_bit_for_bit(place: Place) -> None:
    assert "Identical, bit for bit." in place.run("reproduce", "tiny-0/0")


def test_the_search_goes_on_with_a_copy_of_its_data(place: Place) -> None:
    write_npz(place.folder / "copy.npz", arrays())
    place.run("search", "tiny.yaml", "--trials", "4", "--workers", "1", data="copy.npz")
    assert len(place.rows()) == 4


def test_the_study_is_confirmed_on_its_own_test_part(place: Place) -> None:
    found = json.loads(place.run("confirm", "--top", "2", "--workers", "1", "--open-test", "--json"))
    assert (found["test_images"], found["test_openings"]) == (100, 1)


def test_it_is_ablated_trained_and_drawn(place: Place) -> None:
    assert "convolutions" in place.run("ablate", "--seeds", "2", "--workers", "1")
    assert json.loads(place.run("train", "tiny-0/0", "--json"))
    place.run("plot", "tiny-0", "confusion", "mistakes", "layers", "distortions")
    assert place.run("plot", "digits", code=2).count("alone") == 1


def test_a_folder_of_pictures_is_searched(tmp_path: Path) -> None:
    made = Place(tmp_path)
    write_folder(tmp_path / "pictures", arrays(classes=4, train=60, test=12, side=12))
    made.run("search", "tiny.yaml", "--trials", "1", "--workers", "1", data="pictures")
    assert "Takes about" in made.run("search", "tiny.yaml", "--dry-run", "--workers", "1", data="pictures")


def test_a_space_of_nets_that_pool_the_pictures_away_is_refused(tmp_path: Path) -> None:
    made = Place(tmp_path)
    write_npz(tmp_path / "mine.npz", arrays(classes=3, train=60, test=12, side=8))
    said = made.run("search", "tiny.yaml", "--trials", "1", "--set", "model.blocks=4", code=2)
    assert "no net can be built from these settings" in said
