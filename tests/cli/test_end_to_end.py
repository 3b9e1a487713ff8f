"""The main job on a thousand images, from its search to the files of its winner.

In another process, for a search closes the test set in its own.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from operator import itemgetter
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from safetensors import safe_open

from mnist_bench.data.choice import DataOptions
from mnist_bench.data.mnist import PACKAGED, idx_files, load_training_set
from search.executors.ray import folder_of
from search.study.folder import StudyFolder
from search.study.invocation_log import invocations
from support import canned
from support.commands import Ran, in_one_process

pytestmark = pytest.mark.slow

SPACE = """
name: tiny
epochs: 1
subset: 1000
model: {blocks: 0, hidden_layers: 1, hidden_units: {int: [8, 16]}}
optim: {lr: {float: [1e-3, 1e-1], log: true}}
search: {pruner: none}
"""
RECIPE = """
name: recipe
epochs: 2
subset: 1000
model: {blocks: 1, filters: 2, hidden_layers: 0}
optim: {lr: 1e-2}
"""
SEARCH = "search tiny.yaml -n 2 --executor in-process"
ON_RAY = "search tiny.yaml -n 2 --executor ray --workers 2 --data data --results elsewhere"
CONFIRM = "confirm tiny-0 --top 1 --workers 1"
SCRIPT = f"""
import json
from dataclasses import replace
from pathlib import Path
from mnist_bench.studies import claims, kept_files, record

run("{SEARCH}")
run("show tiny-0 --space")
shown = run("show tiny-0/0 --json")
run("reproduce tiny-0/0")
run("reproduce --json")
other = json.loads(shown)
other["curve"][0]["metrics"]["train_loss"] += 1e-9
del other["sha256"]
run("reproduce -", stdin=json.dumps(other))
other["data"]["data_hash"] = "0" * 64
Path("other-data.json").write_text(json.dumps(other))
run("train recipe.yaml --seeds 2")
run("train recipe.yaml --json")
run("train recipe.yaml --to weights.safetensors")
run("train tiny-0/0 --json")
run("train tiny-0/0 --set train_on=all --json")

run("export tiny-0/0 --to kept")
run("predict tiny-0/0 digit.png --json")
run("predict kept digit.png --json")
run("predict results/tiny-0/weights/0.safetensors digit.png")
kept = {{path: path.read_bytes() for path in Path("results/tiny-0/weights").iterdir()}}
run("studies remove tiny-0 --weights", stdin="n\\n")
assert all(path.exists() for path in kept)
run("studies remove --weights tiny-0 --yes")
assert not any(path.exists() for path in kept)
run("studies remove --weights tiny-0")
run("predict tiny-0/0 digit.png")
run("export tiny-0/0 --to again")
run("reproduce tiny-0/0 --weights")
weights = Path("results/tiny-0/weights/0.safetensors")
assert weights.read_bytes() == kept[weights]

run("export tiny-0 --confirmed --to early")
run("{CONFIRM}")
run("leaderboard --json")
run("export tiny-0 --confirmed --to confirmed")
run("reproduce confirmed/RECORD.json")
net = next(Path("results/tiny-0/confirm").glob("*-seed-0.safetensors"))
path = net.parent / "records" / (net.name.partition("-")[0] + "-all-0.json")
made = record.read(path)
kept_files.write(record.to_json(replace(made, data=replace(made.data, data_hash="0" * 64))), path)
run("export tiny-0 --confirmed --to elsewhere")
net.unlink()
run("export tiny-0 --confirmed --to gone")
weights.unlink()
check = claims.check

def otherwise(*given, **keep):
    difference = claims.Difference(name="period 1, train loss", then="1.0", now="2.0")
    return replace(check(*given), first_difference=difference)

