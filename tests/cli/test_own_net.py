"""A stranger's net on a stranger's data from the command line: searched, reproduced, confirmed, and read without it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support import command_process, own_nets
from support.own_data import arrays, write_npz
from support.paths import ROOT

pytestmark = pytest.mark.slow

SPACE = """
name: tiny
epochs: 2
net: {width: {choice: [4, 5, 8]}, dropout: {float: [0.1, 0.4]}}
optim: {lr: {float: [3e-3, 3e-2], log: true}, batch_size: 32}
"""
PLAIN = "epochs: 2\noptim: {batch_size: 32}\n"
NET, DATA = ("--net", "my_nets.py:build"), ("--data", "mine.npz")


class Place:
    """A folder with a space, data and a net, in which commands run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "tiny.yaml").write_text(SPACE)
        own_nets.write(folder, own_nets.GOOD)
        write_npz(folder / "mine.npz", arrays())

    def run(self, *words: str, code: int = 0) -> str:
        """Run a command and return what it said, errors included if it was to fail."""
        done = command_process.run(words, self.folder)
        assert done.code == code, done.out + done.err
        return done.err if code else done.out


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Return a place with a finished study of a net of somebody's own; tests add others, and leave this one."""
    made = Place(tmp_path_factory.mktemp("place"))
    made.run("search", "tiny.yaml", "--trials", "3", "--workers", "2", *DATA, *NET)
    return made


def test_what_only_reads_needs_no_code(place: Place) -> None:
    (study,) = json.loads(place.run("leaderboard", "tiny-0", "--json"))["studies"]
    assert study["rows"][0]["accuracy"] > 0.15  # three times what chance gives
    assert study["rows"][0]["params"]["net.width"] in (4, 8)
    assert place.run("show", "tiny-0", "--code") == own_nets.GOOD
    shown = place.run("show", "tiny-0/0")
    assert "net.width: " in shown
    assert "model.blocks" not in shown
    assert "net.text" not in place.run("show", "tiny-0", "--all")
    assert 'net_code: "my_nets.py:build ' in place.run("show", "tiny-0/0", "--recipe")


def test_what_runs_the_net_asks_for_its_code_and_compares_the_hash(place: Place) -> None:
    assert "your own code, my_nets.py:build: name it with --net" in place.run("reproduce", "tiny-0", *DATA, code=2)
    other = place.folder / "other"
    other.mkdir(exist_ok=True)
    own_nets.write(other, own_nets.GOOD + "# another\n")
    assert "my_nets.py has changed" in place.run(
        "reproduce", "tiny-0", *DATA, "--net", "other/my_nets.py:build", code=2
    )
    assert "\n  context.net.sha256: " in place.run(
        "search", "tiny.yaml", "--trials", "4", *DATA, "--net", "other/my_nets.py:build", code=2
    )


def test_a_trial_repeats_bit_for_bit_also_from_its_record(place: Place) -> None:
    assert "Identical, bit for bit." in place.run("reproduce", "tiny-0", *DATA, *NET)
    record = place.run("show", "tiny-0/0", "--json")
    assert json.loads(record)["net_text"] == own_nets.GOOD
    (place.folder / "record.json").write_text(record)
    assert "Identical, bit for bit." in place.run("reproduce", "record.json", *DATA, *NET)


def test_one_worker_comes_to_the_same_digest(place: Place) -> None:
    place.run("search", "tiny.yaml", "--trials", "3", "--executor", "in-process", *DATA, *NET, "--study-name", "again")
    first, again = (json.loads(place.run("show", name, "--json"))["digest"] for name in ("tiny-0", "again"))
    assert first == again


def test_a_dry_run_estimates_the_time_of_the_net(place: Place) -> None:
    assert "Takes about " in place.run("search", "tiny.yaml", "--dry-run", "--workers", "1", *DATA, *NET)


def test_impossible_settings_are_infeasible_trials(place: Place) -> None:
    assert place.run("space", "show", "tiny.yaml", *NET)
    said = place.run("search", "tiny.yaml", "--trials", "1", "--set", "net.width=5", *DATA, *NET, code=2)
    assert "no network can be built from these settings: net: five is no width" in said


def test_a_recipe_to_be_tried_first_has_the_settings_that_the_space_has(tmp_path: Path) -> None:
    made = Place(tmp_path)
    (tmp_path / "free.py").write_text(own_nets.UNTYPED)
    (tmp_path / "free.yaml").write_text("epochs: 1\nnet: {width: {int: [2, 8]}}\n")
    alone = ("--trials", "1", "--executor", "in-process")
    search = ("search", "free.yaml", *alone, *DATA, "--net", "free.py:build", "--enqueue")
    (tmp_path / "less.yaml").write_text("epochs: 1\n")
    assert "--enqueue less.yaml: net.width is missing, although it is a range of the space" in made.run(
        *search, "less.yaml", code=2
    )
    (tmp_path / "more.yaml").write_text("epochs: 1\nnet: {width: 4, depth: 4}\n")
    assert "--enqueue more.yaml: net.depth is 4, and not in the space" in made.run(*search, "more.yaml", code=2)


