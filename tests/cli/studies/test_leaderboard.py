from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from mnist_bench.cli import options
from mnist_bench.leaderboard.board_table import test_set_line as words_about_the_test_set
from search.study.folder import StudyFolder
from support import handmade
from support.paths import LEDGER

Cli = Callable[..., Result]


def shown(cli: Cli, *words: str, columns: int | None = None) -> list[str]:
    result: Result = cli("leaderboard", *words, columns=columns)
    return result.stdout.splitlines()


def data(cli: Cli, *words: str) -> Any:
    return json.loads(cli("leaderboard", "--json", *words).stdout)


def table(cli: Cli, *words: str) -> list[dict[str, str]]:
    return [*csv.DictReader(io.StringIO(cli("leaderboard", "--csv", *words).stdout))]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands print for a terminal, without colour."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")


def test_the_leaderboard_shows_ranks_intervals_ties_and_what_differs(cli: Cli) -> None:
    result = cli("leaderboard")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith("conv-0: 3 complete, 2 pruned, 1 failed, 1 paused (and 1 infeasible) of 7 trials.")
    assert "Pruning saved 8 of 36 epochs." in lines[0]
    assert lines[1].replace(" ", "") == "digest" + handmade.mixed().digest
    above = next(place for place, line in enumerate(lines) if line.startswith("rank"))
    assert lines[above - 2 : above] == ["Accuracy of 1,000 validation images, 95% intervals.", ""]
    header = next(line for line in lines if line.split()[:2] == ["rank", "trial"])
    assert header.split()[-5:] == ["blocks", "filters", "lr", "→", "drops"]
    first, second, third = lines[lines.index(header) + 1 :][:3]
    assert first.split()[:4] == ["1", "#1", "99.50%", "[98.83,"]
    assert second.split()[:3] == ["2", "=", "#0"]
    assert third.split()[:2] == ["3", "#2"]
    tie = "= not significantly different from the first (paired test, Holm-corrected, 5% level). "
    index = lines.index(f"{tie}2 of 3 complete trials are tied:")
    assert lines[index + 1] == "  `mnist-bench confirm conv-0` retrains them with fresh seeds."
    assert lines[-1] == "The test set has not been evaluated."


def test_the_command_that_asks_with_fresh_seeds_finds_the_study(cli: Cli) -> None:
    def advised(*words: str) -> str:
        return next(line.strip() for line in shown(cli, *words) if "fresh seeds" in line)

    cli.studies["newer"] = handmade.mixed(name="newer")  # type: ignore[attr-defined]
    assert advised() == "`mnist-bench confirm newer` retrains them with fresh seeds."
    assert advised("conv-0") == "`mnist-bench confirm conv-0` retrains them with fresh seeds."
    command = "mnist-bench confirm newer --results 'my runs'"
    assert advised("--results", "my runs") == f"`{command}` retrains them with fresh seeds."
    folder = StudyFolder(Path("results/conv-0"))
    folder.path.mkdir(parents=True)
    folder.commands.write_text(json.dumps({"command": "mnist-bench search conv", "data_dir": "few.npz"}))
    assert advised("conv-0") == "`mnist-bench confirm conv-0 --data few.npz` retrains them with fresh seeds."


def test_top_cuts_the_table_and_the_line_below_says_what_shows_all(cli: Cli) -> None:
    lines = shown(cli, "--top", "2")
    assert sum("#" in line for line in lines) == 2
    assert "5 more; `mnist-bench leaderboard conv-0 --top 7` shows all." in lines
    command = "mnist-bench leaderboard conv-0 --top 7 --results 'my runs'"
    assert f"5 more; `{command}` shows all." in shown(cli, "--top", "2", "--results", "my runs")


def test_long_leaderboards_are_cut_for_people_and_whole_as_data(cli: Cli) -> None:
    cli.studies["conv-0"] = handmade.study([handmade.trial(n, range(n)) for n in range(15)])  # type: ignore[attr-defined]
    assert sum("#" in line for line in shown(cli)) == 10
    assert sum("#" in line for line in shown(cli, "--all")) == 15
    cli("leaderboard", "--output", "trials.md")
    assert sum("#" in line for line in Path("trials.md").read_text().splitlines()) == 15
    assert len(data(cli)["studies"][0]["rows"]) == len(table(cli)) == 15


def test_json(cli: Cli) -> None:
    values = data(cli)
    assert values["schema_version"] == 2
    (study,) = values["studies"]
    assert study["digest"] == handmade.mixed().digest
    assert study["counts"] == {"complete": 3, "pruned": 2, "failed": 1, "running": 1, "infeasible": 1}
    best = study["rows"][0]
    assert (best["rank"], best["number"], best["accuracy"], best["errors"]) == (1, 1, 0.995, 5)
    assert best["settings"]["blocks"] == "3"


