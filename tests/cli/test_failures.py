"""A failure is a sentence on stderr and an exit code; with `--json` it is one JSON object on stdout as well."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import Result

from mnist_bench.cells import safe
from search.errors import Problem, SearchError, SpaceError, StudyNotFoundError, UsageError

Run = Callable[..., Result]


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let the command `studies` fail."""

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("search.study.studies.list_studies", fail)


def failure(result: Result) -> dict[str, Any]:
    """Return the one object on stdout, and check that it names the exit code."""
    document: dict[str, Any] = json.loads(result.stdout)
    assert {*document} == {"schema_version", "error"}
    assert document["error"]["exit_code"] == result.exit_code
    return dict(document["error"])


NONE = "No study x; `mnist-bench studies` lists them."
MISSPELT = "sampler: no `tpee`; did you mean `tpe`?"
DENIED = "out.json: cannot be used (Permission denied)."
ZERO = "ZeroDivisionError: by [bold]zero\x1b[31m (unexpected; `mnist-bench -v ...` shows where)"
OF_A_SPACE = [Problem("b.yaml", 9, 1, "two"), Problem("b.yaml", 7, 3, "one")]
TOLD = "b.yaml:7:3  one\nb.yaml:9:1  two"
PROBLEMS = [{"source": "b.yaml", "line": 7, "column": 3, "message": "one"}]
PROBLEMS += [{"source": "b.yaml", "line": 9, "column": 1, "message": "two"}]
UNUSABLE = "Error: the space cannot be used; `mnist-bench space show conv` prints a good file's fields."
OF_SET = SpaceError([Problem("--set optim.lr", 1, 1, "abc is not a number")])


@pytest.mark.parametrize(
    ("error", "kind", "code", "message", "more", "sentence"),
    [
        (SearchError("It broke."), "SearchError", 1, "It broke.", {}, "Error: It broke."),
        (StudyNotFoundError(NONE), "StudyNotFoundError", 3, NONE, {"command": "mnist-bench studies"}, f"Error: {NONE}"),
        (UsageError(MISSPELT), "UsageError", 2, MISSPELT, {"suggestion": "tpe"}, f"Error: {MISSPELT}"),
        (PermissionError(13, "Permission denied", "out.json"), "OSError", 1, DENIED, {"file": "out.json"}, DENIED),
        (typer.Abort(), "Aborted", 1, "Aborted.", {}, "Aborted!"),
        (KeyboardInterrupt(), "Interrupted", 130, "Interrupted; the same command continues.", {}, ""),
        (ZeroDivisionError("by [bold]zero\x1b[31m"), "UnexpectedError", 1, ZERO, {}, f"Error: {safe(ZERO)}"),
        (
            SpaceError(OF_A_SPACE), "SpaceError", 2, TOLD,
            {"file": "b.yaml", "line": 7, "column": 3, "problems": PROBLEMS}, f"{TOLD}\n{UNUSABLE}",
        ),
        (
            OF_SET, "SpaceError", 2, str(OF_SET), {"file": "--set optim.lr", "line": 1, "column": 1},
            f"{OF_SET}\nError: what --set gives cannot be used.",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isidentifier() else "",
)  # fmt: skip
def test_an_error_is_a_sentence_and_an_object(
    cli: Run,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    kind: str,
    code: int,
    message: str,
    more: dict[str, object],
    sentence: str,
) -> None:
    raising(monkeypatch, error)
    plain, as_json, verbose = cli("studies"), cli("studies", "--json"), cli("-v", "studies")
    assert (plain.stdout, plain.stderr, plain.exit_code) == ("", as_json.stderr, as_json.exit_code)
    assert failure(as_json).items() >= {"kind": kind, "message": message, "exit_code": code, **more}.items()
    assert plain.stderr.removeprefix("Error: ").rstrip("\n") == sentence.removeprefix("Error: ")
    assert ("Traceback" in verbose.stderr) == (kind not in ("Aborted", "Interrupted"))


def test_a_working_folder_that_was_deleted_is_one_sentence(
    cli: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    raising(monkeypatch, FileNotFoundError(2, "No such file or directory"))  # as `Path.resolve` does
    result = cli("studies")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: the folder in which you work was deleted; change to another one with cd.\n"


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
    result, plain = cli(*line.split()), cli(*line.replace("--json", "").split())
    found = failure(result)
    assert (found["kind"], found["exit_code"], found.get("suggestion")) == ("UsageError", 2, suggestion)
    assert found["message"] in result.stderr.replace("Error: ", "")
    assert (plain.exit_code, plain.stdout) == (2, "")


def test_after_two_dashes_it_is_a_name(cli: Run) -> None:
    result = cli("show", "--", "--json")
    assert (result.stdout, result.exit_code) == ("", 3)


def test_a_full_disk_under_the_output_is_one_sentence_and_no_object(cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, OSError(errno.ENOSPC, "full"))
    told = "Error: the output cannot be written (No space left on device).\n"
    for form in ([], ["--json"]):
        result = cli("studies", *form)
        assert (result.stdout, result.stderr, result.exit_code) == ("", told, 1)