@pytest.mark.integration
def test_it_is_confirmed_ablated_trained_and_replayed(place: Place) -> None:
    shutil.copytree(place.folder / "results", place.folder / "copies")
    study = ("tiny-0", "--results", "copies")
    confirm = ("confirm", *study, "--top", "1", "--force-test", "--workers", "1")
    confirmed = json.loads(place.run(*confirm, *DATA, *NET, "--json"))
    assert (confirmed["test_images"], [len(final["errors"]) for final in confirmed["finals"]]) == (100, [8])
    (place.folder / "plain.yaml").write_text(PLAIN)
    ablate = ("ablate", *study, "--from", "plain.yaml", "--seeds", "2", "--workers", "1")
    assert "net.width" in place.run(*ablate, *DATA, *NET, "--json")
    assert "accuracy" in place.run("train", "tiny-0/0", *study[1:], *DATA, *NET)
    assert "each as in the log" in place.run("doctor", *study, "--replay", *DATA, *NET)
    assert "not done. The network is your own code" in place.run("doctor", *study, "--replay", *DATA)
    assert "confusion.svg" in place.run("plot", *study, "confusion", "--format", "svg", *DATA, *NET)
    assert "--net my_nets.py:build" in (place.folder / place.run("report", *study, *DATA, *NET).strip()).read_text()


def test_the_net_is_taken_away_with_its_file_and_reads_pictures(place: Place) -> None:
    written = place.run("export", "tiny-0", "--to", "winner", *DATA, *NET).splitlines()
    assert [Path(path).name for path in written] == ["model.safetensors", "my_nets.py", "README.md", "RECORD.json"]
    assert (place.folder / "winner" / "my_nets.py").read_text() == own_nets.GOOD
    card = (place.folder / "winner" / "README.md").read_text()
    assert "from my_nets import Settings, build\n" in card
    assert re.search(r"net = build\(Settings\(width=\d, dropout=[\d.]+, kind='normed'\), \(3, 32, 32\), 20\)", card)
    assert "mnist-bench reproduce RECORD.json --data DATA --net my_nets.py:build" in card
    pictures = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(place.folder / f"{number}.png")
    said = json.loads(place.run("predict", "winner", "0.png", "1.png", "--json", *NET))["pictures"]
    again = json.loads(place.run("predict", "tiny-0", "0.png", "1.png", "--json", *DATA, *NET))["pictures"]
    assert [row["probabilities"] for row in said] == [row["probabilities"] for row in again]
    assert "your own code, my_nets.py:build: name it" in place.run("predict", "winner", "0.png", code=2)


@pytest.mark.integration
def test_the_example_is_searched_and_reproduced(place: Place) -> None:
    net = ("--net", f"{ROOT}/examples/own_net.py:build")
    space = str(ROOT / "examples" / "own_net.yaml")
    small = ("--set", "subset=1000", "--set", "epochs=2", "--set", "net.width=4", "--set", "net.blocks=1")
    assert re.search(r"net own_net\.py:build \([0-9a-f]{8}\)", place.run("space", "show", space, *net))
    place.run("search", space, *small, "--trials", "2", "--workers", "1", *net)
    assert "Identical, bit for bit." in place.run("reproduce", "own-net-0", *net)


def test_a_script_searches_its_own_function(place: Place) -> None:
    script = (
        own_nets.GOOD
        + """
if __name__ == "__main__":
    import mnist_bench

    space = {"name": "tiny", "epochs": 2, "net": {"width": {"choice": [4, 8]}}, "optim": {"batch_size": 32}}
    study = mnist_bench.search(space, net=build, trials=2, workers=1, data_dir="mine.npz", study_name="scripted")
    again = mnist_bench.reproduce(study, net=build, data_dir="mine.npz")
    print(again.identical)
"""
    )
    (place.folder / "my_script.py").write_text(script)
    environment = {**os.environ, "XDG_CACHE_HOME": str(place.folder / "cache")}
    done = subprocess.run(
        [sys.executable, "my_script.py"], cwd=place.folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout == "True\n", done.stderr


@pytest.mark.ray
def test_the_workers_of_a_ray_cluster_get_the_file(place: Place) -> None:
    ray = ("--executor", "ray", "--workers", "1", "--study-name", "on-ray")
    place.run("search", "tiny.yaml", "--trials", "3", *ray, *DATA, *NET)
    first, again = (json.loads(place.run("show", name, "--json"))["digest"] for name in ("tiny-0", "on-ray"))
    assert first == again
