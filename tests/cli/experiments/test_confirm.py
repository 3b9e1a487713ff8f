"""`mnist-bench confirm`: its words on studies made by hand, and the whole of it on a thousand images."""

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
from support.handmade_confirmation import candidate, final

pytestmark = pytest.mark.slow

SPACE = """
name: tiny
epochs: 2
subset: 1000
model: {blocks: 0, hidden_layers: 1, hidden_units: {int: [32, 64]}}
optim: {lr: {float: [3e-3, 1e-2], log: true}, batch_size: 32}
search: {sampler: random, pruner: none}
"""
CONFIRM = "confirm tiny-0 --top 3 --workers 1"
SCRIPT = f"""
winner = json.loads(run("{CONFIRM} --json"))["winner"]
run("{CONFIRM} --budget 1h")
run("reproduce results/tiny-0/confirm/records/0-1.json")
run(f"reproduce results/tiny-0/confirm/records/{{winner}}-all-7.json")
run("leaderboard tiny-0")
run("leaderboard tiny-0 --json")
run("confirm tiny-0 --top 2 --budget 0.001 --workers 1")
"""
FURTHER = """
run("confirm tiny-0 --top 2 --budget 0.001 --workers 1 --no-test")
run("leaderboard tiny-0 --top 3")
run("confirm tiny-0 --top 2 --budget 0.001 --workers 1 --force-test")
run("leaderboard tiny-0 --top 4")
run("confirm tiny-0 --top 2 --workers 1 --no-test")
run("leaderboard tiny-0 --top 5")
run("confirm tiny-0 --top 2 --workers 1 --json")
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
run("export tiny-0 --confirmed --to taken")
first.unlink()
run("{CONFIRM} --budget 1h")
assert [path.read_bytes() for path in kept] == before
"""
Ran = Any
"""See conftest.py."""
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
def confirmed_folder(ran: list[Ran], folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(folder, tmp_path_factory.mktemp("further") / "copy"))


@pytest.fixture(scope="module")
def further(confirmed_folder: Path, in_one_process: InOneProcess) -> list[Ran]:
    return list(in_one_process(confirmed_folder, FURTHER).values())


@pytest.fixture(scope="module")
def values(ran: list[Ran]) -> dict[str, Any]:
    assert ran[0].code == 0, ran[0].err
    found: dict[str, Any] = json.loads(ran[0].out)
    return found


def purposes(folder: Path) -> list[str]:
    lines = (folder / "results" / "test-openings.jsonl").read_text().splitlines()
    return [json.loads(line)["purpose"] for line in lines]


def test_the_best_race_and_the_winner_is_tested_with_eight_seeds(values: dict[str, Any]) -> None:
    assert (values["seeds"], values["cut"], values["validation_images"], values["test_images"]) == (
        8,
        False,
        166,
        10000,
    )
    assert sorted(candidate["number"] for candidate in values["candidates"]) == [0, 1, 2]
    means = {c["number"]: sum(c["errors"]) / 8 for c in values["candidates"] if c["dropped_after"] is None}
    assert values["winner"] == min(means, key=lambda number: means[number])
    assert [final["number"] for final in values["finals"]] == list(
        dict.fromkeys([values["winner"], values["cheapest"]])
    )
    for entry in values["finals"]:
        assert len(set(entry["errors"])) > 4
        assert entry["test"]["seeds"] == 8
        low, high = entry["test"]["interval"]
        assert 0.5 < low < entry["test"]["mean"] < high < 1


def test_asked_again_it_neither_trains_nor_opens_the_test_set(
    ran: list[Ran], values: dict[str, Any], folder: Path
) -> None:
    again = ran[1]
    assert (again.code, again.err.splitlines()[0], len(again.err.splitlines())) == (
        0,
        "To export the selected network:",
        2,
    )
    assert "The test set has been evaluated once." in again.out
    assert (
        f"{8 * len(values['finals'])} networks trained on all images: results/tiny-0/confirm/TRIAL-seed-K"
    ) in again.out
    assert len(values["nets"]) == 8 * len(values["finals"])
    assert all((folder / path).is_file() for path in values["nets"])
    names = ", ".join(f"#{final['number']}" for final in values["finals"])
    assert purposes(folder)[0] == f"confirm tiny-0: {names}; 8 seeds each"


