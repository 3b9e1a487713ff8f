"""The main job on a thousand images; in another process, for a search closes the test set in its own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open

from mnist_bench.data.choice import DataOptions
from mnist_bench.data.mnist import PACKAGED, idx_files, load_training_set
from search.executors.ray import folder_of
from search.study.folder import StudyFolder
from search.study.invocation_log import invocations

pytestmark = pytest.mark.slow

SPACE = """
name: tiny
epochs: 3
subset: 1000
model: {blocks: 0, hidden_layers: 1, hidden_units: {int: [8, 16]}}
optim: {lr: {float: [1e-3, 1e-1], log: true}}
"""
RECIPE = """
name: recipe
epochs: 2
subset: 1000
model: {blocks: 1, filters: 2, hidden_layers: 0}
optim: {lr: 1e-2}
"""
SEARCH = "search tiny.yaml -n 4 --executor in-process"
ON_RAY = "search tiny.yaml -n 4 --executor ray --workers 2 --data data --results elsewhere"
SCRIPT = f"""
run("{SEARCH}")
run("leaderboard --json")
record = json.loads(run("show tiny-0/0 --json"))
run("reproduce tiny-0/0")
run("reproduce --json")
record["curve"][0]["metrics"]["train_loss"] += 1e-9
record["numerics"]["check"] = "another"
del record["sha256"]
run("reproduce -", stdin=json.dumps(record))
record["data"]["data_hash"] = "0" * 64
with open("other-data.json", "w") as file:
    json.dump(record, file)
run("train recipe.yaml --seeds 2")
run("train recipe.yaml --json")
run("train recipe.yaml --to weights.safetensors")
run("train tiny-0/0 --json")
run("train tiny-0/0 --set train_on=all --json")
run("train tiny-0/9")
run("show tiny-0 --space")
"""
InOneProcess = Callable[[Path, str], dict[str, Any]]
REFUSED = {
    "reproduce other-data.json": "trained on other data (its hash 00000000, here ",
    "reproduce missing.json": "missing.json: cannot be read",
    "train recipe.yaml --to weights.safetensors --seeds 2": "one seed",
    "train tiny.yaml": "no ranges",
    "train tiny-0/0 --set dataset=kmnist": "the data set of its study",
    "train recipe.yaml --set optim.lr=9 --to weights.safetensors/no": "weights.safetensors/no: cannot be written",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    (folder / "tiny.yaml").write_text(SPACE)
    (folder / "recipe.yaml").write_text(RECIPE)
    return folder


@pytest.fixture(scope="module")
def ran(folder: Path, in_one_process: InOneProcess) -> dict[str, Any]:
    return in_one_process(folder, SCRIPT + "\n".join(f"run({line!r})" for line in REFUSED))


def test_a_search_ends_with_its_leaderboard_and_keeps_its_space_and_its_command(
    ran: dict[str, Any], folder: Path
) -> None:
    assert ran[SEARCH].code == 0
    (study,) = json.loads(ran["leaderboard --json"].out)["studies"]
    assert study["counts"]["complete"] + study["counts"]["pruned"] == 4
    assert study["digest"] in ran[SEARCH].out.replace(" ", "")
    assert len(ran[SEARCH].err.splitlines()) >= 5
    files = StudyFolder.of("tiny-0", folder / "results")
    assert files.space.read_text() == ran["show tiny-0 --space"].out
    assert len(invocations(files)) == 1


@pytest.mark.ray
def test_ray_comes_to_the_same_search_and_keeps_to_itself(tmp_path: Path, in_one_process: InOneProcess) -> None:
    """On a Ray of its own, with the data sent to its workers."""
    (tmp_path / "tiny.yaml").write_text(SPACE)
    (tmp_path / "data").mkdir()
    for file in PACKAGED.glob("train-*"):
        (tmp_path / "data" / file.name).symlink_to(file)
    try:
        ran = in_one_process(tmp_path, f"run({SEARCH!r})\nrun({ON_RAY!r})")
    finally:
        shutil.rmtree(folder_of(idx_files(load_training_set(DataOptions()))), ignore_errors=True)
    here, there = ran[SEARCH], ran[ON_RAY]
    assert there.code == 0
    digests = [[line for line in each.out.splitlines() if line.startswith("digest")] for each in (here, there)]
    assert digests[0] == digests[1]
    assert "raylet" not in there.out + there.err
    assert len(there.err.splitlines()) == len(here.err.splitlines())


def test_a_trial_is_reproduced_bit_for_bit_the_latest_studys_best_one_where_none_is_named(ran: dict[str, Any]) -> None:
    shown = ran["reproduce tiny-0/0"]
    assert shown.code == 0
    assert "numerics agree (numerics check " in shown.out
    assert shown.out.splitlines()[-1] == "Identical, bit for bit."
    assert "≠" not in shown.out
    values = json.loads(ran["reproduce --json"].out)
    best = json.loads(ran["leaderboard --json"].out)["rows"][0]
    assert (values["verdict"], values["trial"], values["study"]) == ("identical", best["number"], best["study"])


def test_a_record_with_another_figure_is_not_reproduced_and_what_differs_is_named(ran: dict[str, Any]) -> None:
    other = ran["reproduce -"]
    assert other.code == 4
    lines = other.out.splitlines()
    assert "numerics differ (numerics check anot… → " in lines[0]
    assert any(line.startswith("Not identical: first difference in period 1, train loss (") for line in lines)
    assert any(line.startswith("The numerics differ (numerics check anot… → ") for line in lines)
    assert "differs by no more than chance over these images" in lines[-1]


def test_train_shows_a_line_an_epoch_and_the_mean_of_the_seeds_and_keeps_the_weights(
    ran: dict[str, Any], folder: Path
) -> None:
    trained = ran["train recipe.yaml --seeds 2"]
    assert trained.code == 0
    header, *lines = trained.out.splitlines()
    assert header.split()[:3] == ["seed", "epoch", "train"]
    periods = sorted((line.split()[:2] for line in lines[:4]), key=itemgetter(0))  # as they end, each seed's in order
    assert periods == [["0", "1"], ["0", "2"], ["1", "1"], ["1", "2"]]
    assert lines[-1].endswith("validation accuracy (mean and standard deviation of 2 seeds)")
    values = json.loads(ran["train recipe.yaml --json"].out)
    last = values["runs"][0]["curve"][-1]
    assert (values["mean"], values["standard_deviation"]) == (last["value"], None)
    assert f"weights of seed 0  sha256 {last['weights']}" in trained.out
    with safe_open(folder / "weights.safetensors", "numpy") as file:
        assert json.loads(file.metadata()["config"]) == values["recipe"]


def test_a_trial_trains_as_a_recipe_and_on_all_images(ran: dict[str, Any]) -> None:
    recipe = json.loads(ran["show tiny-0/0 --json"].out)["recipe"]
    assert json.loads(ran["train tiny-0/0 --json"].out)["recipe"] == recipe
    assert json.loads(ran["train tiny-0/0 --set train_on=all --json"].out)["recipe"] == {**recipe, "train_on": "all"}
    assert (ran["train tiny-0/9"].code, "has no trial 9" in ran["train tiny-0/9"].err) == (3, True)


@pytest.mark.parametrize("line", REFUSED)
def test_what_is_refused(ran: dict[str, Any], line: str) -> None:
    assert ran[line].code == 2
    assert REFUSED[line] in ran[line].err
    assert "Traceback" not in ran[line].err