"""
OTHERWISE = """
claims.check = otherwise
run("export tiny-0/0 --to otherwise")
"""
REFUSED = {
    "reproduce other-data.json": (2, "trained on other data (its hash 00000000, here "),
    "reproduce missing.json": (2, "missing.json: cannot be read"),
    "reproduce other-data.json --weights": (2, "a record has none; name STUDY/17."),
    "train recipe.yaml --to weights.safetensors --seeds 2": (2, "one seed"),
    "train tiny.yaml": (2, "no ranges"),
    "train tiny-0/0 --set dataset=kmnist": (2, "the data set of its study"),
    "train recipe.yaml --set optim.lr=9 --to weights.safetensors/no": (2, "weights.safetensors/no: cannot be written"),
    "train tiny-0/9": (3, "has no trial 9"),
    "export tiny-0/0 --to mine": (2, "mine: contains files that are not an export; name a new folder."),
    "export tiny-0/7 --to other": (3, "Study tiny-0 has no trial 7; its trials are 0 to 1."),
    "export tiny-0": (2, "--to"),
}
SOONER = {
    "predict tiny-0/0 digit.png": (3, "`mnist-bench reproduce tiny-0/0 --weights` trains it again."),
    "export tiny-0 --confirmed --to early": (3, "has no network that was trained on all images; `mnist-bench con"),
    "export tiny-0 --confirmed --to gone": (3, "is missing; `mnist-bench confirm tiny-0 --top 1` trains it again"),
    "export tiny-0 --confirmed --to elsewhere": (2, "-seed-0.safetensors: was trained on other data than study"),
    "export tiny-0/0 --to otherwise": (
        4,
        "Error: Trained again, tiny-0/0 gave another result (period 1, train loss: 1.0 then, 2.0 now); "
        "`mnist-bench reproduce tiny-0/0` reports what differs here.",
    ),
}
"""What was refused while the script ran."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    (folder / "tiny.yaml").write_text(SPACE)
    (folder / "recipe.yaml").write_text(RECIPE)
    (folder / "mine").mkdir()
    (folder / "mine" / "README.md").write_text("mine")
    seven = Image.new("RGB", (200, 300), "white")
    ImageDraw.Draw(seven).line([(50, 60), (150, 60), (90, 250)], fill="black", width=18)
    seven.save(folder / "digit.png")
    return folder


@pytest.fixture(scope="module")
def ran(folder: Path) -> dict[str, Ran]:
    return in_one_process(folder, SCRIPT + "\n".join(f"run({line!r})" for line in REFUSED) + OTHERWISE)


def test_a_search_ends_with_its_leaderboard_and_keeps_its_space_and_its_command(
    ran: dict[str, Ran], folder: Path
) -> None:
    assert ran[SEARCH].code == 0
    (study,) = ran["leaderboard --json"].values["studies"]
    assert study["counts"]["complete"] == 2
    assert study["digest"] in ran[SEARCH].out.replace(" ", "")
    assert len(ran[SEARCH].err.splitlines()) >= 3
    files = StudyFolder.of("tiny-0", folder / "results")
    assert {*files.space.read_text().splitlines()} == {*ran["show tiny-0 --space"].out.splitlines()}
    assert len(invocations(files)) == 1


@pytest.mark.ray
def test_ray_comes_to_the_same_search_and_keeps_to_itself(tmp_path: Path) -> None:
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


def test_a_trial_is_reproduced_bit_for_bit_the_latest_studys_best_one_where_none_is_named(ran: dict[str, Ran]) -> None:
    shown = ran["reproduce tiny-0/0"]
    assert shown.code == 0
    assert "numerics agree (numerics check " in shown.out
    assert shown.out.splitlines()[-1] == "Identical, bit for bit."
    assert "≠" not in shown.out
    other = ran["reproduce -"]
    assert (other.code, "Not identical: first difference in period 1, train loss (" in other.out) == (4, True)
    values, best = ran["reproduce --json"].values, ran["leaderboard --json"].values["rows"][0]
    assert (values["verdict"], values["trial"], values["study"]) == ("identical", best["number"], best["study"])


def test_train_shows_a_line_an_epoch_and_the_mean_of_the_seeds_and_keeps_the_weights(
    ran: dict[str, Ran], folder: Path
) -> None:
    trained = ran["train recipe.yaml --seeds 2"]
    assert trained.code == 0
    header, *lines = trained.out.splitlines()
    assert header.split()[:3] == ["seed", "epoch", "train"]
    periods = sorted((line.split()[:2] for line in lines[:4]), key=itemgetter(0))  # as they end, each seed's in order
    assert periods == [["0", "1"], ["0", "2"], ["1", "1"], ["1", "2"]]
    assert lines[-1].endswith("validation accuracy (mean and standard deviation of 2 seeds)")
    values = ran["train recipe.yaml --json"].values
    last = values["runs"][0]["curve"][-1]
    assert (values["mean"], values["standard_deviation"]) == (last["value"], None)
    assert f"weights of seed 0  sha256 {last['weights']}" in trained.out
    with safe_open(folder / "weights.safetensors", "numpy") as file:
        assert json.loads(file.metadata()["config"]) == values["recipe"]


def test_a_trial_trains_as_a_recipe_and_on_all_images(ran: dict[str, Ran], folder: Path) -> None:
    recipe = json.loads((folder / "other-data.json").read_text())["recipe"]
    assert ran["train tiny-0/0 --json"].values["recipe"] == recipe
    assert ran["train tiny-0/0 --set train_on=all --json"].values["recipe"] == {**recipe, "train_on": "all"}


