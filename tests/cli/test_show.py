"""`mnist-bench show`: a study on one screen or whole, a trial in full, its files, and why it was proposed."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
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
from search.files import atomic_write
from search.proposals.choice import Why
from search.space.space import Space
from search.space.yaml_text import parse
from search.study.folder import StudyFolder
from support import handmade


def shown(cli: Any, *words: str) -> list[str]:
    return cli("show", *words).stdout.splitlines()  # type: ignore[no-any-return]


def test_a_study_stands_on_one_screen(cli: Any) -> None:
    fields = list(space_sources.load("conv").to_spec()["fields"])
    cli.studies["conv-0"] = handmade.changed(
        handmade.mixed(), numerics={"cpu": "Abacus", "gpu": None}, space={"fields": fields}
    )
    folder = StudyFolder(Path("results/conv-0"))
    folder.weights.mkdir(parents=True)
    typed = b'{"command": "mnist-bench search conv --trials 7", "data_dir": null}\n'
    from_python = b'{"command": null, "data_dir": "/data", "net": null}\n'
    for file, content in ((folder.weights_of(1), b""), (folder.report, b""), (folder.commands, from_python + typed)):
        atomic_write(file, content)
    lines = shown(cli)
    table = lines[lines.index("") + 1 :]
    assert len(lines) <= 40
    assert lines[0].startswith("conv-0: 3 complete")
    assert {
        "best      #1  99.50% [98.83, 99.79]  61.2k parameters, 2.1M MACs",
        "machine   Abacus, bf16, optuna 5.0.0",
        "search    tpe (multivariate) + asha (after reports 1, 3 of 6), seed 0, 8 concurrent trials",
        "time      36 s of training",
        "weights   results/conv-0/weights/1.safetensors",
        "report    results/conv-0/report.html",
        "typed     mnist-bench search conv --trials 7",
    } < {*lines}
    assert table[0].split() == ["hyperparameter", "trial", "1", "place", "range"]
    assert ["optim.lr", "0.0093"] in [line.split()[:2] for line in table]
    assert lines[-1] == "The whole specification: `mnist-bench show conv-0 --all`."


def failed(context: dict[str, Any] | None = None) -> Any:
    """Return a study of which every trial failed."""
    errors = ["Traceback\nNameError: no x0", "Traceback\nNameError: no x1"]
    study = handmade.study([handmade.trial(n, periods=0, state="FAIL", error=error) for n, error in enumerate(errors)])
    return replace(study, spec={**study.spec, "context": context}) if context else study


ALL_FAILED = (
    "finding Every trial of conv-0 that was not pruned failed; the first one: NameError: no x0. "
    "`mnist-bench show conv-0/0` shows the whole error."
)
RUNS = [[(worker, 60.0 * n, 60.0, 60.0 * n + 60) for n in range(handmade.EPOCHS)] for worker in range(2)]
EARLY = "Stopped early by --patience 3: 3 trials ended since #0 (99.00%), and none was better."


@pytest.mark.parametrize(
    ("study", "told"),
    [
        (failed(), ALL_FAILED),
        (failed({"trainer": {"factory": "a:b"}}), ALL_FAILED),
        (
            handmade.study([handmade.trial(0, range(90), periods=1)]),
            "finding No trial is complete, so there is no best one: 1 of 1 trials have ended.",
        ),
        (
            handmade.study([handmade.trial(n, range(9), runs=RUNS[n]) for n in range(2)]),
            "time 6 min, 2 trainings at a time; 12 min of training",
        ),
        (handmade.mixed(live=True), "running #7 2 of 6 reports, 93.00%"),
        (handmade.ended_early(), EARLY),
    ],
    ids=["failed", "failed values", "none complete", "two at once", "running", "stopped early"],
)
def test_what_is_special_of_a_study_is_told(cli: Any, study: Any, told: str) -> None:
    cli.studies["conv-0"] = study
    lines = shown(cli)
    assert told in " ".join(" ".join(lines).split())
    assert ("running now" in lines[0]) == study.live
    assert any(line.startswith("best") for line in lines) == (study.best is not None)
    assert not any(line.startswith(("weights", "report")) for line in lines), "there are none"


def test_all_is_the_specification_and_json_has_it(cli: Any) -> None:
    cli.studies["conv-0"] = study = handmade.ended_early()
    lines, values = shown(cli, "--all"), json.loads(cli("show", "--json").stdout)
    assert lines[1:3] == [EARLY, "best         #0  99.00%"]
    assert {"sampler", "  name: tpe", "  precision: bf16", "seed: 0"} < {*lines}
    for name in ("fingerprint", "digest"):
        assert values[name] in next(line for line in lines if line.startswith(name)).replace(" ", "")
    assert (values["schema_version"], values["study"], values["totals"]) == (2, "conv-0", [9])
    assert (values["spec"], values["stop"]["best"]) == (study.spec, 0)


def test_a_trial_shows_every_setting_its_curve_and_its_hashes(cli: Any) -> None:
    study = handmade.mixed()
    measured = [replace(report, measured={**report.measured, "peak": 5.0}) for report in study.trials[1].reports]
    cli.studies["conv-0"] = replace(
        study, trials=(study.trials[0], replace(study.trials[1], reports=tuple(measured)), *study.trials[2:])
    )
    lines = shown(cli, "conv-0/1")
    assert lines[0] == "conv-0/1  COMPLETE  99.50% [98.83, 99.79]"
    assert {" * optim.lr: 0.0093", "   optim.batch_size: 128", "parameters: 61234"} < {*lines}
    heading, *curve = [line.split() for line in lines[-handmade.EPOCHS - 1 :]]
    assert heading == ["epoch", "train_loss", "val_loss", "errors", "accuracy", "time", "peak", "weights"]
    assert [line[-2:] for line in curve] == [["5", report.weights] for report in study.trials[1].reports]
    narrow = cli("show", "conv-0/1", columns=30).stdout.splitlines()
    assert ["epoch", "train_loss", "accuracy"] in [line.split() for line in narrow]


CONSTRAINT = "lr <= 0.01 * momentum"


def constrained() -> Any:
    study = handmade.mixed()
    fields = [["optim.lr", {"float": [0.0, 1.0]}], ["optim.momentum", {"value": 0.9}]]
    missed = replace(study.trials[5], constraints={"macs": -5.0, CONSTRAINT: 0.125})
    space = {"settings": {"constraints": [CONSTRAINT]}, "fields": fields}
    return handmade.changed(replace(study, trials=(*study.trials[:5], missed)), space=space)


@pytest.mark.parametrize(
    ("study", "number", "line"),
    [
        (handmade.ended_by_machine(), 2, "conv-0/2  PRUNED (timed out)  –"),
        (handmade.ended_by_machine(), 2, "  Training took more than 60 s (--trial-timeout)."),
        (handmade.mixed(), 5, "limit exceeded: macs by 5"),
        (handmade.mixed(), 6, "  ValueError: no [bold]luck[/bold]"),
        (constrained(), 5, f"constraint not met: {CONSTRAINT} by 0.125"),
    ],
)
def test_a_trial_that_is_not_complete_says_what_ended_it(cli: Any, study: Any, number: int, line: str) -> None:
    cli.studies["conv-0"] = study
    lines = shown(cli, f"conv-0/{number}")
    assert line in lines
    assert ("error" in lines) == (study.trials[number].error is not None)
    assert ("limit exceeded" in " ".join(lines)) == line.startswith("limit")


def test_a_trials_json_is_the_record_that_reproduce_reads_or_says_how_it_ended(cli: Any) -> None:
    study = handmade.mixed()
    assert record.parse(cli("show", "conv-0/3", "--json").stdout, "stdout") == record.record_of(study, study.trials[3])
    printed = cli("show", "conv-0/5", "--json").stdout
    values = json.loads(printed)
    assert (values["study"], values["number"], values["reason"]) == ("conv-0", 5, "infeasible")
    assert (values["constraints"], values["excess"]) == ({"macs": 5.0}, {"macs": 5.0})
    refused = cli("reproduce", "-", stdin=printed)
    assert refused.exit_code == 2
    assert refused.stderr.startswith("Error: stdin: not a record of a trial (")
    crashed = json.loads(cli("show", "conv-0/6", "--json").stdout)
    assert (crashed["state"], crashed["excess"], crashed["error"]) == ("FAIL", {}, study.trials[6].error)


def test_a_recipe_is_a_file_that_train_takes_and_a_space_one_that_search_takes(cli: Any) -> None:
    cli.studies["conv-0"].spec["context"]["data"]["dataset"] = "fashion-mnist"
    printed = cli("show", "conv-0/1", "--recipe").stdout
    recipe = space_sources.parse(printed, "recipe.yaml")
    assert space_sources.recipe(recipe) == from_json(handmade.mixed().trials[1].config)
    assert space_sources.dataset_of(recipe) == "fashion-mnist"
    assert cli("show", "conv-0", "--recipe").stdout == printed, "of its best trial"
    assert cli("show", "conv-0/0", "--recipe").stdout != printed
    space = Space.from_document(parse(cli("show", "conv-0", "--space").stdout, "space.yaml"))
    assert space.to_spec() == handmade.spec()["space"]


LATIN = "# coding: latin-1\na = 'é'\n".encode("latin-1")
NOT_AS_IT_WAS = (
    "The SHA-256 of this text is not that of a.py: a study keeps the text as UTF-8, with � instead of other bytes.\n"
)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        *(
            (text.encode(), "")
            for text in ("def f():\n\treturn 1\n", "a = 1\r\nb = 2\r\n", "a = 1", "\ufeffa = 'é'  \n")
        ),
        (LATIN, NOT_AS_IT_WAS),
    ],
)
def test_a_studys_code_is_the_file_as_it_was_or_that_is_said(cli: Any, content: bytes, told: str) -> None:
    text = content.decode(errors="replace")
    code = {"module": "a.py", "sha256": hashlib.sha256(content).hexdigest(), "text": text}
    cli.studies["conv-0"].spec["context"]["net"] = code
    result = cli("show", "--code")
    assert (result.exit_code, result.stdout_bytes, result.stderr) == (0, text.encode(), told)
    assert [line.split()[0] for line in shown(cli, "--all") if line.startswith("  net.")] == [
        "net.module:",
        "net.sha256:",
    ]


KNOWN = "12 trials were known, 9 of which had ended."
WHY = Why(expected=0.985, low=0.98, high=0.99, best=0.987, closest=4, among=430)


@pytest.mark.parametrize(
    ("origin", "sampler", "source", "words"),
    [
        ("enqueued", "tpe", "", "Given with --enqueue, to be tried first."),
        ("enqueued", "tpe", "a-0/3", "Given with --enqueue, to be tried first, with the hyperparameters of a-0/3."),
        ("random", "tpe", "", f"Drawn at random by tpe; {KNOWN}"),
        ("sequence", "q", "", f"The next configuration of q's sequence, which covers the space evenly; {KNOWN}"),
        ("model", "tpe", "", f"Proposed by the model of tpe; {KNOWN}"),
        ("own code", "mine.py:Mine", "", f"Proposed by mine.py:Mine, which gives no reasons; {KNOWN}"),
    ],
)
def test_each_origin_is_a_sentence_and_a_model_says_what_it_expected(
    origin: Any, sampler: str, source: str, words: str
) -> None:
    explanation = Explanation(origin=origin, why=None, trained=12, ended=9, standings=())
    assert " ".join(sentences(explanation, sampler, source, cells.percent)) == words
    expected = " ".join(sentences(replace(explanation, why=WHY, trained=1), sampler, source, cells.percent))
    assert ("; 1 trial was known, 9 of" in expected) == (KNOWN in words)
    assert expected.endswith(
        ". Expected 98.50% after full training (between 98.00% and 99.00%); the best complete trial had 98.70%. "
        "Chosen among 430 configurations; the closest earlier one is #4."
    )


def test_a_stored_study_is_explained(canned_studies: Path) -> None:
    def why(target: str, *more: str) -> Result:
        words = ["show", target, "--why", "--results", str(canned_studies), *more]
        return CliRunner().invoke(app, words, env={"COLUMNS": "60"})  # the verdict stands on a narrow screen, too

    result = why("finished/6")
    assert result.stdout.startswith("finished/6  COMPLETE")
    assert "Drawn at random by random; 4 trials were known, 1 of which" in result.stdout
    assert re.search(r"1 of 5 +continued: of 5 the best one continues", result.stdout)
    document = json.loads(why("finished/6", "--json").stdout)
    assert (document["study"], document["trial"], document["origin"]) == ("finished", 6, "random")
    assert [row["place"] for row in document["standings"]] == [1, 1, 1]
