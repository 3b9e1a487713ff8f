"""`mnist-bench confirm`: its words on studies made by hand, and the whole of it on a few images."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.leaderboard.board import test_set_line as words_about_the_test_set
from support import handmade
from support.commands import PROGRAM, Ran, in_one_process
from support.experiments import found, keep

pytestmark = pytest.mark.slow

SPACE = """
name: tiny
epochs: 1
subset: 1000
model: {blocks: 0, hidden_layers: 1, hidden_units: {int: [32, 64]}}
optim: {lr: {float: [3e-3, 1e-2], log: true}, batch_size: 32}
search: {sampler: random, pruner: none}
"""
CONFIRM = "confirm tiny-0 --top 2 --workers 1"
SCRIPT = f"""
run("{CONFIRM} --no-test")
run("leaderboard tiny-0")
winner = json.loads(run("{CONFIRM} --json"))["winner"]
run("{CONFIRM}")
run(f"reproduce results/tiny-0/confirm/records/{{winner}}-1.json")
run(f"reproduce results/tiny-0/confirm/records/{{winner}}-all-7.json")
run("leaderboard tiny-0 --top 6")
run("leaderboard tiny-0 --json")
"""
LOST = f"""
from pathlib import Path
import shutil

files = Path("results/tiny-0/confirm")
first, *_, last = sorted(files.glob("*.safetensors"))
number = first.name.partition("-")[0]
kept = files / "confirm.json", first, last
before = [path.read_bytes() for path in kept]
shutil.rmtree(files / "states")
first.unlink()
last.unlink()
run(f"export tiny-0/{{number}} --confirmed --to winner")
run("{CONFIRM}")
assert [path.read_bytes() for path in kept] == before
first.unlink()
run("{CONFIRM} --device cpu")
assert [path.read_bytes() for path in kept] == before
"""
MOVED = """
run("studies")
run("leaderboard moved")
run("show moved/0")
run("doctor moved")
run("confirm moved --top 2 --workers 1")
run("search tiny.yaml -n 3 --executor in-process --study-name moved")
run("studies remove moved --yes")
"""


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder whose results hold the study tiny-0 of three trials."""
    folder = tmp_path_factory.mktemp("searched")
    (folder / "tiny.yaml").write_text(SPACE)
    (ran,) = in_one_process(folder, 'run("search tiny.yaml -n 3 --executor in-process")').values()
    assert ran.code == 0, ran.err
    return folder


@pytest.fixture(scope="module")
def folder(searched: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(searched, tmp_path_factory.mktemp("confirmed") / "copy"))


@pytest.fixture(scope="module")
def ran(folder: Path) -> list[Ran]:
    return list(in_one_process(folder, SCRIPT).values())


@pytest.fixture(scope="module")
def values(ran: list[Ran]) -> dict[str, Any]:
    return ran[2].values


def purposes(folder: Path) -> list[str]:
    lines = (folder / "results" / "test-openings.jsonl").read_text().splitlines()
    return [json.loads(line)["purpose"] for line in lines]


def test_the_test_set_stays_closed_on_request_and_the_next_call_continues(ran: list[Ran], folder: Path) -> None:
    closed, board, done = ran[:3]
    assert closed.code == 0, closed.err
    assert "the test set was not used. Without --no-test, `confirm` trains the selected configuration" in closed.out
    assert "on all training images" not in closed.err
    assert closed.out.splitlines()[-1] == "The test set has not been evaluated."
    assert "evaluates it once" in board.out.splitlines()[-1]
    first, *_ = done.err.splitlines()
    assert re.search(r"#\d, #\d with 8 fresh seeds each$", first)
    assert not re.search(r"seed . of 8: .* trained in", done.err.partition("on all training images")[0]), "from before"
    (purpose,) = purposes(folder)
    assert re.fullmatch(r"confirm tiny-0: #\d(, #\d)?; 8 seeds each", purpose)


def test_the_selected_nets_are_tested_with_eight_seeds_and_can_be_reproduced(
    ran: list[Ran], values: dict[str, Any], folder: Path
) -> None:
    assert [values[name] for name in ("name", "validation_images", "test_images")] == ["validation", 166, 10_000]
    means = {row["number"]: sum(row["results"]) / 8 for row in values["candidates"]}
    assert (len(means), values["winner"]) == (2, min(means, key=lambda number: means[number]))
    for entry in values["finals"]:
        assert len(set(entry["errors"])) > 4
        low, high = entry["test"]["interval"]
        assert 0.5 < low < entry["test"]["mean"] < high < 1
    assert len(values["nets"]) == 8 * len(values["finals"])
    assert all((folder / path).is_file() for path in values["nets"])
    assert [(one.code, one.out.splitlines()[-1]) for one in ran[4:6]] == [(0, "Identical, bit for bit.")] * 2


