from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import Result

from mnist_bench.cli import options
from mnist_bench.leaderboard.table import test_set_line as words_about_the_test_set
from support import handmade
from support.paths import LEDGER

Cli = Callable[..., Result]


def test_the_leaderboard_shows_ranks_intervals_ties_and_what_differs(cli: Cli) -> None:
    result = cli("leaderboard")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith("conv-0: 3 complete, 2 pruned, 1 failed, 1 paused (1 infeasible besides) of 7 trials.")
    assert "Pruning saved 8 of 36 epochs." in lines[0]
    assert lines[1].replace(" ", "") == "digest" + handmade.mixed().digest
    header = next(line for line in lines if line.split()[:2] == ["rank", "trial"])
    assert header.split()[-5:] == ["blocks", "filters", "lr", "→", "drops"]
    first, second, third = lines[lines.index(header) + 1 :][:3]
    assert first.split()[:5] == ["1", "#1", "99.50", "%", "[98.83,"]
    assert second.split()[:3] == ["2", "=", "#0"]
    assert third.split()[:2] == ["3", "#2"]
    tie = "= not distinguishable from the first (paired test over these weights, Holm, 5 %). "
    index = lines.index(f"{tie}2 of 3 complete trials are tied:")
    assert lines[index + 1] == "  `mnist-bench confirm` asks with fresh seeds."
    assert lines[-1] == "The test set has not been opened."


def test_top(cli: Cli) -> None:
    lines = cli("leaderboard", "--top", "2").stdout.splitlines()
    assert sum("#" in line for line in lines) == 2
    assert "5 more; `mnist-bench leaderboard conv-0 --top 7` shows all." in lines


def test_long_leaderboards_are_cut_for_people_and_whole_as_data(cli: Cli) -> None:
    cli.studies["conv-0"] = handmade.study([handmade.trial(n, range(n)) for n in range(15)])  # type: ignore[attr-defined]
    assert sum("#" in line for line in cli("leaderboard").stdout.splitlines()) == 10
    assert len(json.loads(cli("leaderboard", "--json").stdout)["studies"][0]["rows"]) == 15
    assert len(cli("leaderboard", "--csv").stdout.splitlines()) == 16


def test_json(cli: Cli) -> None:
    values = json.loads(cli("leaderboard", "--json").stdout)
    assert values["schema_version"] == 1
    (study,) = values["studies"]
    assert study["digest"] == handmade.mixed().digest
    assert study["counts"] == {"complete": 3, "pruned": 2, "failed": 1, "running": 1, "infeasible": 1}
    best = study["rows"][0]
    assert (best["rank"], best["number"], best["accuracy"], best["errors"]) == (1, 1, 0.995, 5)
    assert best["settings"]["blocks"] == "3"


def test_csv_of_two_studies_names_each_rows_study(cli: Cli) -> None:
    cli.studies["other"] = replace(handmade.mixed(), name="other")  # type: ignore[attr-defined]
    rows = list(csv.DictReader(io.StringIO(cli("leaderboard", "conv-0", "other", "--csv").stdout)))
    assert [row["study"] for row in rows] == ["conv-0"] * 7 + ["other"] * 7
    assert rows[0]["accuracy"] == "0.995"
    assert rows[0]["lr → drops"] == ".0093"


