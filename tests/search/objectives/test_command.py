"""A program as an objective: its flags, its reports, how it is stopped and ended."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import search
from search.errors import UsageError
from search.study.studies import StoredStudy

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("log_alone")]  # nearly every test starts processes
SPACE = {"name": "program", "x": {"float": [0.0, 1.0]}, "text": {"choice": ["plain", 'it\'s "so"; rm -rf *']}}


def run(program: str, arguments: str, results: Path, **options: Any) -> StoredStudy:
    results.mkdir(exist_ok=True)
    file = results / "program.py"
    file.write_text(program)
    objective = search.Objective.of_command(f"{sys.executable} {file} {arguments}")
    given: Mapping[str, Any] = {"space": SPACE, "trials": 4, "results": results, **options}
    return search.planned(objective, **given).run().study


def test_values_arrive_as_arguments_whatever_they_hold_by_their_paths_and_between_braces(tmp_path: Path) -> None:
    program = "import json, sys; print(json.dumps({'value': float(sys.argv[1]), 'letters': len(sys.argv[2])}))"
    for trial in run(program, "{x} {text}", tmp_path).trials:
        assert trial.value == trial.params["config.x"]
        assert trial.reports[0].metrics["letters"] == len(trial.params["config.text"])
    space = {"name": "braces", "model": {"rate": {"float": [0, 1]}}}
    for trial in run(program, "{model.rate} {{{model.rate}}}", tmp_path, space=space).trials:
        rate = trial.params["model.rate"]
        assert (trial.value, trial.reports[0].metrics["letters"]) == (rate, len(json.dumps(rate)) + 2)


def test_a_field_whose_condition_does_not_hold_fails_the_trial_with_a_sentence(tmp_path: Path) -> None:
    fields = {"kind": {"choice": ["short", "long"]}, "steps": {"int": [1, 9], "when": {"kind": ["long"]}}}
    study = run("print('{\"value\": 1}')", "{work.steps}", tmp_path, space={"work": fields}, trials=8)
    failed = {trial.number for trial in study.trials if "steps" not in str(trial.config)}
    assert {trial.number for trial in study.trials if trial.error} == failed != set()
    assert "this configuration has no work.steps, because its condition" in str(study.trials[min(failed)].error)


def test_values_and_the_seed_arrive_on_standard_input_and_in_the_environment(tmp_path: Path) -> None:
    program = """
import json, os, sys
config = json.load(sys.stdin)
assert config["seed"] == int(os.environ["TRIAL_SEED"])
print("a line that is no report")
print(json.dumps({"value": config["x"], "seed": config["seed"]}))
"""
    study = run(program, "", tmp_path)
    assert [trial.value for trial in study.trials] == [trial.params["config.x"] for trial in study.trials]
    assert {trial.reports[0].metrics["seed"] for trial in study.trials} == {trial.seed >> 1 for trial in study.trials}


def test_a_program_is_stopped_between_reports_and_asked_to_end_when_it_is_pruned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    program = """
import json, os, signal, sys, time
def end(number, frame):
    open(f"ended-{os.getpid()}", "w").close()
    sys.exit(1)
signal.signal(signal.SIGTERM, end)
for epoch in range(4):
    print(json.dumps({"value": float(sys.argv[1])}), flush=True)
    time.sleep(0.02)
"""
    study = run(program, "{x}", tmp_path, trials=16, periods=4, workers=2, pruner=search.Asha())
    reasons = [trial.reason for trial in study.trials]
    assert {*reasons} == {"complete", "pruned"}
    assert len([*tmp_path.glob("ended-*")]) == reasons.count("pruned")


@pytest.mark.parametrize(
    ("program", "message", "notes"),
    [
        (
            "import sys; print('reads', 'no such data', sep=chr(10), file=sys.stderr); sys.exit(7)",
            r"the program ended with exit code 7: no such data",
            "its last lines are:\nreads\n",
        ),
        ("import sys; sys.exit(9_000_000 * 'x')", r"ended with exit code 1\. `mnist", "xxx"),
        ("print(0.5)", r"made no report", ""),
        ('print(\'{"value": "high"}\')', r"metric value is a number", ""),
        ('print(\'{"value": 1, "loss": 2, "value": 3}\')', r"printed a report that names value twice", ""),
        ("print('{' + 3_000_000 * ' ')", r"a line of JSON with more than 1,000,000 characters; a report holds", ""),
    ],
)
def test_a_program_that_fails_or_makes_no_report_ends_in_a_sentence(
    program: str, message: str, notes: str, tmp_path: Path
) -> None:
    with pytest.raises(search.TooManyFailuresError, match=message) as caught:
        run(program, "", tmp_path)
    told = "".join(caught.value.__notes__)
    assert notes in told
    assert len(str(caught.value) + told) < 50_000


def test_a_long_line_of_other_output_is_no_report_and_hides_none(tmp_path: Path) -> None:
    program = """
import sys
print(999_999 * "-" + '{"value": 0}')
print("x" * 5_000_000, file=sys.stderr)
print('{"value": 1}')
"""
    study = run(program, "", tmp_path, trials=1)
    assert [trial.value for trial in study.trials] == [1.0]


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    objective = search.Objective.of_command(["no-such-program", "{x}"])
    with pytest.raises(search.TooManyFailuresError, match=r"no-such-program cannot be started: No such file"):
        search.planned(objective, SPACE, trials=3, results=tmp_path).run()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("", r"give a program and its arguments"),
        ("python 'train.py", r"no closing quotation"),
        ("python {lr", r"a brace is written twice"),
        ("python {x:.2f}", r"give a field's name alone"),
        ("python {lr}", r"the space has no field lr"),
    ],
)
def test_a_command_that_cannot_be_filled_is_refused(command: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        search.planned(search.Objective.of_command(command), SPACE, results=tmp_path)
