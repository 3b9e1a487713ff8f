from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from mnist_bench import cells
from mnist_bench.cli.app import app
from mnist_bench.cli.show import sentences
from mnist_bench.config.values import from_json
from mnist_bench.space_files import space_sources
from mnist_bench.studies import record
from search.driver.replay import Explanation
from search.event_log.records import StudyRecord, TrialRecord
from search.files import atomic_write
from search.proposals.choice import Why
from search.space.space import Space
from search.space.yaml_text import parse
from search.strategies.samplers import Origin
from search.study.folder import StudyFolder
from support import canned, handmade

Cli = Callable[..., Result]


def test_a_study_shows_counts_fingerprint_digest_and_specification(cli: Cli) -> None:
    printed = cli("show", "--all").stdout
    assert "conv-0: 3 complete" in printed
    assert "best         #1  99.50%" in printed
    for text in ("fingerprint  ", "digest       ", "sampler\n  name: tpe\n", "  precision: bf16", "seed: 0"):
        assert text in printed
    values = json.loads(cli("show", "conv-0", "--json").stdout)
    assert (values["schema_version"], values["study"], values["totals"]) == (2, "conv-0", [7])
    assert values["spec"] == handmade.spec()
    assert len(values["fingerprint"]) == 64


def test_a_study_stands_on_one_screen(cli: Any) -> None:
    study = handmade.mixed()
    fields = list(space_sources.load("conv").to_spec()["fields"])
    study.spec["space"]["fields"] = fields
    numerics = {**study.spec["numerics"], "cpu": "Abacus", "gpu": None}
    cli.studies["conv-0"] = replace(study, spec={**study.spec, "numerics": numerics})
    folder = StudyFolder(Path("results/conv-0"))
    folder.weights.mkdir(parents=True)
    for file in (folder.weights_of(1), folder.report):
        atomic_write(file, b"")
    typed = b'{"command": "mnist-bench search conv --trials 7", "data_dir": null}\n'
    from_python = b'{"command": null, "data_dir": "/data", "net": null}\n'
    atomic_write(folder.commands, from_python + typed)
    lines = cli("show", columns=120).stdout.splitlines()
    assert len(lines) <= 40
    assert lines[0].startswith("conv-0: 3 complete")
    assert (
        lines[1]
        == "finding   Two trials tie for the best so far, 99.40 to 99.50%; the cheapest is trial 0 with 30k parameters."
    )
    assert lines[2] == "best      #1  99.50% [98.83, 99.79]  61.2k parameters, 2.1M MACs"
    assert lines[3].startswith("          3 blocks, ")
    assert "machine   Abacus, bf16, optuna 5.0.0" in lines
    assert "time      36 s of training" in lines
    assert "weights   results/conv-0/weights/1.safetensors" in lines
    assert "report    results/conv-0/report.html" in lines
    assert "typed     mnist-bench search conv --trials 7" in lines
    table = lines[lines.index("") + 1 :]
    assert table[0].split() == ["hyperparameter", "trial", "1", "place", "range"]
    (rate,) = [line.split() for line in table if line.startswith("optim.lr ")]
    assert rate[1] == "0.0093"
    assert lines[-1] == "The whole specification: `mnist-bench show conv-0 --all`."


def test_a_study_without_a_complete_trial_stands_on_one_screen(cli: Any) -> None:
    cli.studies["new"] = handmade.study([handmade.trial(0, range(90), periods=1)], name="new")
    lines = cli("show").stdout.splitlines()
    assert lines[1] == "finding   No trial is complete, so there is no best one: 1 of 1 trials have ended."
    assert not any(line.startswith("best") for line in lines)


@pytest.mark.parametrize("foreign", [False, True])
def test_the_finding_of_a_study_all_of_whose_trials_failed_is_the_first_error(cli: Any, foreign: bool) -> None:
    study = handmade.study(
        [handmade.trial(n, periods=0, state="FAIL", error=f"Traceback\nNameError: no x{n}") for n in range(3)]
    )
    if foreign:
        study = replace(study, spec={**study.spec, "context": {"trainer": {"factory": "a:b"}}})
    cli.studies["conv-0"] = study
    assert cli("show", "conv-0").stdout.splitlines()[1] == (
        "finding   Every trial of conv-0 that was not pruned failed; the first one: NameError: no x0. "
        "`mnist-bench show conv-0/0` shows the whole error."
    )


