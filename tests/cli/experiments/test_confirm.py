"""`mnist-bench confirm`: its words on studies made by hand, and the whole of it on a few images."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.experiments.confirm import result_tables as confirmation, results as confirmed
from mnist_bench.leaderboard.board_table import test_set_line as words_about_the_test_set
from mnist_bench.next_commands import NextCommands
from support import handmade, handmade_confirmation
from support.copies import Ran
from support.handmade_confirmation import candidate, final

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
SHORT = f"{CONFIRM} --budget 0.001"
SCRIPT = f"""
from pathlib import Path
import shutil

shutil.copytree("results", "searched")
run("{SHORT} --no-test")
run("leaderboard tiny-0")
run("{SHORT} --force-test")
run("leaderboard tiny-0 --top 4")
run("{CONFIRM} --no-test")
run("leaderboard tiny-0 --top 5")
winner = json.loads(run("{CONFIRM} --json"))["winner"]
run("{CONFIRM} --budget 1h")
run(f"reproduce results/tiny-0/confirm/records/{{winner}}-1.json")
run(f"reproduce results/tiny-0/confirm/records/{{winner}}-all-7.json")
run("leaderboard tiny-0 --top 6")
run("leaderboard tiny-0 --json")
run("{SHORT} --results searched")
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
run("{CONFIRM} --budget 1h")
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
InOneProcess = Callable[[Path, str], dict[str, Ran]]

HERE = NextCommands(study="conv-0")


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory, in_one_process: InOneProcess) -> Path:
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
def ran(folder: Path, in_one_process: InOneProcess) -> list[Ran]:
    return list(in_one_process(folder, SCRIPT).values())


@pytest.fixture(scope="module")
def values(ran: list[Ran]) -> dict[str, Any]:
    return ran[6].values


def purposes(folder: Path) -> list[str]:
    lines = (folder / "results" / "test-openings.jsonl").read_text().splitlines()
    return [json.loads(line)["purpose"] for line in lines]


def test_without_a_test_there_is_a_leader_and_the_test_set_stays_shut(ran: list[Ran]) -> None:
    led, board = ran[:2]
    assert led.code == 0, led.err
    assert "With one seed each, no statistical test was made" in led.out
    assert " not tested " in led.out
    assert " raced with 1 fresh seed in " in led.out
    assert "The budget of 0.0 s ended the race after 1 seed; unresolved: #" in led.out
    races = "mnist-bench confirm tiny-0 --top 2 --no-test"
    closed = "Nothing was trained on all images, and the test set was not used."
    assert f"{closed} `{races}` continues the race; without --no-test, it then trains the selected" in led.out
    assert "on all training images" not in led.err
    assert led.err.endswith(f"To continue from here:\n  {races}\n"), "and no line to paste opens the test set"
    assert re.match(r"raced: #\d leads with one fresh seed, and no test was made; `mnist", board.out.splitlines()[-1])
    for text in (led.out, board.out):
        assert "confirmed" not in text
        assert "winner" not in text


def test_the_test_set_is_opened_without_a_test_for_whoever_insists(ran: list[Ran]) -> None:
    insisted, board = ran[2:4]
    assert insisted.code == 0, insisted.err
    assert "No statistical test was made; the test set was evaluated, as --force-test asks." in insisted.out
    assert " (leader)  " in insisted.out
    assert "(cheapest)" not in insisted.out
    assert board.out.splitlines()[-1].startswith("no test was made; #")
    assert "confirmed" not in board.out


def test_a_race_without_the_test_set_is_gone_on_with(ran: list[Ran], folder: Path) -> None:
    shut, board, done = ran[4:7]
    assert shut.code == 0, shut.err
    assert re.search(r" (winner|selected) ", shut.out)
    assert "the test set was not used. Without --no-test, `confirm` trains the selected configuration" in shut.out
    assert "To continue" not in shut.err
    assert "evaluates it once on the test set" in board.out.splitlines()[-1]
    assert "racing, to 8 seeds; trained before" in done.err
    # Each net is evaluated once: what an earlier confirmation of the study opened the test set for is known.
    once = [number for purpose in purposes(folder) for number in re.findall(r"#(\d+)", purpose)]
    assert sorted(once) == sorted(set(once))


