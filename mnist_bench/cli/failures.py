"""How a command fails: a sentence on stderr, an exit code and, with `--json`, an object on stdout.

A command that found a difference or a fault prints its result and raises `typer.Exit` without a cause. That is not a
failure: a failure raises an exception, or `typer.Exit` from one.
"""

from __future__ import annotations

import errno
import os
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

import typer

from mnist_bench.cli import command, output
from mnist_bench.cli.help import HelpfulGroup
from mnist_bench.cli.output import ExitCode
from mnist_bench.errors import Stopped
from search.errors import SearchError, SpaceError

AS_JSON = "mnist_bench.json"  # key of a context's `meta`: whether `--json` was given
USAGE, INTERRUPTED, OTHER = "UsageError", "Interrupted", "UnexpectedError"
"""Kinds of failures that are not named after a class of `search.errors` or `mnist_bench.errors`, or after OSError."""
_MEANT = re.compile(r"[Dd]id you mean [`']([^`']+)[`']")
_COMMAND = re.compile(r"`(mnist-bench [^`]+)`")


class ErrorsAsSentences(HelpfulGroup):
    """A group of commands in which an exception ends as one sentence on stderr and an exit code."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        as_json = "--json" in (args[: args.index("--")] if "--" in args else args)  # also if another one is wrong
        with _reported(as_json):
            context = super().make_context(info_name, args, parent, **extra)
        context.meta[AS_JSON] = as_json
        return context

    def invoke(self, ctx: Any) -> Any:
        with _reported(ctx.meta[AS_JSON]):
            return self._in_sentences(ctx)

    def _in_sentences(self, ctx: Any) -> Any:
        try:
            return self._flushed(ctx)
        except typer.BadParameter as error:
            error.message = command.in_words(error)
            raise
        except (typer.Exit, typer.Abort, typer.TyperException):
            raise
        except BrokenPipeError as error:
            drop_output()
            raise typer.Exit(ExitCode.READER_LEFT) from error
        except Exception as error:
            if ctx.params["verbose"]:
                traceback.print_exc()
            for line in in_words(error).split("\n"):
                output.note(line)
            if is_of_output(error):
                drop_output()
            raise typer.Exit(error.exit_code if isinstance(error, SearchError) else ExitCode.FAILURE) from error

    def _flushed(self, ctx: Any) -> Any:
        """Run the command, and flush its output while an error of that can still be reported."""
        try:
            result = super().invoke(ctx)
        except typer.Exit:
            sys.stdout.flush()
            raise
        sys.stdout.flush()
        return result


@contextmanager
def _reported(as_json: bool) -> Iterator[None]:
    """Print a failure inside as JSON, too, if that is wanted. It is raised again."""
    try:
        yield
    except (typer.Exit, typer.Abort, typer.TyperException, KeyboardInterrupt) as failure:
        if as_json and (content := _content(failure)) is not None:
            output.print_json({"error": content})
        raise


def _content(failure: BaseException) -> dict[str, Any] | None:
    cause = failure.__cause__ if isinstance(failure, typer.Exit) else failure
    if cause is None or isinstance(cause, BrokenPipeError) or is_of_output(cause):
        return None
    kind, message = _told(cause)
    command = _COMMAND.search(message)
    known = {**_place(cause), "suggestion": _meant(cause, message), "command": command and command[1]}
    code: int = ExitCode.INTERRUPTED if isinstance(failure, KeyboardInterrupt) else ExitCode.FAILURE
    if isinstance(failure, typer.Exit | typer.TyperException):
        code = failure.exit_code
    return {"kind": kind, "message": message, "exit_code": int(code)} | {
        key: value for key, value in known.items() if value
    }


def _told(cause: BaseException) -> tuple[str, str]:
    match cause:
        case KeyboardInterrupt() | Stopped():
            return INTERRUPTED, "Interrupted; the same command continues."
        case SearchError():
            return type(cause).__name__, str(cause)
        case typer.TyperException():
            return USAGE, cause.format_message()
        case typer.Abort():
            return "Aborted", "Aborted."
        case Exception():
            kind = "OSError" if isinstance(cause, OSError) else OTHER
            return kind, in_words(cause).removeprefix("Error: ")
    return OTHER, str(cause)


def _meant(cause: BaseException, message: str) -> str | None:
    found = _MEANT.search(message)
    if found is not None:
        return found[1]
    given, known = str(getattr(cause, "option_name", "")), getattr(cause, "possibilities", None) or ()
    return next(iter(get_close_matches(given, known, 1, cutoff=0.75)), None)


def _place(cause: BaseException) -> dict[str, Any]:
    match cause:
        case SpaceError():
            first = cause.problems[0]
            fields = ("source", "line", "column", "message")
            problems = [{name: getattr(problem, name) for name in fields} for problem in cause.problems]
            return {"file": first.source, "line": first.line, "column": first.column, "problems": problems}
        case OSError():
            return {"file": None if cause.filename is None else str(cause.filename)}
    return {}


def in_words(error: Exception) -> str:
    """Return the lines about an error that a person reads."""
    if isinstance(error, SpaceError):  # its lines begin with a file's position, for terminals that open it
        if all(problem.source.startswith("--set ") for problem in error.problems):
            return f"{error}\nError: what --set gives cannot be used."
        return f"{error}\nError: the space cannot be used; `mnist-bench space show conv` prints a good file's fields."
    if isinstance(error, SearchError):
        return f"Error: {error}"
    if isinstance(error, OSError) and error.filename is not None:
        return f"Error: {error.filename}: cannot be used ({error.strerror})."
    if isinstance(error, FileNotFoundError) and _lost_its_folder():
        return "Error: the folder in which you work was deleted; change to another one with cd."
    if is_of_output(error):
        return f"Error: the output cannot be written ({os.strerror(errno.ENOSPC)})."
    return f"Error: {type(error).__name__}: {error} (unexpected; `mnist-bench -v ...` shows where)"


def _lost_its_folder() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


def is_of_output(error: BaseException) -> bool:
    """Return whether stdout is full: errors about other outputs name their file."""
    return isinstance(error, OSError) and error.errno == errno.ENOSPC and error.filename is None


def drop_output() -> None:
    """Discard the rest of stdout's buffer, or Python would try to write it again as it exits."""
    try:
        descriptor = sys.stdout.fileno()
    except (AttributeError, OSError):  # a stream of a test's has none
        return
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