def finding(cli: Any, *trials: TrialRecord) -> str:
    """Return what `show` finds about a study of these trials."""
    cli.studies["conv-0"] = handmade.study(trials)
    lines = cli("show", columns=120).stdout.splitlines()
    best = next(place for place, line in enumerate(lines) if line.startswith("best "))
    return " ".join(line[len("finding   ") :] for line in lines[1:best])


def test_the_finding_claims_no_test_that_was_not_made(cli: Cli) -> None:
    first, far = handmade.trial(0, range(5)), handmade.trial(1, range(100, 160))
    pruned = handmade.trial(2, range(90), periods=1)
    right = "it gets 99.50% of the 1,000 validation images right (95% interval 98.83 to 99.79%)."
    assert finding(cli, first, pruned) == f"Trial 0 is the only complete trial: {right}"
    assert finding(cli, first, far, pruned) == f"Trial 0 is the best of 2 complete trials: {right}"


def test_the_time_says_how_many_trained_at_once(cli: Any) -> None:
    runs = [[(worker, 60.0 * n, 60.0, 60.0 * n + 60) for n in range(handmade.EPOCHS)] for worker in range(2)]
    cli.studies["conv-0"] = handmade.study([handmade.trial(n, range(9), runs=runs[n]) for n in range(2)])
    assert "time      6 min, 2 trainings at a time; 12 min of training" in cli("show").stdout.splitlines()


def test_a_trial_shows_every_setting_its_curve_and_its_hashes(cli: Cli) -> None:
    result = cli("show", "conv-0/1")
    lines = result.stdout.splitlines()
    assert lines[0] == "conv-0/1  COMPLETE  99.50% [98.83, 99.79]"
    assert " * optim.lr: 0.0093" in lines
    assert "   optim.batch_size: 128" in lines
    assert "parameters: 61234" in lines
    curve = lines[lines.index("") :]
    assert curve[-7].split() == ["epoch", "train_loss", "val_loss", "errors", "accuracy", "time", "weights"]
    weights = [report.weights for report in handmade.mixed().trials[1].reports]
    assert [line.split()[-1] for line in curve if line.split() and line.split()[-1] in weights] == weights


def test_whatever_a_trainer_measured_is_a_column(cli: Any) -> None:
    trial = handmade.trial(0, range(handmade.EPOCHS))
    reports = [replace(report, measured={**report.measured, "peak": 5.0}) for report in trial.reports]
    cli.studies["conv-0"] = handmade.study([replace(trial, reports=tuple(reports))])
    heading, *lines = cli("show", "conv-0/0").stdout.splitlines()[-handmade.EPOCHS - 1 :]
    assert heading.split()[-2:] == ["peak", "weights"]
    assert [line.split()[-2] for line in lines] == ["5"] * handmade.EPOCHS


def test_a_trials_json_is_the_record_that_reproduce_reads(cli: Cli) -> None:
    study = handmade.mixed()
    text = cli("show", "conv-0/3", "--json").stdout
    assert record.parse(text, "stdout") == record.record_of(study, study.trials[3])


@pytest.mark.parametrize(
    ("number", "line"),
    [
        (2, "conv-0/2  PRUNED (timed out)  –"),
        (2, "  Training took more than 60 s (--trial-timeout)."),
        (5, "limit exceeded: macs by 5"),
        (6, "  ValueError: no [bold]luck[/bold]"),
    ],
)
def test_a_trial_that_is_not_complete_says_what_ended_it(cli: Any, number: int, line: str) -> None:
    if number == 2:
        cli.studies["conv-0"] = handmade.ended_by_machine()
    assert line in cli("show", f"conv-0/{number}").stdout.splitlines()


def test_the_json_of_a_trial_without_a_period_says_how_it_ended_and_is_no_record(cli: Cli) -> None:
    printed = cli("show", "conv-0/5", "--json").stdout
    values = json.loads(printed)
    assert (values["schema_version"], values["study"], values["number"]) == (2, "conv-0", 5)
    assert (values["state"], values["reason"], values["params"]) == ("PRUNED", "infeasible", {})
    assert (values["constraints"], values["excess"]) == ({"macs": 5.0}, {"macs": 5.0})
    refused = cli("reproduce", "-", stdin=printed)
    assert refused.exit_code == 2
    assert refused.stderr.startswith("Error: stdin: not a record of a trial (")
    crashed = json.loads(cli("show", "conv-0/6", "--json").stdout)
    assert (crashed["state"], crashed["excess"]) == ("FAIL", {})
    assert crashed["error"].endswith("ValueError: no [bold]luck[/bold]")