def test_its_runs_are_reproduced_from_their_records(ran: list[Ran]) -> None:
    assert [(one.code, one.out.splitlines()[-1]) for one in ran[2:4]] == [(0, "Identical, bit for bit.")] * 2


def test_the_leaderboard_says_what_was_confirmed(ran: list[Ran], values: dict[str, Any]) -> None:
    last = ran[4].out.splitlines()[-1]
    assert last.startswith(f"confirmed: #{values['winner']} ")
    assert last.endswith("on the test images, 8 seeds")
    (study,) = json.loads(ran[5].out)["studies"]
    assert study["confirmed"]["winner"] == values["winner"]


def test_a_budget_without_room_for_a_test_is_refused_with_the_least_that_would_do(ran: list[Ran]) -> None:
    refused = ran[6]
    assert (refused.code, refused.out) == (2, "")
    assert re.search(
        r"Error: --budget 0.001s is too short\. Two seeds for 2 candidates and the final training take about "
        r"[0-9.]+ s here, after [0-9.]+ s to start\. The least is [0-9]+s\.\n",
        refused.err,
    )
    assert "racing" not in refused.err


def test_without_a_test_there_is_a_leader_and_the_test_set_stays_shut(further: list[Ran]) -> None:
    led, board = further[:2]
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
    assert re.match(
        r"raced: #\d leads with one fresh seed, and no test was made; `mnist-bench confirm tiny-0 --top 2 --budget",
        board.out.splitlines()[-1],
    )
    for text in (led.out, board.out):
        assert "confirmed" not in text
        assert "winner" not in text


def test_the_test_set_is_opened_without_a_test_for_whoever_insists(further: list[Ran]) -> None:
    insisted, board = further[2:4]
    assert insisted.code == 0, insisted.err
    assert "No statistical test was made; the test set was evaluated, as --force-test asks." in insisted.out
    assert " (leader)  " in insisted.out
    assert "(cheapest)" not in insisted.out
    assert board.out.splitlines()[-1].startswith("no test was made; #")
    assert "confirmed" not in board.out


def test_a_race_without_the_test_set_is_gone_on_with(
    further: list[Ran], confirmed_folder: Path, values: dict[str, Any]
) -> None:
    shut, board, done = further[4:7]
    assert shut.code == 0, shut.err
    assert re.search(r" (winner|selected) ", shut.out)
    assert "the test set was not used. Without --no-test, `confirm` trains the selected configuration" in shut.out
    assert "To continue" not in shut.err
    assert "evaluates it once on the test set" in board.out.splitlines()[-1]
    assert done.code == 0, done.err
    assert "racing, to 8 seeds; trained before" in done.err
    tested = {final["number"]: final["errors"] for final in json.loads(done.out)["finals"]}
    # Each net is evaluated once: what an earlier confirmation of the study opened the test set for is known.
    once = [number for purpose in purposes(confirmed_folder) for number in re.findall(r"#(\d+)", purpose)]
    assert sorted(once) == sorted(set(once))
    for entry in values["finals"]:
        assert tested.get(entry["number"], entry["errors"]) == entry["errors"]


def test_nets_that_are_gone_are_trained_again_to_the_same_bits_with_the_test_set_shut(
    ran: list[Ran], values: dict[str, Any], folder: Path, tmp_path: Path, in_one_process: InOneProcess
) -> None:
    place = Path(shutil.copytree(folder, tmp_path / "copy"))
    missed, trained, taken, from_a_state = in_one_process(place, LOST).values()
    assert missed.code == 3
    assert missed.err.endswith(" is missing; `mnist-bench confirm tiny-0 --top 3` trains it again.\n")
    assert trained.code == 0, trained.err
    assert "2 networks trained on all images gone: retrained, without evaluating the test set" in trained.err
    assert trained.err.count("trained in") == 2
    assert trained.out == ran[1].out
    assert taken.code == 0, taken.err
    assert from_a_state.code == 0, from_a_state.err
    assert "trained in" not in from_a_state.err
    assert purposes(place) == purposes(folder)