def test_the_best_race_and_the_winner_is_tested_with_eight_seeds(values: dict[str, Any]) -> None:
    assert [values[name] for name in ("seeds", "cut", "validation_images", "test_images")] == [8, False, 166, 10_000]
    means = {c["number"]: sum(c["errors"]) / 8 for c in values["candidates"] if c["dropped_after"] is None}
    assert len(values["candidates"]) == 2
    assert values["winner"] == min(means, key=lambda number: means[number])
    tested = [final["number"] for final in values["finals"]]
    assert tested == list(dict.fromkeys([values["winner"], values["cheapest"]]))
    for entry in values["finals"]:
        assert len(set(entry["errors"])) > 4
        assert entry["test"]["seeds"] == 8
        low, high = entry["test"]["interval"]
        assert 0.5 < low < entry["test"]["mean"] < high < 1


def test_asked_again_it_neither_trains_nor_opens_the_test_set(
    ran: list[Ran], values: dict[str, Any], folder: Path
) -> None:
    again, nets = ran[7], 8 * len(values["finals"])
    assert again.code == 0
    assert again.err.splitlines()[0] == "To export the selected network:"
    assert len(again.err.splitlines()) == 2
    assert words_about_the_test_set(len(purposes(folder))) in again.out
    assert f"{nets} networks trained on all images: results/tiny-0/confirm/TRIAL-seed-K" in again.out
    assert len(values["nets"]) == nets
    assert all((folder / path).is_file() for path in values["nets"])
    assert re.fullmatch(r"confirm tiny-0: #\d; 8 seeds each", purposes(folder)[0])
    assert [(one.code, one.out.splitlines()[-1]) for one in ran[8:10]] == [(0, "Identical, bit for bit.")] * 2
    last = ran[10].out.splitlines()[-1]
    assert last.startswith(f"confirmed: #{values['winner']} ")
    assert last.endswith("on the test images, 8 seeds")
    (study,) = ran[11].values["studies"]
    assert study["confirmed"]["winner"] == values["winner"]


def test_a_budget_without_room_for_a_test_is_refused_with_the_least_that_would_do(ran: list[Ran]) -> None:
    refused = ran[12]
    assert (refused.code, refused.out) == (2, "")
    assert re.search(
        r"Error: --budget 0.001s is too short\. Two seeds for 2 candidates and the final training take about "
        r"[0-9.]+ s here, after [0-9.]+ s to start\. The least is [0-9]+s\.\n",
        refused.err,
    )
    assert "racing" not in refused.err


def test_nets_that_are_gone_are_trained_again_to_the_same_bits_with_the_test_set_shut(
    ran: list[Ran], folder: Path, tmp_path: Path, in_one_process: InOneProcess
) -> None:
    place = Path(shutil.copytree(folder, tmp_path / "copy"))
    missed, trained, from_a_state = in_one_process(place, LOST).values()
    assert missed.code == 3
    assert missed.err.endswith(" is missing; `mnist-bench confirm tiny-0 --top 2` trains it again.\n")
    assert trained.code == 0, trained.err
    assert "2 networks trained on all images gone: retrained, without evaluating the test set" in trained.err
    assert trained.err.count("trained in") == 2
    assert trained.out == ran[7].out
    assert from_a_state.code == 0, from_a_state.err
    assert "trained in" not in from_a_state.err
    assert purposes(place) == purposes(folder)


