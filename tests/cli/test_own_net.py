"""A stranger's net on a stranger's data from the command line: searched, reproduced, confirmed, and read without it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnist_bench.nets.own_net import load_code
from mnist_bench.nets.planner import COEFFICIENTS
from mnist_bench.searches.config import SearchConfig
from mnist_bench.searches.setup import SearchSetup, enqueued
from mnist_bench.space_files.drawn import planner
from search.errors import UsageError
from support import own_nets
from support.commands import Place, in_one_process
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
SCRIPT = f"""{own_nets.GOOD}
if __name__ == "__main__":
    import mnist_bench

    study = mnist_bench.search("tiny.yaml", net=build, trials=3, workers=1, data="mine.npz", study_name="scripted")
    print(mnist_bench.reproduce(study, net=build, data="mine.npz").identical)
"""
NET, DATA = ("--net", "my_nets.py:build"), ("--data", "mine.npz")
OTHER = ("--net", "other/my_nets.py:build")


class NetPlace(Place):
    """A folder with a space, data and a net, in which commands run."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (folder / "tiny.yaml").write_text(SPACE)
        (folder / "my_script.py").write_text(SCRIPT)
        own_nets.write(folder, own_nets.GOOD)
        (folder / "other").mkdir()
        own_nets.write(folder / "other", own_nets.GOOD + "# another\n")
        write_npz(folder / "mine.npz", arrays(classes=5, train=150, side=12))

    def digest(self, study: str) -> str:
        return str(json.loads(self.run("show", study, "--json"))["digest"])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> NetPlace:
    """Return a place with a finished study of a net of somebody's own; tests add others, and leave this one."""
    made = NetPlace(tmp_path_factory.mktemp("place"))
    made.run("search", "tiny.yaml", "--trials", "3", "--workers", "2", *DATA, *NET)
    return made


def test_what_only_reads_needs_no_code(place: NetPlace) -> None:
    lines = (
        "leaderboard tiny-0 --json",
        "show tiny-0 --code",
        "show tiny-0/0",
        "show tiny-0 --all",
        "show tiny-0/0 --recipe",
    )
    ran = in_one_process(place.folder, "\n".join(f"run({line!r})" for line in lines))
    assert {line: done.err for line, done in ran.items() if done.code} == {}
    board = json.loads(ran["leaderboard tiny-0 --json"].out)
    assert board["rows"][0]["params"]["net.width"] in (4, 8)
    assert ran["show tiny-0 --code"].out == own_nets.GOOD
    assert "net.width: " in ran["show tiny-0/0"].out
    assert "model.blocks" not in ran["show tiny-0/0"].out
    assert "net.text" not in ran["show tiny-0 --all"].out
    assert 'net_code: "my_nets.py:build ' in ran["show tiny-0/0 --recipe"].out


def test_what_runs_the_net_asks_for_its_code_compares_the_hash_and_repeats_bit_for_bit(place: NetPlace) -> None:
    assert "your own code, my_nets.py:build: name it with --net" in place.run("reproduce", "tiny-0", *DATA, code=2)
    assert "my_nets.py has changed" in place.run("reproduce", "tiny-0", *DATA, *OTHER, code=2)
    refused = place.run("search", "tiny.yaml", "--trials", "4", *DATA, *OTHER, code=2)
    assert "\n  context.net.sha256: " in refused
    assert "Identical, bit for bit." in place.run("reproduce", "tiny-0", *DATA, *NET)
    record = place.run("show", "tiny-0/0", "--json")
    assert json.loads(record)["net_text"] == own_nets.GOOD
    (place.folder / "record.json").write_text(record)
    assert "Identical, bit for bit." in place.run("reproduce", "record.json", *DATA, *NET)


def test_a_script_searches_its_own_function_and_one_worker_comes_to_the_same_digest(place: NetPlace) -> None:
    environment = {**os.environ, "XDG_CACHE_HOME": str(place.folder / "cache")}
    command = [sys.executable, "my_script.py"]
    done = subprocess.run(command, cwd=place.folder, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "True\n", done.stderr
    assert place.digest("scripted") == place.digest("tiny-0")


def test_a_dry_run_estimates_the_time_of_the_net_and_impossible_settings_are_refused(place: NetPlace) -> None:
    assert "Takes about " in place.run("search", "tiny.yaml", "--dry-run", "--workers", "1", *DATA, *NET)
    said = place.run("search", "tiny.yaml", "--trials", "1", "--set", "net.width=5", *DATA, *NET, code=2)
    assert "no network can be built from these settings: net: five is no width" in said


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ("", "net.width is missing, although it is a range of the space"),
        ("net: {width: 4, depth: 4}", "net.depth is 4, and not in the space"),
    ],
)
def test_a_recipe_to_be_tried_first_has_the_settings_that_the_space_has(
    tmp_path: Path, recipe: str, words: str
) -> None:
    (tmp_path / "free.yaml").write_text("epochs: 1\nnet: {width: {int: [2, 8]}}\n")
    (tmp_path / "tried.yaml").write_text(f"epochs: 1\n{recipe}\n")
    net = own_nets.write(tmp_path, own_nets.UNTYPED)
    load_code(net)
    asked = SearchConfig(space=tmp_path / "free.yaml", net=net, enqueue=(tmp_path / "tried.yaml",))
    setup = SearchSetup.of(asked)
    plan = planner(setup.space, asdict(COEFFICIENTS["cpu-fp32"]), images=setup.images, form=setup.form)
    with pytest.raises(UsageError, match=rf"--enqueue .*tried\.yaml: {re.escape(words)}"):
        enqueued(setup)(plan)


