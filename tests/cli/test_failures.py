"""With `--json`, each failure is one JSON object on stdout; the sentence on stderr and the exit code stay."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from typing import Any

import pytest
import typer
from typer.testing import Result

from mnist_bench.cli.failures import INTERRUPTED, OTHER, USAGE, in_words
from search import errors
from search.errors import Problem, SearchError, SpaceError
from support.commands import COMMANDS

Run = Callable[..., Result]


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("search.study.studies.list_studies", fail)


def failure(result: Result) -> dict[str, Any]:
    """Return the one object on stdout, and check that it names the exit code."""
    document: dict[str, Any] = json.loads(result.stdout)
    assert {*document} == {"schema_version", "error"}
    assert document["error"]["exit_code"] == result.exit_code
    return dict(document["error"])


@pytest.mark.parametrize(
    ("error", "known"),
    [
        (SearchError("It broke."), {"kind": "SearchError", "message": "It broke.", "exit_code": 1}),
        (
            errors.StudyNotFoundError("No study x; `mnist-bench studies` lists them."),
            {
                "kind": "StudyNotFoundError",
                "message": "No study x; `mnist-bench studies` lists them.",
                "exit_code": 3,
                "command": "mnist-bench studies",
            },
        ),
        (
            errors.UsageError("sampler: no `tpee`; did you mean `tpe`?"),
            {
                "kind": "UsageError",
                "message": "sampler: no `tpee`; did you mean `tpe`?",
                "exit_code": 2,
                "suggestion": "tpe",
            },
        ),
        (
            SpaceError([Problem("b.yaml", 9, 1, "two"), Problem("b.yaml", 7, 3, "one")]),
            {
                "kind": "SpaceError",
                "message": "b.yaml:7:3  one\nb.yaml:9:1  two",
                "exit_code": 2,
                "file": "b.yaml",
                "line": 7,
                "column": 3,
                "problems": [
                    {"source": "b.yaml", "line": 7, "column": 3, "message": "one"},
                    {"source": "b.yaml", "line": 9, "column": 1, "message": "two"},
                ],
            },
        ),
        (
            PermissionError(13, "Permission denied", "out.json"),
            {
                "kind": "OSError",
                "message": "out.json: cannot be used (Permission denied).",
                "exit_code": 1,
                "file": "out.json",
            },
        ),
        (KeyboardInterrupt(), {"kind": INTERRUPTED, "exit_code": 130}),
        (typer.Abort(), {"kind": "Aborted", "message": "Aborted.", "exit_code": 1}),
        (ZeroDivisionError("by zero"), {"kind": OTHER, "exit_code": 1}),
    ],
)
def test_an_error_is_an_object(
    cli: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, known: dict[str, Any]
) -> None:
    raising(monkeypatch, error)
    plain, as_json = cli("studies"), cli("studies", "--json")
    assert (plain.stdout, plain.stderr, plain.exit_code) == ("", as_json.stderr, as_json.exit_code)
    found = failure(as_json)
    assert {key: found[key] for key in known} == known
    assert "message" not in known or found == known


def test_a_full_disk_below_the_output_is_a_sentence() -> None:
    error = OSError(errno.ENOSPC, "")
    assert in_words(error) == f"Error: the output cannot be written ({os.strerror(errno.ENOSPC)})."


@pytest.mark.parametrize(
    ("line", "suggestion"),
    [
        ("leaderboard --jsn --json", "--json"),
        ("--json leadrboard", None),
        ("leadrboard --json", "leaderboard"),
        ("leaderboard --top x --json", None),
        ("leaderboard --json --top", None),
        ("studies remove --json", None),
        ("space nonsense --json", None),
    ],
)
def test_wrong_usage_is_an_object_too(cli: Run, line: str, suggestion: str | None) -> None:
    result = cli(*line.split())
    found = failure(result)
    assert (found["kind"], found["exit_code"], found.get("suggestion")) == (USAGE, 2, suggestion)
    assert found["message"] in result.stderr.replace("Error: ", "")


def test_after_two_dashes_it_is_a_name(cli: Run) -> None:
    result = cli("show", "--", "--json")
    assert (result.stdout, result.exit_code) == ("", 3)


def test_without_the_option_nothing_is_on_stdout(cli: Run) -> None:
    assert cli("leaderboard", "--jsn").stdout == ""


READS = [name for name, command in COMMANDS.items() if "--json" in {o for p in command.params for o in p.opts}]


@pytest.mark.parametrize("name", READS)
def test_each_command_with_json_fails_in_json(cli: Run, name: str) -> None:
    assert failure(cli(*name.split(), "--no-such-option", "--json"))["kind"] == USAGE