def test_a_kept_net_is_files_and_the_same_ones_if_it_has_to_be_trained_again(ran: dict[str, Ran], folder: Path) -> None:
    kept, again = (ran[f"export tiny-0/0 --to {to}"] for to in ("kept", "again"))
    assert (kept.code, again.code) == (0, 0), again.err
    assert re.fullmatch(r"tiny-0/0, in float32 \d+\.\d\d% of 166 validation images\.\n", kept.err)
    assert re.match(r"The weights of tiny-0/0 were not kept; it is trained again, which took \d", again.err)
    files = [*(folder / "kept").iterdir()]
    assert len(files) == 6
    assert {*kept.out.splitlines()} == {str(path.relative_to(folder)) for path in files}
    assert {path.name: path.read_bytes() for path in (folder / "again").iterdir()} == {
        path.name: path.read_bytes() for path in files
    }


def test_weights_go_after_a_yes_and_are_trained_again_bit_for_bit(ran: dict[str, Ran]) -> None:
    asked, removed, none, reproduced = (
        ran[line]
        for line in (
            "studies remove tiny-0 --weights",
            "studies remove --weights tiny-0 --yes",
            "studies remove --weights tiny-0",
            "reproduce tiny-0/0 --weights",
        )
    )
    assert [each.code for each in (asked, removed, none, reproduced)] == [1, 0, 0, 0]
    assert asked.err.startswith("tiny-0: ")
    assert "`predict`, plots of a network and exports of confirmed networks need the weights." in asked.err
    assert removed.err.startswith("Removed ")
    assert none.err == "There are no weights to remove.\n"
    assert "The weights are in results/tiny-0/weights/" in reproduced.out


def test_a_net_that_confirm_trained_on_all_images(ran: dict[str, Ran], folder: Path) -> None:
    done = ran["export tiny-0 --confirmed --to confirmed"]
    assert "To export the selected network:\n  mnist-bench export tiny-0 --confirmed --to winner  " in ran[CONFIRM].err
    assert done.code == 0, done.err
    card = (folder / "confirmed" / "README.md").read_text()
    assert re.search(r"\| test images, by `confirm` \| \d+\.\d\d%, \d+ of 10,000 wrong \|", card)
    for words in ("on the test images | ", "mean of 8 seeds", "The test set has been evaluated once."):
        assert words in card
    measured = "validation images, measured again"
    assert measured not in card
    assert f"{measured} in float32" in (folder / "kept" / "README.md").read_text()
    assert ran["leaderboard --json"].values["studies"][0]["test_evaluations"] == 1, "exporting did not open it"
    reproduced = ran["reproduce confirmed/RECORD.json"]
    assert (reproduced.code, reproduced.out.splitlines()[-1]) == (0, "Identical, bit for bit.")


def test_a_study_its_export_and_its_weights_say_the_same_of_a_picture(ran: dict[str, Ran]) -> None:
    there, here = ran["predict tiny-0/0 digit.png --json"], ran["predict kept digit.png --json"]
    assert there.out == here.out
    (said,) = here.values["images"]
    assert said["image"] == "digit.png"
    alone = ran["predict results/tiny-0/weights/0.safetensors digit.png"]
    assert alone.code == 0
    assert "does not record its training data" in alone.err


@pytest.mark.parametrize("line", [*REFUSED, *SOONER])
def test_what_is_refused(ran: dict[str, Ran], folder: Path, line: str) -> None:
    code, words = {**REFUSED, **SOONER}[line]
    assert (ran[line].code, ran[line].out) == (code, "")
    assert words in ran[line].err
    assert not {path.name for path in folder.iterdir()} & {"early", "gone", "elsewhere", "otherwise", "other"}


IN_ITS_OWN_LOCALE = """
import sys
from mnist_bench.cli.app import main
from support import drawn

drawn.no_pictures()
for line in ("report finished", "export finished --to exported"):
    sys.argv = ["mnist-bench", *line.split()]
    try:
        main()
    except SystemExit as ended:
        assert not ended.code, line
"""


@pytest.mark.cold  # processes that were forked have the encoding of their parent
def test_files_of_the_package_are_read_as_utf_8_wherever_it_runs(tmp_path: Path) -> None:
    shutil.copytree(canned.studies() / "finished", tmp_path / "results" / "finished")
    elsewhere = {name: value for name, value in os.environ.items() if name not in ("LANG", "PYTHONIOENCODING")}
    elsewhere |= {"LC_ALL": "C", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [sys.executable, "-c", IN_ITS_OWN_LOCALE], cwd=tmp_path, env=elsewhere,
        stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    page = (tmp_path / "results" / "finished" / "report.html").read_text(encoding="utf-8")
    assert "·" in page
    assert 'class="drawing"' in page
    assert (tmp_path / "exported" / "draw.html").exists()