def test_the_net_is_taken_away_with_its_file_and_reads_pictures(place: NetPlace) -> None:
    written = place.run("export", "tiny-0", "--to", "winner", *DATA, *NET).splitlines()
    assert [Path(path).name for path in written] == ["model.safetensors", "my_nets.py", "README.md", "RECORD.json"]
    assert (place.folder / "winner" / "my_nets.py").read_text() == own_nets.GOOD
    card = (place.folder / "winner" / "README.md").read_text()
    assert "from my_nets import Settings, build\n" in card
    assert re.search(r"net = build\(Settings\(width=\d, dropout=[\d.]+, kind='normed'\), \(3, 12, 12\), 5\)", card)
    assert "mnist-bench reproduce RECORD.json --data DATA --net my_nets.py:build" in card
    pictures = np.random.default_rng(0).integers(0, 256, (2, 12, 12, 3), dtype=np.uint8)
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(place.folder / f"{number}.png")
    said = json.loads(place.run("predict", "winner", "0.png", "1.png", "--json", *NET))["images"]
    again = json.loads(place.run("predict", "tiny-0", "0.png", "1.png", "--json", *DATA, *NET))["images"]
    assert [row["probabilities"] for row in said] == [row["probabilities"] for row in again]
    assert "your own code, my_nets.py:build: name it" in place.run("predict", "winner", "0.png", code=2)


@pytest.mark.integration
def test_it_is_confirmed_ablated_trained_and_replayed(place: NetPlace) -> None:
    subprocess.run(["cp", "--recursive", "results", "copies"], cwd=place.folder, check=True)
    study = ("tiny-0", "--results", "copies")
    confirm = ("confirm", *study, "--top", "1", "--workers", "1")
    confirmed = json.loads(place.run(*confirm, *DATA, *NET, "--json"))
    assert (confirmed["test_images"], [len(final["errors"]) for final in confirmed["finals"]]) == (100, [8])
    (place.folder / "plain.yaml").write_text(PLAIN)
    ablate = ("ablate", *study, "--baseline", "plain.yaml", "--seeds", "2", "--workers", "1")
    assert "net.dropout" in place.run(*ablate, *DATA, *NET, "--json")
    assert "accuracy" in place.run("train", "tiny-0/0", *study[1:], *DATA, *NET)
    assert "each as in the log" in place.run("doctor", *study, "--replay", *DATA, *NET)
    assert "not done. The network is your own code" in place.run("doctor", *study, "--replay", *DATA)
    assert "errors.svg" in place.run("plot", *study, "errors", "--formats", "svg", *DATA, *NET)
    assert "--net my_nets.py:build" in (place.folder / place.run("report", *study, *DATA, *NET).strip()).read_text()


@pytest.mark.integration
def test_the_example_is_searched_and_reproduced(place: NetPlace) -> None:
    net = ("--net", f"{ROOT}/examples/own_net.py:build")
    space = str(ROOT / "examples" / "own_net.yaml")
    small = ("--set", "subset=1000", "--set", "epochs=2", "--set", "net.width=4", "--set", "net.blocks=1")
    assert re.search(r"net own_net\.py:build \([0-9a-f]{8}\)", place.run("space", "show", space, *net))
    place.run("search", space, *small, "--trials", "2", "--workers", "1", *net)
    assert "Identical, bit for bit." in place.run("reproduce", "own-net-0", *net)


@pytest.mark.ray
def test_the_workers_of_a_ray_cluster_get_the_file(place: NetPlace) -> None:
    ray = ("--executor", "ray", "--workers", "1", "--study-name", "on-ray")
    place.run("search", "tiny.yaml", "--trials", "3", *ray, *DATA, *NET)
    assert place.digest("on-ray") == place.digest("tiny-0")