MOVED = """
from support import undrawn

undrawn.pictures()
run("studies")
run("leaderboard moved")
run("show moved/0")
run("report moved")
run("doctor moved")
run("reproduce moved/0")
run("confirm moved --top 2 --workers 1")
run("confirm moved --top 1 --workers 1")
run("leaderboard")
run("search tiny.yaml -n 3 --executor in-process --study-name moved")
run("doctor moved --repair --replay")
run("studies remove moved --yes")
"""


def test_a_confirmed_study_that_is_copied_and_renamed_is_whole_under_its_new_name(
    ran: list[Ran], folder: Path, tmp_path: Path, in_one_process: InOneProcess
) -> None:
    shutil.copytree(folder / "results" / "tiny-0", tmp_path / "results" / "moved")
    (tmp_path / "tiny.yaml").write_text(SPACE)
    done = in_one_process(tmp_path, MOVED)
    refused = done.pop("search tiny.yaml -n 3 --executor in-process --study-name moved")
    assert refused.code == 2
    assert "moved holds study tiny-0 under another name; rename the folder back to tiny-0" in refused.err
    assert {line: one.err for line, one in done.items() if one.code} == {}
    assert "The test set has been evaluated once, for " in done["studies"].out
    assert "The test set has been evaluated once." in done["leaderboard moved"].out
    assert done["confirm moved --top 2 --workers 1"].out.startswith("moved: 2 configurations raced")
    # Of a final that was evaluated under the old name the errors are known, and are of no concern to the ledger.
    opened = purposes(tmp_path) if (tmp_path / "results" / "test-openings.jsonl").exists() else []
    assert all(purpose.startswith("confirm moved: ") for purpose in opened)
    assert words_about_the_test_set(1 + len(opened)) in done["leaderboard"].out
    assert not (tmp_path / "results" / "moved").exists()


def test_interrupted_it_goes_on_and_finds_the_same(searched: Path, values: dict[str, Any], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(searched, tmp_path / "copy"))
    program = Path(sys.executable).with_name("mnist-bench")
    arguments = [str(program), *CONFIRM.split(), "--json"]
    process = subprocess.Popen(arguments, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while "seed 1 of 1:" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, json.loads(out)["error"]["kind"]) == (130, "Interrupted")
    stopped = ["Stopped. The same command continues where it stopped:", f"  mnist-bench {CONFIRM} --json"]
    assert err.splitlines()[-2:] == stopped
    done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=True)
    again = json.loads(done.stdout)
    assert again == {**values, "seconds": again["seconds"]}
    assert len(purposes(folder)) == 1


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


def test_what_was_found_reads_well(cli: Any, tmp_path: Path) -> None:
    (tmp_path / "results" / "conv-0" / "confirm").mkdir(parents=True)
    confirmed.save(found(), tmp_path / "results" / "conv-0")
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
    assert (
        "= not significantly worse than #1 (paired t-tests over seeds, each pair by its own differences, with one "
        "variance for those that vary alike; Holm-corrected, 5% level): #0." in lines
    )
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


def test_what_the_nets_get_right_together_is_said_where_it_was_measured(cli: Any, tmp_path: Path) -> None:
    (tmp_path / "results" / "conv-0" / "confirm").mkdir(parents=True)
    finals = (
        final(1, *(50,) * 8, committee=44),
        final(0, *(60,) * 7, None, committee=52),
    )
    confirmed.save(found(finals=finals), tmp_path / "results" / "conv-0")
    lines = cli("confirm", "conv-0").stdout.splitlines()
    words = "networks, their probabilities averaged"
    assert [line for line in lines if "ensemble" in line] == [
        f"      ensemble of the 8 {words}: 99.56%, 44 of 10,000 wrong.",
        f"      ensemble of the 7 {words}: 99.48%, 52 of 10,000 wrong.",
    ]
    confirmed.save(found(), tmp_path / "results" / "conv-0")
    assert "ensemble" not in cli("confirm", "conv-0").stdout


