"""`mnist-bench leaderboard`: what is printed, how much of it, and its data."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from search.defaults import RESULTS
from search.event_log.records import TrialRecord
from search.study.folder import StudyFolder
from support import handmade
from support.paths import TEST_LOG

Cli = Callable[..., Result]


def shown(cli: Cli, *words: str, columns: int | None = None) -> list[str]:
    return cli("leaderboard", *words, columns=columns).stdout.splitlines()


def data(cli: Cli, *words: str) -> Any:
    return json.loads(cli("leaderboard", "--json", *words).stdout)


def table(cli: Cli, *words: str) -> list[dict[str, str]]:
    return [*csv.DictReader(io.StringIO(cli("leaderboard", "--csv", *words).stdout))]


def of(cli: Any, *trials: TrialRecord) -> None:
    """Let conv-0 have these trials."""
    cli.studies["conv-0"] = handmade.study(trials)


def test_the_leaderboard_shows_ranks_intervals_ties_and_what_differs(cli: Cli) -> None:
    RESULTS.mkdir()
    purposes = [*["confirm conv-0: #1; 8 seeds each"] * 7, "confirm conv-01: #1", "notebook"]
    Path(RESULTS, TEST_LOG).write_text("".join(f'{{"purpose": "{purpose}"}}\n' for purpose in purposes))
    lines = shown(cli)
    assert lines[0].startswith("conv-0: 3 complete, 2 pruned, 1 failed, 1 paused (and 1 infeasible) of 7 trials.")
    assert "Pruning saved 8 of 36 epochs." in lines[0]
    assert lines[1].replace(" ", "") == "digest" + handmade.mixed().digest
    heading, first, second, third, *rest = lines[
        lines.index("Accuracy of 1,000 validation images, 95% intervals.") + 2 :
    ]
    assert heading.split()[-5:] == ["blocks", "filters", "lr", "→", "drops"]
    assert first.split()[:4] == ["1", "#1", "99.50%", "[98.83,"]
    assert (second.split()[:3], third.split()[:2]) == (["2", "=", "#0"], ["3", "#2"])
    paused, line, *ended = rest[:5]
    assert "PAUSED" in paused
    assert line.startswith("── ended early ──")
    assert [text.split()[1] for text in ended] == ["#4", "#3", "#6"]
    assert "rank –: not complete; PAUSED: continues when the search does." in rest
    assert rest[-3].endswith("5% level). 2 of 3 complete trials are tied:")
    assert rest[-2] == "  `mnist-bench confirm conv-0` retrains them with fresh seeds."
    assert rest[-1] == "The test set has been evaluated 7 times."


def test_the_command_that_asks_with_fresh_seeds_finds_the_study(cli: Any) -> None:
    def advised(*words: str) -> str:
        return next(line.strip() for line in shown(cli, *words) if "fresh seeds" in line)

    cli.studies["newer"] = handmade.mixed(name="newer")
    assert advised() == "`mnist-bench confirm newer` retrains them with fresh seeds."
    assert "`mnist-bench confirm newer --results 'my runs'`" in advised("--results", "my runs")
    folder = StudyFolder(Path("results/conv-0"))
    folder.path.mkdir(parents=True)
    folder.commands.write_text(json.dumps({"command": "mnist-bench search conv", "data_dir": "few.npz"}))
    assert "`mnist-bench confirm conv-0 --data few.npz`" in advised("conv-0")
    folder.commands.write_text(json.dumps({"command": "mnist-bench search conv --trials 7"}))
    assert shown(cli, "conv-0")[-1] == "`mnist-bench search conv --trials 7` resumes the search."
    of(cli, handmade.trial(0, range(5)))
    assert "resumes the search" not in cli("leaderboard", "conv-0").stdout


def test_long_leaderboards_are_cut_for_people_and_whole_as_data(cli: Cli) -> None:
    of(cli, *(handmade.trial(n, range(n)) for n in range(15)))
    for words, rows in (((), 10), (("--all",), 15), (("--top", "2"), 2), (("--top", "12"), 12)):
        assert sum(" #" in line for line in shown(cli, *words)) == rows
    hint = "13 more; `mnist-bench leaderboard conv-0 --top 15 --results 'my runs'` shows all."
    assert hint in shown(cli, "--top", "2", "--results", "my runs")
    assert sum("#" in line for line in shown(cli, "--markdown")) == len(data(cli)["rows"]) == len(table(cli)) == 15
    assert (data(cli, "--top", "2")["hidden"], len(table(cli, "--top", "2"))) == (13, 2)


def test_data_hold_true_parameters_in_columns_that_do_not_depend_on_what_is_shown(cli: Any) -> None:
    cli.studies["conv-0"].spec["space"]["fields"] = [
        ["optim.momentum", {"float": [0.5, 0.9], "step": None, "log": False}]
    ]
    values = data(cli)
    (study,), rows = values["studies"], values["rows"]
    assert (values["schema_version"], values["hidden"], study["digest"]) == (2, 0, cli.studies["conv-0"].digest)
    assert study["counts"] == {"complete": 3, "pruned": 2, "failed": 1, "running": 1, "infeasible": 1}
    known = {"study": "conv-0", "rank": 1, "number": 1, "accuracy": 0.995, "errors": 5, "seed": 101}
    assert rows[0].items() >= known.items()
    assert "curve" not in rows[0]
    assert [row["params"] for row in rows[:2]] == [{"optim.lr": 0.0093, "model.blocks": 3}, {"optim.lr": 0.01}]
    tables = [shown(cli, "--csv", *more) for more in ((), ("--top", "1"), ("--all",))]
    assert ({table[0] for table in tables}, [*map(len, tables)]) == ({tables[0][0]}, [8, 2, 9])
    first, second, *_ = table(cli)
    assert {"excess.macs", "optim.lr", "model.blocks", "optim.momentum"} == {*list(first)[-4:]}, "of no trial, too"
    assert (first["accuracy"], first["model.blocks"], second["model.blocks"]) == ("0.995", "3", "")
    (row,) = data(cli, "--learning-curves", "--top", "1")["rows"]
    assert row["curve"][1] == {
        "period": 2, "epoch": 2.0, "train_loss": 0.25, "val_loss": 0.025, "errors": 5, "value": 0.995, "seconds": 1.5
    }  # fmt: skip
    periods = [(each["number"], each["period"]) for each in table(cli, "--learning-curves")]
    assert periods[:7] == [*(("1", str(period)) for period in range(1, 7)), ("0", "1")]
    assert len(periods) == 6 * 3 + 3 + 1 + 2


@pytest.mark.parametrize("foreign", [False, True])
def test_all_shows_infeasible_trials_with_what_they_exceed_and_hints_list_them_too(cli: Any, foreign: bool) -> None:
    study, constraint = handmade.mixed(), "lr <= 0.01 * momentum"
    missed = replace(study.trials[5], constraints={"macs": 2_500_000.0, "hours": 0.25, constraint: 0.125})
    study = replace(study, trials=(*study.trials[:5], missed, *study.trials[6:]))
    if foreign:
        study = replace(study, spec={**study.spec, "context": {"trainer": {"factory": "a:b"}}})
    cli.studies["conv-0"] = study
    (row,) = [line for line in shown(cli, "--all") if " #5 " in line]
    assert "PRUNED (infeasible)" in row
    assert f"2.5M MACs, 0.25 hours, 0.125 ({constraint})" in row
    assert " #5 " not in cli("leaderboard").stdout
    last = data(cli, "--all")["rows"][-1]
    assert (last["number"], last["reason"], last["excess"]) == (5, "infeasible", missed.constraints)
    words = " ".join(cli("leaderboard", "--all", "--top", "3", columns=50).stdout.split())
    assert "5 more; `mnist-bench leaderboard conv-0 --all --top 8` shows all." in words
    assert "`mnist-bench leaderboard conv-0 --all --wide`" in words
    assert "--all" not in cli("leaderboard", "--top", "3", columns=50).stdout
    of(cli, missed)
    refused = cli("leaderboard")
    assert refused.exit_code == 3
    assert "`mnist-bench leaderboard conv-0 --all` lists those that were not trained" in refused.stderr


def test_signs_that_occur_are_explained_and_no_others(cli: Cli) -> None:
    params = {"optim.drops": 1, "model.batchnorm": "after_pool"}
    of(cli, handmade.trial(0, range(5)), handmade.trial(1, range(6), params=params))
    printed, below = shown(cli), shown(cli, "--markdown")
    assert not any("──" in line or "PAUSED" in line for line in printed)
    (line,) = [line for line in printed if line.startswith("params: running statistics of batchnorm included; ")]
    assert line.endswith("lr →×drop_factor@epochs of the drops.")
    assert line in below
    rows = [line for line in below if line.startswith("|")]
    assert (len(rows), len({line.count(" | ") for line in rows})) == (4, 1)


def test_the_default_fits_24_lines_of_80_columns_with_the_prompt(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = [{"optim.lr": 0.01 * n, "model.blocks": n % 4, "augment.rotation_degrees": 1.0 * n} for n in range(1, 31)]
    of(cli, *(handmade.trial(n, range(n), params=params) for n, params in enumerate(shapes)))
    for name, value in (("FORCE_COLOR", "1"), ("NO_COLOR", "1"), ("LINES", "24")):
        monkeypatch.setenv(name, value)
    lines = shown(cli, columns=80)
    assert len(lines) == 23
    assert f"{30 - sum(' #' in line for line in lines)} more; " in " ".join(lines)
    monkeypatch.setenv("LINES", "5")
    assert sum(" #" in line for line in shown(cli, columns=80)) == 3
    assert sum(" #" in line for line in shown(cli, "--top", "12", columns=80)) == 12


def test_the_front_of_a_study_that_has_ended_is_offered_to_confirm(cli: Any) -> None:
    cli.studies["two"] = handmade.two_objectives()
    offered = "  `mnist-bench confirm two --front` trains the front with fresh seeds."
    assert offered in shown(cli)
    assert data(cli)["studies"][0]["confirmed_front"] is None
    cli.studies["two"] = replace(handmade.two_objectives(), live=True)
    assert offered not in shown(cli)


def test_two_studies_are_one_table(cli: Any) -> None:
    cli.studies["other"] = handmade.mixed(name="other")
    names = ("conv-0", "other")
    lines = shown(cli, *names, "conv-0", "--top", "3", "--all", "--results", "mine")
    assert "13 more; `mnist-bench leaderboard conv-0 other --all --top 16 --results mine` shows all." in lines
    values = data(cli, *names, "--top", "3")
    assert [(row["study"], row["rank"]) for row in values["rows"]] == [("conv-0", 1), ("other", 1), ("conv-0", 2)]
    assert [row["study"] for row in table(cli, *names)] == [*names] * 7
    periods = table(cli, *names, "--learning-curves")
    assert [(each["study"], each["period"]) for each in periods[5:7]] == [("conv-0", "6"), ("other", "1")]