def test_csv_of_two_studies_names_each_rows_study(cli: Cli) -> None:
    cli.studies["other"] = handmade.mixed(name="other")  # type: ignore[attr-defined]
    rows = table(cli, "conv-0", "other")
    assert [row["study"] for row in rows] == ["conv-0", "other"] * 7
    assert [row["rank"] for row in rows[:7]] == ["1", "1", "2", "2", "3", "3", ""]
    assert rows[0]["accuracy"] == "0.995"
    assert rows[0]["optim.lr"] == "0.0093"


def test_data_hold_true_parameters_in_columns_that_do_not_depend_on_what_is_shown(cli: Cli) -> None:
    (study,) = data(cli)["studies"]
    assert [row["params"] for row in study["rows"][:2]] == [{"optim.lr": 0.0093, "model.blocks": 3}, {"optim.lr": 0.01}]
    assert [row["seed"] for row in study["rows"][:2]] == [101, 100]
    assert "curve" not in study["rows"][0]
    tables = [shown(cli, "--csv", *more) for more in ((), ("--top", "1"), ("--all",))]
    assert len({table[0] for table in tables}) == 1
    assert [len(table) for table in tables] == [8, 2, 9]
    first, second, *_ = table(cli)
    assert list(first)[-3:] == ["excess.macs", "optim.lr", "model.blocks"]
    assert (first["model.blocks"], second["model.blocks"]) == ("3", "")


def test_ranges_that_no_trial_has_are_columns_too(cli: Cli) -> None:
    study = handmade.mixed()
    study.spec["space"]["fields"] = [["optim.momentum", {"float": [0.5, 0.9], "step": None, "log": False}]]
    cli.studies["conv-0"] = study  # type: ignore[attr-defined]
    assert "optim.momentum" in next(csv.reader(io.StringIO(cli("leaderboard", "--csv").stdout)))


def test_all_shows_infeasible_trials_with_what_they_exceed(cli: Cli) -> None:
    (study,) = data(cli, "--all")["studies"]
    last = study["rows"][-1]
    assert (last["number"], last["reason"], last["excess"], last["accuracy"]) == (5, "infeasible", {"macs": 5.0}, None)
    (row,) = [line for line in shown(cli, "--all") if " #5 " in line]
    assert "PRUNED (infeasible)" in row
    assert "5 MACs" in row
    assert "over its limit by" not in cli("leaderboard").stdout
    over = handmade.trial(0, periods=0, reason="infeasible", constraints={"macs": 2_500_000.0, "hours": 0.25})
    cli.studies["conv-0"] = handmade.study([over])  # type: ignore[attr-defined]
    assert "2.5M MACs, 0.25 hours" in cli("leaderboard", "--all").stdout


@pytest.mark.parametrize("foreign", [False, True])
def test_where_infeasible_trials_are_listed_the_hints_list_them_too(cli: Cli, foreign: bool) -> None:
    if foreign:
        study = handmade.mixed()
        cli.studies["conv-0"] = replace(study, spec={**study.spec, "context": {"trainer": {"factory": "a:b"}}})  # type: ignore[attr-defined]
    words = " ".join(cli("leaderboard", "--all", "--top", "3", columns=50).stdout.split())
    assert "5 more; `mnist-bench leaderboard conv-0 --all --top 8` shows all." in words
    assert "`mnist-bench leaderboard conv-0 --all --wide`" in words
    assert "--all" not in cli("leaderboard", "--top", "3", columns=50).stdout


def test_curves_are_lists_in_json_and_a_row_a_period_in_csv(cli: Cli) -> None:
    (study,) = data(cli, "--learning-curves", "--top", "1")["studies"]
    (row,) = study["rows"]
    assert row["curve"][1] == {
        "period": 2, "epoch": 2.0, "train_loss": 0.25, "val_loss": 0.025, "errors": 5, "value": 0.995, "seconds": 1.5
    }  # fmt: skip
    periods = table(cli, "--learning-curves")
    assert [(period["number"], period["period"]) for period in periods[:7]] == [
        *[("1", str(number)) for number in range(1, 7)], ("0", "1")
    ]  # fmt: skip
    assert len(periods) == 6 * 3 + 3 + 1 + 2