def test_asked_again_it_neither_trains_nor_opens_the_test_set_and_the_leaderboard_knows(
    ran: list[Ran], values: dict[str, Any], folder: Path
) -> None:
    again, winner = ran[3], values["winner"]
    head, _ = again.err.splitlines()
    assert (again.code, head) == (0, "To export the selected network:")
    assert words_about_the_test_set(1) in again.out
    assert f"{len(values['nets'])} networks trained on all images: results/tiny-0/confirm/TRIAL-seed-K" in again.out
    assert len(purposes(folder)) == 1
    assert re.search(rf": trial {winner}, .* on the test images \(mean of 8 seeds\)", ran[6].out.splitlines()[-1])
    (study,) = ran[7].values["studies"]
    assert study["confirmed"]["winner"] == winner


def test_nets_that_are_gone_are_trained_again_to_the_same_bits_with_the_test_set_shut(
    ran: list[Ran], folder: Path, tmp_path: Path
) -> None:
    place = Path(shutil.copytree(folder, tmp_path / "copy"))
    missed, trained, from_a_state = in_one_process(place, LOST).values()
    assert missed.code == 3
    assert missed.err.endswith(" is missing; `mnist-bench confirm tiny-0 --top 2` trains it again.\n")
    assert trained.code == 0, trained.err
    assert "2 networks trained on all images gone: retrained, without evaluating the test set" in trained.err
    assert trained.err.count("trained in") == 2
    assert trained.out == ran[3].out
    assert from_a_state.code == 0, from_a_state.err
    assert "trained in" not in from_a_state.err
    assert purposes(place) == purposes(folder)


def test_a_confirmed_study_that_is_copied_and_renamed_is_whole_under_its_new_name(
    ran: list[Ran], folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder / "results" / "tiny-0", tmp_path / "results" / "moved")
    shutil.copy(folder / "tiny.yaml", tmp_path)
    done = in_one_process(tmp_path, MOVED)
    refused = done.pop("search tiny.yaml -n 3 --executor in-process --study-name moved")
    assert refused.code == 2
    assert "moved holds study tiny-0 under another name; rename the folder back to tiny-0" in refused.err
    assert {line: one.err for line, one in done.items() if one.code} == {}
    opened = words_about_the_test_set(len(purposes(folder)))
    assert opened.removesuffix(".") in done["studies"].out
    assert opened in done["leaderboard moved"].out
    assert done["confirm moved --top 2 --workers 1"].out.startswith("moved: 2 configurations with 8 fresh")
    assert not (tmp_path / "results" / "test-openings.jsonl").exists()
    assert not (tmp_path / "results" / "moved").exists()