def test_markdown(cli: Cli) -> None:
    lines = cli("leaderboard", "--markdown").stdout.splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert table[0].startswith("| rank | trial | validation |")
    assert len({line.count(" | ") for line in table}) == 1
    assert len(table) == 9
    assert lines[1].startswith("digest ")
    assert lines[-1].startswith("The test set has")


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 120])
def test_in_a_narrow_terminal_rank_trial_and_accuracy_remain(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    lines = cli("leaderboard", columns=columns).stdout.splitlines()
    table = [line for line in lines if "#" in line]
    assert all("#1" in table[0] and len(line) <= max(columns, 36) for line in table)
    assert "99.50 %" in table[0] or columns == 20


def test_openings_of_the_test_set_are_counted(cli: Cli) -> None:
    options.RESULTS.mkdir()
    lines = ["confirm conv-0: #1; 8 seeds each", "confirm conv-0: #1; 8 seeds each", "confirm conv-01: #1", "notebook"]
    Path(options.RESULTS, LEDGER).write_text("".join(f'{{"purpose": "{line}"}}\n' for line in lines))
    assert "The test set has been opened twice." in cli("leaderboard", "conv-0").stdout
    assert words_about_the_test_set(7) == "The test set has been opened 7 times."


def test_no_study_and_no_finished_trial_exit_with_3(cli: Cli) -> None:
    assert cli("leaderboard", "none").exit_code == 3
    waiting = handmade.trial(0, periods=0, state="RUNNING")
    cli.studies["new"] = handmade.study([waiting], name="new")  # type: ignore[attr-defined]
    result = cli("leaderboard", "new")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr == "Error: Study new has no finished trial yet.\n"


def test_hostile_values_in_a_study_reach_neither_the_terminal_nor_a_spreadsheet(cli: Cli) -> None:
    study = handmade.mixed()
    reason = "\x1b]0;owned\x07[link=http://evil]x[/link]"
    trials = [replace(trial, reason=reason) for trial in study.trials if trial.number in (0, 1)]  # type: ignore[arg-type]
    cli.studies["conv-0"] = replace(study, name="=1+1\x1b[31m", trials=tuple(trials))  # type: ignore[attr-defined]
    for form in ((), ("--csv",), ("--markdown",)):
        result = cli("leaderboard", *form)
        assert result.exit_code == 0
        assert "\x1b" not in result.stdout
        assert "\x07" not in result.stdout
    assert cli("leaderboard", "--csv").stdout.splitlines()[1].startswith("'=1+1")


def test_a_study_of_two_objectives_shows_its_front(cli: Cli) -> None:
    cli.studies["two"] = handmade.two_objectives()  # type: ignore[attr-defined]
    lines = cli("leaderboard", "two").stdout.splitlines()
    header = next(index for index, line in enumerate(lines) if line.split()[:3] == ["rank", "trial", "front"])
    assert [line.split()[1:3] for line in lines[header + 1 :][:3]] == [["#1", "yes"], ["#2", "yes"], ["#4", "yes"]]
    assert "yes" not in "".join(lines[header + 4 : header + 7])
    assert any(
        line.startswith("front: 3 of 5 complete trials; no other is as accurate on as few MACs") for line in lines
    )
    (values,) = json.loads(cli("leaderboard", "two", "--json").stdout)["studies"]
    assert (values["objective"], values["front"]) == (["val_accuracy", "macs"], [1, 2, 4])
    assert [row["on_front"] for row in values["rows"]] == [True, True, True, False, False, False]


def test_a_study_of_one_objective_shows_no_front(cli: Cli) -> None:
    assert "front" not in cli("leaderboard").stdout
    (values,) = json.loads(cli("leaderboard", "--json").stdout)["studies"]
    assert (values["objective"], values["front"]) == (["val_accuracy"], [])


def test_trials_that_the_machine_ended_are_named_in_words_and_counted_under_the_digest(cli: Cli) -> None:
    cli.studies["conv-0"] = handmade.ended_by_machine()  # type: ignore[attr-defined]
    lines = cli("leaderboard").stdout.splitlines()
    assert lines[0].startswith("conv-0: 2 complete, 2 pruned of 4 trials.")
    told = "2 trials were ended by the machine, short of memory or time, which another run may not be)"
    assert lines[2].endswith(f"gives this; {told}")
    assert [line.split()[1] for line in lines if "PRUNED (timed out)" in line] == ["#3", "#2"]
    (values,) = json.loads(cli("leaderboard", "--json").stdout)["studies"]
    assert (values["external"], [row["reason"] for row in values["rows"]][2:]) == (2, ["timed_out", "timed_out"])