def test_an_infeasible_trial_shows_the_constraint(cli: Any) -> None:
    study, constraint = handmade.mixed(), "lr <= 0.01 * momentum"
    fields = {"optim.lr": {"float": [0.0, 1.0]}, "optim.momentum": {"value": 0.9}}
    study.spec["space"].update(settings={"constraints": [constraint]}, fields=[*map(list, fields.items())])
    missed = replace(study.trials[5], constraints={"macs": -5.0, constraint: 0.125})
    cli.studies["conv-0"] = replace(study, trials=(*study.trials[:5], missed))
    lines = cli("show", "conv-0/5").stdout.splitlines()
    assert "constraint not met: lr <= 0.01 * momentum by 0.125" in lines
    assert not any("limit exceeded" in line for line in lines)
    assert "0.125 (lr <= 0.01 * momentum)" in cli("leaderboard", "--all").stdout


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ("conv-0/99", 3, "Study conv-0 has no trial 99"),
        ("none/1", 3, "No study none"),
        ("conv-0/x", 2, "'conv-0/x' is not a trial; write STUDY/17."),
        ("conv-0/", 2, "'conv-0/'"),
        ("a/1/2", 2, "'a/1' cannot name a study: "),
        ("../../etc", 2, "'../..' cannot name a study: "),
        ("conv-0 --space --json", 2, "Give one of --recipe, --space, --code and --json; --json can also be combined"),
        ("conv-0/0 --recipe --why", 2, "Give one of --recipe, "),
    ],
)
def test_what_cannot_be_shown_is_one_sentence(cli: Cli, words: str, code: int, sentence: str) -> None:
    result = cli("show", *words.split())
    assert result.exit_code == code
    assert result.stderr.startswith(f"Error: {sentence}")
    assert result.stderr.count("\n") == 1
    assert "--json" in words or result.stdout == ""


@pytest.mark.parametrize("command", ["show", "reproduce"])
@pytest.mark.parametrize("named", ["winner/", "./winner", "{}/winner"])
def test_a_folder_is_not_a_study(cli: Cli, tmp_path: Path, command: str, named: str) -> None:
    (tmp_path / "winner").mkdir()
    folder = Path(named.format(tmp_path))
    result = cli(command, named.format(tmp_path))
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {folder}: is a folder. Name a study alone, conv-0, or a trial, conv-0/17")
    (tmp_path / "winner" / "RECORD.json").touch()
    assert cli(command, named.format(tmp_path)).stderr.endswith(f" The record in it is {folder / 'RECORD.json'}.\n")


def test_a_running_study_says_so_and_what_runs(cli: Any) -> None:
    cli.studies["conv-0"] = handmade.mixed(live=True)
    lines = [" ".join(line.split()) for line in cli("show").stdout.splitlines()]
    assert "running now" in lines[0]
    assert "running #7 2 of 6 reports, 93.00%" in lines
    assert not any(line.startswith(("weights", "report")) for line in lines), "there are none"


def test_a_recipe_is_a_file_that_train_takes_and_a_space_one_that_search_takes(cli: Cli) -> None:
    printed = cli("show", "conv-0/1", "--recipe").stdout
    assert space_sources.recipe(space_sources.parse(printed, "recipe.yaml")) == from_json(
        handmade.mixed().trials[1].config
    )
    assert cli("show", "conv-0", "--recipe").stdout == printed, "of its best trial"
    assert cli("show", "conv-0/0", "--recipe").stdout != printed
    space = Space.from_document(parse(cli("show", "conv-0", "--space").stdout, "space.yaml"))
    assert space.to_spec() == handmade.spec()["space"]


def test_a_trials_recipe_names_its_data_set(cli: Any) -> None:
    cli.studies["conv-0"].spec["context"]["data"]["dataset"] = "fashion-mnist"
    space = space_sources.parse(cli("show", "conv-0/1", "--recipe").stdout, "recipe.yaml")
    assert space_sources.dataset_of(space) == "fashion-mnist"


def with_net(text: str, content: bytes) -> StudyRecord:
    """Return a study of your own network, the code that it holds, and the file's content."""
    study = handmade.mixed()
    study.spec["context"]["net"] = {"module": "a.py", "sha256": hashlib.sha256(content).hexdigest(), "text": text}
    return study