def test_a_confirmed_study_that_is_copied_and_renamed_is_whole_under_its_new_name(
    ran: list[Ran], folder: Path, tmp_path: Path, in_one_process: InOneProcess
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
    assert done["confirm moved --top 2 --workers 1"].out.startswith("moved: 2 configurations raced")
    assert not (tmp_path / "results" / "test-openings.jsonl").exists()
    assert not (tmp_path / "results" / "moved").exists()


def test_interrupted_it_goes_on_and_finds_the_same(searched: Path, values: dict[str, Any], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(searched, tmp_path / "copy"))
    program = Path(sys.executable).with_name("mnist-bench")
    line = f"{CONFIRM} --no-test --json"
    process = subprocess.Popen(
        [str(program), *line.split()], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    while not (trained := re.search(r"#\d, seed 1 of 1:", process.stderr.readline())):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, json.loads(out)["error"]["kind"]) == (130, "Interrupted")
    stopped = ["Stopped. The same command continues where it stopped:", f"  mnist-bench {line}"]
    assert err.splitlines()[-2:] == stopped
    done = subprocess.run([str(program), *line.split()], cwd=folder, capture_output=True, text=True, check=True)
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
def ran_on_front(front_folder: Path, in_one_process: InOneProcess) -> list[Ran]:
    found = list(in_one_process(front_folder, FRONT_SCRIPT).values())
    assert [one.code for one in found] == [0, 0, 0, 0, 0, 3, 0, 0], [one.err for one in found]
    return found


def test_every_configuration_on_the_front_has_eight_seeds(ran_on_front: list[Ran]) -> None:
    values, members = ran_on_front[1].values, ran_on_front[1].values["members"]
    costs = [member["cost"] for member in members]
    assert costs == sorted(costs)
    assert len(costs) >= 2
    assert {member["test"]["seeds"] for member in members} == {8}
    assert (values["cost"], values["train_images"], values["test_images"]) == ("parameters", 1000, 10_000)
    assert "confirm tiny-0 --front" in ran_on_front[0].out + ran_on_front[0].err
    assert len(values["nets"]) == 8 * len(costs)
    assert (members[0]["on_front"], members[0]["ahead"]) == ("yes", None), "nothing is as cheap"
    for member in members[1:]:
        low, high = member["ahead"]["low"], member["ahead"]["high"]
        assert member["on_front"] == ("yes" if low > 0 else "no" if high < 0 else "not shown"), member


def test_a_front_asked_for_again_neither_trains_nor_opens_the_test_set(
    ran_on_front: list[Ran], front_folder: Path
) -> None:
    first, again, alone, longer, raced = (ran_on_front[place] for place in (1, 2, 3, 4, 7))
    dearest = first.values["members"][-1]["number"]
    head, command = again.err.splitlines()
    assert head == "To export the selected network:"
    assert f"mnist-bench export tiny-0/{dearest} --confirmed --to winner" in command
    assert again.out.splitlines()[-1] == "The test set has been evaluated once."
    assert [member["number"] for member in alone.values["members"]] == [dearest]
    assert (longer.values["finals"], longer.values["members"]) == (first.values["finals"], first.values["members"])
    known = {final["number"]: final["errors"] for final in first.values["finals"]}
    (final,) = raced.values["finals"]
    assert final["errors"] == known[final["number"]]
    assert raced.values["test_images"] == 10_000
    assert all("the test set is not evaluated again" in one.err for one in (alone, raced))
    (line,) = (front_folder / "results" / "test-openings.jsonl").read_text().splitlines()
    assert json.loads(line)["purpose"].startswith("confirm tiny-0: #")


def test_what_comes_after_knows_of_a_front(ran_on_front: list[Ran]) -> None:
    assert "tiny-0 has a confirmed front and no selected trial; name one of the front: tiny-0/" in ran_on_front[5].err
    assert re.search(r"^front confirmed: On the test images: .* parameters \(#\d\)\.", ran_on_front[6].out, re.M)


def found(**changes: Any) -> confirmed.Confirmed:
    """Return a race in which #1 wins, #0 is tied and cheaper, #2 is dropped and #4 never ends."""
    rows = (
        candidate(4, 70, None, dropped_after=2),
        candidate(2, 90, 94, dropped_after=2, p_value=0.00123),
        candidate(0, 69, 71, 69, 71),
        candidate(1, 68, 70, 69, 69),
    )
    finals = (final(1, *(50,) * 8), final(0, *(60,) * 7, None))
    return handmade_confirmation.found(**{"candidates": rows, "finals": finals, "seconds": 754, **changes})


@pytest.fixture
def kept(cli: Any) -> Callable[[confirmed.Confirmed], None]:
    """Return what keeps a confirmation in the folder of conv-0."""
    Path("results/conv-0/confirm").mkdir(parents=True)
    return lambda made: confirmed.save(made, Path("results/conv-0"))


def test_what_was_found_reads_well(cli: Any, kept: Callable[[confirmed.Confirmed], None]) -> None:
    kept(found())
    shown = cli("confirm", "conv-0")
    assert shown.exit_code == 0, shown.output
    lines = shown.stdout.splitlines()
    assert lines[0] == "conv-0: 4 configurations raced with up to 4 fresh seeds in 12 min 34 s."
    assert [line.split()[0] for line in lines[3:7]] == ["#1", "#0", "#2", "#4"]
    assert "selected (tied)" in lines[3]
    assert "99.31% [99.30, 99.32]" in lines[3]
    assert "dropped after 2 seeds (p = 0.0012)" in lines[5]
    assert "dropped after 2 seeds: a run did not finish" in lines[6]
    assert "92.00% at 3, pruned" in lines[6]
    (tied,) = [line for line in lines if line.startswith("= not significantly worse than #1 (paired t-tests over ")]
    assert tied.endswith(": #0.")
    assert "The cheapest of the tied is #0: 900k MACs, 30k parameters (#1: 2.1M and 61.2k)." in lines
    assert "Then trained on all 60,000 images and evaluated once on 10,000 test images:" in lines
    assert any(
        line.startswith("  #1 (selected)  99.50% [99.50, 99.50] on the test images, 8 seeds: 99.5") for line in lines
    )
    assert any(line.endswith("so the test accuracy is 0.19 percentage points higher.") for line in lines)
    assert any(line.endswith("7 seeds: 99.40  99.40  99.40  99.40  99.40  99.40  99.40  –") for line in lines)
    luck = "In the search #1 had 99.50%, with fresh seeds 99.31%: the search's figure was 0.19 percentage points"
    assert f"{luck} too high." in lines
    assert lines[-1] == "The test set has not been evaluated."
    assert cli("leaderboard", "conv-0").stdout.splitlines()[-1] == (
        "confirmed: #1 99.50% [99.50, 99.50] on the test images, 8 seeds"
    )


def test_what_the_nets_get_right_together_is_said_where_it_was_measured(
    cli: Any, kept: Callable[[confirmed.Confirmed], None]
) -> None:
    kept(found(finals=(final(1, *(50,) * 8, committee=44), final(0, *(60,) * 7, None, committee=52))))
    lines = cli("confirm", "conv-0").stdout.splitlines()
    words = "networks, their probabilities averaged"
    assert [line for line in lines if "ensemble" in line] == [
        f"      ensemble of the 8 {words}: 99.56%, 44 of 10,000 wrong.",
        f"      ensemble of the 7 {words}: 99.48%, 52 of 10,000 wrong.",
    ]
    kept(found())
    assert "ensemble" not in cli("confirm", "conv-0").stdout


def test_a_study_searched_further_is_not_confirmed(cli: Any, kept: Callable[[confirmed.Confirmed], None]) -> None:
    kept(found(digest="0" * 64))
    for command in ("leaderboard", "show"):
        assert "confirmed" not in cli(command, "conv-0").stdout
    (study,) = json.loads(cli("leaderboard", "--json").stdout)["studies"]
    assert study["confirmed"] is None


def test_whoever_is_confirmed_is_not_told_to_confirm(cli: Any, kept: Callable[[confirmed.Confirmed], None]) -> None:
    assert "`mnist-bench confirm conv-0` retrains" in cli("leaderboard", "conv-0").stdout
    kept(found())
    shown = cli("leaderboard", "conv-0").stdout
    assert "2 of 3 complete trials are tied.\n" in shown
    assert "mnist-bench confirm" not in shown


def test_what_the_budget_left_open_is_named() -> None:
    lines = confirmation.race_lines(found(cut=True, budget=900.0))
    assert lines[-1] == "The budget of 15 min ended the race after 4 seeds; unresolved: #1, #0."


def test_a_winner_alone_is_said_to_be_alone() -> None:
    first, worse = candidate(1, 68, 70), candidate(2, 90, 94, dropped_after=2, p_value=1e-9)
    broken = candidate(0, 70, None, dropped_after=2)
    alone, untested, both = (
        found(candidates=(first, *others), cheapest=1) for others in ((worse,), (broken,), (worse, broken))
    )
    assert confirmation.verdict(alone, first) == "winner"
    assert confirmation.verdict(alone, worse) == "dropped after 2 seeds (p < 0.0001)"
    (line,) = confirmation.race_lines(alone)
    assert line.startswith("#1 alone is left: all others are significantly worse (paired t-tests over seeds, ")
    assert confirmation.verdict(untested, first) == "selected", "without a test there is no winner"
    (line,) = confirmation.race_lines(untested)
    assert line == "#1 alone is left, and no test was made: a run of each other did not finish."
    later = candidate(4, 95, 99, 97, 98, dropped_after=4, p_value=1e-9)
    raced = confirmation.ordered(found(candidates=(worse, later, first), cheapest=1))
    assert raced == [first, later, worse], "who was dropped last stands above"
    (line,) = confirmation.race_lines(both)
    assert line.startswith("#1 alone is left: the others are significantly worse (paired t-tests")
    assert line.endswith(", except those of which a run did not finish: #0.")


@pytest.mark.parametrize(("number", "told"), [(4, "3 epochs at 92.00%"), (3, "1 epoch at 91.00%")])
def test_a_pruned_winner_was_neither_lucky_nor_unlucky(number: int, told: str) -> None:
    finals = (final(number, *(50,) * 8),)
    pruned = found(candidates=(candidate(number, 68, 70),), winner=number, cheapest=number, finals=finals)
    assert confirmation.test_lines(pruned, HERE)[-1] == f"In the search #{number} was pruned after {told}."


def test_a_single_fresh_seed_tells_nothing_of_luck() -> None:
    led = replace(
        found(candidates=(candidate(1, 68), candidate(0, 69))), winner=None, leader=1, cheapest=None, seeds=1, finals=()
    )
    assert confirmation.race_lines(led)[0] == "With one seed each, no statistical test was made: the order may be luck."
    assert not any("the search's figure" in line for line in confirmation.test_lines(led, HERE))
    twice = replace(led, candidates=(candidate(1, 68, 70),), winner=1, leader=None, cheapest=1, seeds=2)
    assert "the search's figure was 0.19 percentage points too high." in confirmation.test_lines(twice, HERE)[-1]


def test_a_seed_that_did_not_learn_is_named() -> None:
    collapsed = (110, 120, 110, 130, 90, 100, 8972, 110)
    race = found(candidates=(candidate(1, *collapsed), candidate(0, 69, 71)), finals=(final(1, *collapsed),))
    assert confirmation.failure_lines(race) == ["#1: 1 of 8 seeds did not learn (10.28%)."]
    assert "      1 of 8 seeds did not learn (10.28%)." in confirmation.test_lines(race, HERE)
    assert confirmation.accuracy(race.validation(1)) == "87.82% [61.63, 98.82], median 98.90%"


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ("conv-0 --no-test --force-test", 2, "--no-test and --force-test contradict each other; give one of them."),
        ("two --front --budget 1h", 2, "--front does not use --budget, --no-test and --force-test; leave them out."),
        ("two --front --force-test", 2, "--front does not use --budget, --no-test and --force-test; leave them out."),
        ("empty-0", 3, "Study empty-0 has no complete or pruned trial to confirm."),
    ],
)
def test_what_cannot_be_confirmed_is_one_sentence(cli: Any, words: str, code: int, sentence: str) -> None:
    failed = handmade.study([handmade.trial(0, periods=0, state="FAIL")], name="empty-0")
    cli.studies |= {"two": handmade.two_objectives(), "empty-0": failed}
    shown = cli("confirm", *words.split())
    assert (shown.exit_code, shown.stdout, shown.stderr) == (code, "", f"Error: {sentence}\n")