def test_a_study_searched_further_is_not_confirmed(cli: Any, tmp_path: Path) -> None:
    (tmp_path / "results" / "conv-0" / "confirm").mkdir(parents=True)
    confirmed.save(found(digest="0" * 64), tmp_path / "results" / "conv-0")
    assert "confirmed" not in cli("leaderboard", "conv-0").stdout
    (study,) = json.loads(cli("leaderboard", "--json").stdout)["studies"]
    assert study["confirmed"] is None


def test_what_the_budget_left_open_is_named() -> None:
    lines = confirmation.race_lines(found(cut=True, budget=900.0))
    assert lines[-1] == "The budget of 15 min ended the race after 4 seeds; unresolved: #1, #0."


def test_a_winner_alone_is_said_to_be_alone() -> None:
    alone = found(candidates=(candidate(1, 68, 70), candidate(2, 90, 94, dropped_after=2, p_value=1e-9)), cheapest=1)
    assert confirmation.verdict(alone, alone.candidates[0]) == "winner"
    assert confirmation.race_lines(alone) == [
        "#1 alone is left: all others are significantly worse (paired t-tests over seeds, each pair by its own "
        "differences, with one variance for those that vary alike; Holm-corrected, 5% level)."
    ]
    assert confirmation.verdict(alone, alone.candidates[1]) == "dropped after 2 seeds (p < 0.0001)"
    broken = candidate(0, 70, None, dropped_after=2)
    untested = replace(alone, candidates=(alone.candidates[0], broken))
    assert confirmation.verdict(untested, untested.candidates[0]) == "selected", "without a test there is no winner"
    assert confirmation.race_lines(untested) == [
        "#1 alone is left, and no test was made: a run of each other did not finish."
    ]
    (line,) = confirmation.race_lines(replace(alone, candidates=(*alone.candidates, broken)))
    assert line.startswith("#1 alone is left: the others are significantly worse (paired t-tests")
    assert line.endswith("Holm-corrected, 5% level), except those of which a run did not finish: #0.")


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
    assert confirmation.test_lines(twice, HERE)[-1].endswith(
        "with fresh seeds 99.31%: the search's figure was 0.19 percentage points too high."
    )


def test_a_seed_that_did_not_learn_is_named() -> None:
    collapsed = (110, 120, 110, 130, 90, 100, 8972, 110)
    race = found(candidates=(candidate(1, *collapsed), candidate(0, 69, 71)), finals=(final(1, *collapsed),))
    assert confirmation.failure_lines(race) == ["#1: 1 of 8 seeds did not learn (10.28%)."]
    assert "      1 of 8 seeds did not learn (10.28%)." in confirmation.test_lines(race, HERE)
    assert re.fullmatch(r"87\.82% \[61\.63, 98\.82\], median 98\.90%", confirmation.accuracy(race.validation(1)))


def test_both_ways_to_treat_the_test_set_contradict_each_other(cli: Any) -> None:
    shown = cli("confirm", "conv-0", "--no-test", "--force-test")
    assert shown.exit_code == 2
    assert shown.stderr == "Error: --no-test and --force-test contradict each other; give one of them.\n"


def test_whoever_is_confirmed_is_not_told_to_confirm(cli: Any, tmp_path: Path) -> None:
    assert "`mnist-bench confirm conv-0` retrains" in cli("leaderboard", "conv-0").stdout
    (tmp_path / "results" / "conv-0" / "confirm").mkdir(parents=True)
    confirmed.save(found(), tmp_path / "results" / "conv-0")
    shown = cli("leaderboard", "conv-0").stdout
    assert "2 of 3 complete trials are tied.\n" in shown
    assert "mnist-bench confirm" not in shown


def test_a_study_without_trials_to_confirm_is_one_sentence(cli: Any) -> None:
    cli.studies["empty-0"] = handmade.study([handmade.trial(0, periods=0, state="FAIL")], name="empty-0")
    shown = cli("confirm", "empty-0")
    assert (shown.exit_code, shown.stdout) == (3, "")
    assert shown.stderr == "Error: Study empty-0 has no complete or pruned trial to confirm.\n"