def test_what_differs_most_among_the_tied_trials_comes_first(cli: Cli) -> None:
    shapes = [({"optim.lr": 0.01, "model.blocks": 2}, range(5)), ({"optim.lr": 0.02, "model.blocks": 2}, range(6))]
    far = {"optim.lr": 0.01, "model.blocks": 3}
    trials = [handmade.trial(n, wrong, params=params) for n, (params, wrong) in enumerate([*shapes, (far, range(300))])]
    cli.studies["conv-0"] = handmade.study(trials)  # type: ignore[attr-defined]
    header = next(line for line in shown(cli) if line.startswith("rank"))
    assert header.split()[-5:] == ["lr", "→", "drops", "blocks", "filters"]


def test_signs_that_occur_are_explained_and_no_others(cli: Cli) -> None:
    lines = shown(cli)
    assert "rank –: not complete; PAUSED: continues when the search does." in lines
    drops = {"optim.drops": 1, "augment.rotation_degrees": 5.0, "model.batchnorm": "after_pool"}
    trials = [handmade.trial(0, range(5)), handmade.trial(1, range(6), params={**drops, "model.block_dropout": 0.1})]
    cli.studies["conv-0"] = handmade.study(trials)  # type: ignore[attr-defined]
    printed = shown(cli)
    (line,) = [line for line in printed if line.startswith("params: running statistics")]
    assert line.split("; ")[0] == "params: running statistics of batchnorm included"
    assert sorted(line[:-1].split("; ")[1:]) == [
        "augment: rotation_degrees",
        "batchnorm after_pool: before the activation, at a block's end between pool and activation",
        "dropout: block_dropout",
        "lr →×drop_factor@epochs of the drops",
    ]
    assert line in shown(cli, "--markdown")


def test_markdown(cli: Cli) -> None:
    lines = shown(cli, "--markdown")
    rows = [line for line in lines if line.startswith("|")]
    assert rows[0].startswith("| rank | trial | validation |")
    assert len({line.count(" | ") for line in rows}) == 1
    assert len(rows) == 10
    assert lines[1].startswith("digest ")
    assert lines[-1].startswith("The test set has")


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("columns", [20, 40, 50, 60, 80, 100, 120, 140])
def test_in_a_narrow_terminal_rank_trial_accuracy_and_then_the_end_remain(cli: Cli, columns: int) -> None:
    lines = shown(cli, columns=columns)
    assert all(len(line) <= columns or line.startswith("\x1b") for line in lines)
    first = next(index for index, line in enumerate(lines) if "#1" in line)
    assert "99.50%" in "".join(lines[first : first + 2])
    assert any("columns do not fit: " in line for line in lines) == (20 < columns < 120)
    assert max(map(len, shown(cli, "--wide", columns=columns))) > 100
    if columns >= 50:
        names = next(line for line in lines if "rank" in line and "trial" in line).split()
        settings = [names.index(name) for name in ("blocks", "filters", "lr") if name in names]
        assert bool(settings) == (columns >= 100)
        assert all(names.index("state") < names.index("epochs") < setting for setting in settings)
    if columns == 80:
        (row,) = [line for line in lines if " #7 " in line]
        assert "PAUSED 2/6" in " ".join(row.split())
        assert "PAUSED: continues when the search does." in " ".join(lines)


def test_trials_that_may_continue_stand_above_a_line(cli: Cli) -> None:
    lines = shown(cli)
    (line,) = [place for place, text in enumerate(lines) if text.startswith("── ended early ──")]
    assert "PAUSED" in lines[line - 1]
    assert [text.split()[1] for text in lines[line + 1 : line + 4]] == ["#4", "#3", "#6"]
    ruled = shown(cli, "--markdown")
    (row,) = [place for place, text in enumerate(ruled) if text.startswith("| ── ended early |")]
    assert ruled[row].count("|") == ruled[row - 1].count("|")
    cli.studies["done"] = handmade.study([handmade.trial(0, range(5)), handmade.trial(1, range(6), periods=1)])  # type: ignore[attr-defined]
    assert "──" not in cli("leaderboard", "done").stdout