@pytest.mark.parametrize("text", ["def build():\n\treturn 1\n", "a = 1\r\nb = 2\r\n", "a = 1", "\ufeffa = 'é'  \n\n"])
def test_a_studys_code_is_the_file_as_it_was(cli: Any, text: str) -> None:
    cli.studies["conv-0"] = with_net(text, text.encode())
    result = cli("show", "--code")
    assert (result.stdout_bytes, result.stderr) == (text.encode(), "")


def test_where_a_studys_code_is_not_the_file_as_it_was_that_is_said(cli: Any) -> None:
    content = "# coding: latin-1\na = 'é'\n".encode("latin-1")
    cli.studies["conv-0"] = with_net(content.decode(errors="replace"), content)
    result = cli("show", "--code")
    assert (result.exit_code, result.stdout) == (0, "# coding: latin-1\na = '�'\n")
    assert result.stderr == (
        "The SHA-256 of this text is not that of a.py: a study keeps the text as UTF-8, with � instead of other "
        "bytes.\n"
    )


def test_a_study_that_ended_early_says_why(cli: Any) -> None:
    cli.studies["conv-0"] = handmade.ended_early()
    words = "Stopped early by --patience 3: 3 trials ended since #0 (99.00%), and none was better."
    assert words in " ".join(cli("show").stdout.split())
    assert words in cli("show", "--all").stdout.splitlines()
    assert json.loads(cli("show", "--json").stdout)["stop"]["best"] == 0


WHY = Why(expected=0.985, low=0.98, high=0.99, best=0.987, closest=4, among=430)


def said(origin: Origin, sampler: str = "curves", source: str = "", why: Why | None = None) -> str:
    explanation = Explanation(origin=origin, why=why, trained=12, ended=9, standings=())
    return " ".join(sentences(explanation, sampler, source, cells.percent))


KNOWN = "12 trials were known, 9 of which had ended."


@pytest.mark.parametrize(
    ("origin", "sampler", "source", "words"),
    [
        ("enqueued", "curves", "", "Given with --enqueue, to be tried first."),
        (
            "enqueued",
            "curves",
            "conv-0/3",
            "Given with --enqueue, to be tried first, with the hyperparameters of conv-0/3.",
        ),
        ("start list", "curves", "conv-5k-wrong and mine", "A warm-start configuration, from conv-5k-wrong and mine."),
        ("random", "tpe", "", f"Drawn at random by tpe; {KNOWN}"),
        (
            "sequence",
            "curves",
            "",
            f"The next configuration of curves's sequence, which covers the space evenly; {KNOWN}",
        ),
        ("model", "tpe", "", f"Proposed by the model of tpe; {KNOWN}"),
        ("own code", "mine.py:Mine", "", f"Proposed by mine.py:Mine, which gives no reasons; {KNOWN}"),
    ],
)
def test_each_origin_is_a_sentence(origin: Any, sampler: str, source: str, words: str) -> None:
    assert said(origin, sampler, source) == words


def test_a_model_says_what_it_expected() -> None:
    text = said("model", why=WHY)
    assert "Expected 98.50% after full training (between 98.00% and 99.00%)" in text
    assert "the best complete trial had 98.70%. Chosen among 430 configurations; the closest earlier one is #4." in text
    alone = Explanation(origin="random", why=None, trained=1, ended=0, standings=())
    assert "; 1 trial was known, 0 of which had ended." in " ".join(sentences(alone, "tpe", "", cells.percent))


@pytest.mark.slow
def test_a_stored_study_is_explained(tmp_path: Path) -> None:
    copytree(canned.studies() / "finished", tmp_path / "finished")

    def why(target: str, *more: str) -> Result:
        words = ["show", target, "--why", "--results", str(tmp_path), *more]
        return CliRunner().invoke(app, words, env={"COLUMNS": "60"})  # the verdict stands on a narrow screen, too

    result = why("finished/6")
    assert result.exit_code == 0
    assert "finished/6  COMPLETE" in result.stdout
    assert "Drawn at random by random; 4 trials were known, 1 of which" in result.stdout
    assert re.search(r"1 of 5 +continued: of 5 the best one continues", result.stdout)
    document = json.loads(why("finished/6", "--json").stdout)
    assert (document["trial"], document["origin"]) == (6, "random")
    assert [row["place"] for row in document["standings"]] == [1, 1, 1]
    whole = why("finished")
    assert whole.exit_code == 2
    assert "--why explains a single trial; name it: STUDY/17 --why." in whole.stderr
