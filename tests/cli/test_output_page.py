"""The page of files, output and exit codes says what the commands do."""

from __future__ import annotations

import inspect
import re

from mnist_bench import errors as own_errors
from mnist_bench.cli.failures import INTERRUPTED, OTHER, USAGE
from mnist_bench.cli.output import ExitCode
from search import errors
from search.errors import SearchError
from support import commands
from support.commands import COMMANDS
from support.paths import ROOT


def section(heading: str) -> str:
    return commands.OUTPUT.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]


def test_each_command_with_json_has_its_keys_there() -> None:
    has_option = {name for name, command in COMMANDS.items() if any("--json" in param.opts for param in command.params)}
    assert {form.command for form in commands.documented_json()} == has_option
    (left_out,) = re.findall(r"\n(`report`.*?) have no `--json`", section("Results as JSON"))
    assert {*re.findall(r"`([^`]+)`", left_out)} == {*COMMANDS} - has_option


def test_each_kind_of_failure_stands_in_the_row_of_its_exit_code() -> None:
    codes = {
        name: each.exit_code
        for module in (errors, own_errors)
        for name, each in vars(module).items()
        if inspect.isclass(each) and issubclass(each, SearchError) and name != "Stopped"
    }
    codes |= {USAGE: 2, INTERRUPTED: 130, OTHER: 1, "OSError": 1, "Aborted": 1}
    rows = re.findall(r"\n\| (`\w+`[^|]*) \| (\d+) \|", section("Failures as JSON"))
    assert {kind: int(code) for kinds, code in rows for kind in re.findall(r"`(\w+)`", kinds)} == codes


def test_all_exit_codes_are_listed() -> None:
    listed = re.findall(r"\n\| (\d+) \|", section("Exit codes"))
    assert [*map(int, listed)] == sorted(ExitCode)


def test_the_commands_that_evaluate_on_the_test_set_are_those_whose_code_opens_it() -> None:
    """`open_test_set` is used by `Scores` alone, whose users are the experiments of these commands."""
    experiments = ROOT / "mnist_bench" / "experiments"
    using = {path.stem for path in experiments.rglob("*.py") if " Scores(" in path.read_text()}
    bullets = "".join(re.findall(r"\n- .*", section("The test set")))
    named = {name.split()[-1] for name in re.findall(r"(?:- |and )`([a-z ]+)`", bullets)}
    assert named == {"confirm", "notebook", "ladder"}
    assert using == {"confirm", "scored_recipes"}, "the core of the other two"
    elsewhere = [
        path
        for path in (ROOT / "mnist_bench").rglob("*.py")
        if "open_test_set(" in path.read_text() and path.parent.name != "data"
    ]
    assert elsewhere == [experiments / "trainings.py"]