@pytest.mark.usefixtures("terminal")
def test_the_default_fits_24_lines_of_80_columns_with_the_prompt(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = [{"optim.lr": 0.01 * n, "model.blocks": n % 4, "augment.rotation_degrees": 1.0 * n} for n in range(1, 31)]
    trials = [handmade.trial(n, range(n), params=params) for n, params in enumerate(shapes)]
    cli.studies["conv-0"] = handmade.study(trials)  # type: ignore[attr-defined]
    monkeypatch.setenv("LINES", "24")
    lines = shown(cli, columns=80)
    assert len(lines) == 23
    assert f"{30 - sum(' #' in line for line in lines)} more; " in " ".join(lines)
    monkeypatch.setenv("LINES", "5")
    assert sum(" #" in line for line in shown(cli, columns=80)) == 3
    assert sum(" #" in line for line in shown(cli, "--top", "12", columns=80)) == 12


def test_openings_of_the_test_set_are_counted(cli: Cli) -> None:
    options.RESULTS.mkdir()
    lines = ["confirm conv-0: #1; 8 seeds each", "confirm conv-0: #1; 8 seeds each", "confirm conv-01: #1", "notebook"]
    Path(options.RESULTS, LEDGER).write_text("".join(f'{{"purpose": "{line}"}}\n' for line in lines))
    assert "The test set has been evaluated twice." in cli("leaderboard", "conv-0").stdout
    assert words_about_the_test_set(7) == "The test set has been evaluated 7 times."


def test_hostile_values_in_a_study_reach_neither_the_terminal_nor_a_spreadsheet(cli: Cli) -> None:
    study = handmade.mixed()
    reason = "=1+1\x1b]0;owned\x07[link=http://evil]x[/link]"
    trials = [replace(trial, reason=reason) for trial in study.trials if trial.number in (0, 1)]  # type: ignore[arg-type]
    cli.studies["conv-0"] = replace(study, trials=tuple(trials))  # type: ignore[attr-defined]
    for form in ((), ("--csv",), ("--markdown",)):
        result = cli("leaderboard", *form)
        assert result.exit_code == 0
        assert "\x1b" not in result.stdout
        assert "\x07" not in result.stdout
    assert table(cli)[0]["reason"].startswith("'=1+1")


def test_a_study_of_two_objectives_shows_its_front(cli: Cli) -> None:
    cli.studies["two"] = handmade.two_objectives()  # type: ignore[attr-defined]
    lines = shown(cli, "two")
    header = next(index for index, line in enumerate(lines) if line.split()[:3] == ["rank", "trial", "front"])
    assert [line.split()[1:3] for line in lines[header + 1 :][:3]] == [["#1", "yes"], ["#2", "yes"], ["#4", "yes"]]
    assert "yes" not in "".join(lines[header + 4 : header + 7])
    assert any(
        line.startswith("front: 3 of 5 complete trials; no other is as accurate on as few MACs") for line in lines
    )
    assert "  `mnist-bench confirm two --front` trains the front with fresh seeds." in lines
    (values,) = data(cli, "two")["studies"]
    assert (values["objective"], values["front"]) == (["val_accuracy", "macs"], [1, 2, 4])
    assert [row["on_front"] for row in values["rows"]] == [True, True, True, False, False, False]
    assert not any("front" in line for line in shown(cli, "conv-0"))
    (values,) = data(cli, "conv-0")["studies"]
    assert (values["objective"], values["front"]) == (["val_accuracy"], [])


def test_a_front_that_is_still_searched_is_not_to_be_confirmed(cli: Cli) -> None:
    cli.studies["two"] = replace(handmade.two_objectives(), live=True)  # type: ignore[attr-defined]
    assert "confirm two --front" not in cli("leaderboard", "two").stdout


def test_trials_that_the_machine_ended_are_named_in_words_and_counted_under_the_digest(cli: Cli) -> None:
    cli.studies["conv-0"] = handmade.ended_by_machine()  # type: ignore[attr-defined]
    lines = shown(cli)
    assert lines[0].startswith("conv-0: 2 complete, 2 pruned of 4 trials.")
    told = "2 trials were ended by the machine (out of memory or time), which may not happen in another run)"
    assert lines[2].endswith(f"gives this; {told}")
    assert [line.split()[1] for line in lines if "PRUNED (timed out)" in line] == ["#3", "#2"]
    (values,) = data(cli)["studies"]
    assert (values["external"], [row["reason"] for row in values["rows"]][2:]) == (2, ["timed_out", "timed_out"])


def test_trials_that_stopped_ahead_of_the_best_say_so(cli: Cli) -> None:
    cli.studies["conv-0"] = handmade.ended_early()  # type: ignore[attr-defined]
    lines = shown(cli)
    assert lines[0].startswith(
        "conv-0: 1 complete, 3 pruned, 1 paused of 9 trials. Stopped early by --patience 3: 3 trials ended since #0 "
    )
    assert any(re.search(r"#0 +99\.00% \[98\.17, 99\.46\] +10 +COMPLETE", line) for line in lines)  # of 1,000 images
    assert [line.split()[1] for line in lines if re.search("(PRUNED|PAUSED), ahead ", line)] == ["#2", "#1"]
    assert (
        "ahead: stopped early, ahead of #0 at the same epoch: #2, #1. With more training, one of them might lead."
    ) in lines
    rows = table(cli)
    assert {row["number"]: (row["ahead"], row["first_then"]) for row in rows}["1"] == ("True", "0.9")
    (study,) = data(cli)["studies"]
    assert (study["ahead"], study["stop"]["rule"]) == ([2, 1], "patience")
    assert [row["number"] for row in study["rows"] if row["ahead"]] == [2, 1]


def test_two_studies_are_one_table(cli: Cli) -> None:
    cli.studies["other"] = handmade.mixed(name="other")  # type: ignore[attr-defined]
    lines = shown(cli, "conv-0", "other", "--top", "3", "--all")
    assert lines[0].startswith("conv-0, other: 6 complete, ")
    header = next(place for place, line in enumerate(lines) if line.startswith("study"))
    assert [line.split()[0] for line in lines[header + 1 : header + 4]] == ["conv-0", "other", "conv-0"]
    assert "13 more; `mnist-bench leaderboard conv-0 other --all --top 16` shows all." in lines
    values = data(cli, "conv-0", "other", "--top", "3")
    assert [study["study"] for study in values["studies"]] == ["conv-0", "other"]
    assert [(row["study"], row["rank"]) for row in values["rows"]] == [("conv-0", 1), ("other", 1), ("conv-0", 2)]
    heads = [line for line in shown(cli, "conv-0", "other", "--markdown") if "|" in line]
    assert heads[0].startswith("| study | rank | trial |")
    periods = table(cli, "conv-0", "other", "--learning-curves")
    assert [(each["study"], each["period"]) for each in periods[5:7]] == [("conv-0", "6"), ("other", "1")]


def test_a_file_has_the_format_of_its_name(cli: Cli) -> None:
    for ending in ("csv", "json", "md"):
        result = cli("leaderboard", "--output", f"trials.{ending}", "--all")
        assert (result.exit_code, result.stdout, result.stderr) == (0, "", f"Wrote trials.{ending}.\n")
    assert Path("trials.csv").read_bytes().decode() == cli("leaderboard", "--csv", "--all").stdout_bytes.decode()
    assert Path("trials.json").read_text() == cli("leaderboard", "--json", "--all").stdout
    assert Path("trials.md").read_text() == cli("leaderboard", "--markdown", "--all").stdout
    cli("leaderboard", "--output", "curves.csv", "--learning-curves")
    assert Path("curves.csv").read_bytes() == cli("leaderboard", "--csv", "--learning-curves").stdout_bytes


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ("conv-0 elsewhere", 2, "Studies of different objectives are not in one leaderboard. conv-0: "),
        ("new", 3, "Study new has no finished trial yet.\n"),
        ("--json --csv", 2, "Give one of --json and --csv.\n"),
        ("--learning-curves", 2, "--learning-curves needs --json, --csv, or --output FILE.json or .csv.\n"),
        ("--output trials.xlsx", 2, "trials.xlsx: the name has to end with .csv, .json or .md"),
        ("none", 3, "No study none in results"),
        (
            "--output trials.csv --json",
            2,
            "--output trials.csv: the name of the file chooses the format; leave --json out.\n",
        ),
    ],
)
def test_what_cannot_be_shown_is_refused(cli: Cli, words: str, code: int, sentence: str) -> None:
    study = handmade.mixed(name="elsewhere")
    context = {**study.spec["context"], "data": {**study.spec["context"]["data"], "split_hash": "f" * 64}}
    waiting = handmade.study([handmade.trial(0, periods=0, state="RUNNING")], name="new")
    cli.studies |= {"elsewhere": replace(study, spec={**study.spec, "context": context}), "new": waiting}  # type: ignore[attr-defined]
    cli.studies["conv-0"] = cli.studies.pop("conv-0")  # type: ignore[attr-defined]  # the latest
    result = cli("leaderboard", *words.split())
    assert result.exit_code == code
    assert result.stderr.startswith(f"Error: {sentence}")
    assert "--json" in words or result.stdout == ""
    assert not Path("trials.csv").exists()


def test_a_paused_study_names_the_command_that_resumes_it(cli: Cli) -> None:
    assert "resumes the search" not in cli("leaderboard").stdout
    folder = StudyFolder(Path("results/conv-0"))
    folder.path.mkdir(parents=True)
    folder.commands.write_text(json.dumps({"command": "mnist-bench search conv --trials 7"}))
    assert shown(cli)[-1] == "`mnist-bench search conv --trials 7` resumes the search."
    cli.studies["conv-0"] = handmade.study([handmade.trial(0, range(5))])  # type: ignore[attr-defined]
    assert "resumes the search" not in cli("leaderboard").stdout