def test_interrupted_it_goes_on_and_finds_the_same(searched: Path, values: dict[str, Any], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(searched, tmp_path / "copy"))
    line = f"{CONFIRM} --no-test --json"
    process = subprocess.Popen(
        [PROGRAM, *line.split()], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    while not (trained := re.search(r"#\d, seed 1 of 8:", process.stderr.readline())):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, json.loads(out)["error"]["kind"]) == (130, "Interrupted")
    stopped = ["Stopped. The same command continues where it stopped:", f"  mnist-bench {line}"]
    assert err.splitlines()[-2:] == stopped
    done = subprocess.run([PROGRAM, *line.split()], cwd=folder, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["candidates"] == values["candidates"]
    assert trained[0] not in done.stderr


WITH_A_FRONT = """
name: tiny
epochs: 1
subset: 1000
objective: [val_accuracy, parameters]
model: {blocks: 0, hidden_layers: 1, hidden_units: {int: [2, 16]}}
optim: {lr: {float: [1e-2, 1e-1], log: true}}
search: {sampler: random, pruner: none}
"""
FRONT_SCRIPT = """
run("search tiny.yaml -n 4 --executor in-process")
run("confirm tiny-0 --front --workers 1 --json")
run("confirm tiny-0 --front --workers 1")
run("confirm tiny-0 --front --top 1 --workers 1 --json")
run("confirm tiny-0 --front --top 8 --workers 1 --json")
run("export tiny-0 --confirmed --to nothing")
run("leaderboard tiny-0")
run("confirm tiny-0 --top 1 --workers 1 --json")
"""


@pytest.fixture(scope="module")
def front_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("front")
    (made / "tiny.yaml").write_text(WITH_A_FRONT)
    return made


@pytest.fixture(scope="module")
def ran_on_front(front_folder: Path) -> list[Ran]:
    found = list(in_one_process(front_folder, FRONT_SCRIPT).values())
    assert [one.code for one in found] == [0, 0, 0, 0, 0, 3, 0, 0], [one.err for one in found]
    return found


def test_every_configuration_on_the_front_has_eight_seeds(ran_on_front: list[Ran]) -> None:
    searched, first, *_ = ran_on_front
    values, members = first.values, first.values["members"]
    assert "confirm tiny-0 --front" in searched.out + searched.err
    costs = [member["cost"] for member in members]
    assert (costs, len(costs) >= 2) == (sorted(costs), True)
    assert {member["test"]["seeds"] for member in members} == {8}
    assert (values["cost"], values["train_images"], values["test_images"]) == ("parameters", 1000, 10_000)
    assert len(values["nets"]) == 8 * len(costs)
    assert (members[0]["on_front"], members[0]["ahead"]) == ("yes", None), "nothing is as cheap"


def test_a_front_asked_for_again_neither_trains_nor_opens_the_test_set(
    ran_on_front: list[Ran], front_folder: Path
) -> None:
    first, again, alone, longer, refused, board, best = ran_on_front[1:]
    dearest = first.values["members"][-1]["number"]
    head, command = again.err.splitlines()
    assert head == "To export the selected network:"
    assert f"mnist-bench export tiny-0/{dearest} --confirmed --to winner" in command
    assert again.out.splitlines()[-1] == "The test set has been evaluated once."
    assert [member["number"] for member in alone.values["members"]] == [dearest]
    assert (longer.values["finals"], longer.values["members"]) == (first.values["finals"], first.values["members"])
    (final,) = best.values["finals"]
    assert final in [{**each, "test": final["test"]} for each in first.values["finals"]]
    assert all("the test set is not evaluated again" in one.err for one in (alone, best))
    (purpose,) = purposes(front_folder)
    assert purpose.startswith("confirm tiny-0: #")
    assert "tiny-0 has a confirmed front and no selected trial; name one of the front: tiny-0/" in refused.err
    assert re.search(r"^The front on the test images: .* parameters \(#\d\)\.", board.out, re.M)


def test_what_is_confirmed_is_shown_until_the_study_is_searched_further(cli: Any) -> None:
    Path("results/conv-0/confirm").mkdir(parents=True)
    assert "`mnist-bench confirm conv-0` retrains" in cli("leaderboard", "conv-0").stdout
    keep(found(), Path("results/conv-0"))
    lines = cli("confirm", "conv-0").stdout.splitlines()
    assert [line.split()[0] for line in lines[3:6]] == ["#1", "#0", "#2"]
    assert lines[-1] == "The test set has not been evaluated.", "as its log says"
    shown = cli("leaderboard", "conv-0").stdout
    assert "2 of 3 complete trials are tied.\n" in shown
    assert "mnist-bench confirm" not in shown
    assert shown.splitlines()[-1].startswith("Selected: trial 1, 99.50% [99.48, 99.52] on the test images (mean of 8 s")
    keep(found(digest="0" * 64), Path("results/conv-0"))
    for command in ("leaderboard", "show"):
        assert "confirmed" not in cli(command, "conv-0").stdout
    (study,) = json.loads(cli("leaderboard", "--json").stdout)["studies"]
    assert study["confirmed"] is None


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ("two --front --no-test", 2, "--front evaluates on the test set; leave out --no-test."),
        ("empty-0", 3, "Study empty-0 has no complete or pruned trial to confirm."),
    ],
)
def test_what_cannot_be_confirmed_is_one_sentence(cli: Any, words: str, code: int, sentence: str) -> None:
    failed = handmade.study([handmade.trial(0, periods=0, state="FAIL")], name="empty-0")
    cli.studies |= {"two": handmade.two_objectives(), "empty-0": failed}
    shown = cli("confirm", *words.split())
    assert (shown.exit_code, shown.stdout, shown.stderr) == (code, "", f"Error: {sentence}\n")
