"""Every error that reaches a user, as one sentence, and the exit code that goes with it.

SearchError                  1   something failed
├── UsageError               2   the user's input is wrong
│   ├── SpaceError               a space file; lists every problem with its line
│   └── FingerprintError         the study was made under other conditions
├── StudyNotFoundError       3   no such study, or no finished trial in it
├── StudyLockedError         1   another process drives the study
├── StorageError             1   the database or a file of the study cannot be used
│   └── OtherVersionError        another version wrote it
├── WorkerError              1   workers cannot be started or do not agree with the study
├── PluginError              1   custom code raises, or breaks its contract: a sampler, pruner, planner, observer
└── TooManyFailuresError     1   configurations crash, or are infeasible, one after the other
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

FOREIGN = (Exception, SystemExit)
"""Exceptions of a user's code that are caught and reported. `sys.exit` is included: uncaught, it would end a worker
process, which would be restarted again and again, or silently the whole command."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, or the stop button of a notebook, ended work that the same call continues.

    It is not a `SearchError`: like every KeyboardInterrupt, it ends the program or the cells after it.
    """

    def _render_traceback_(self) -> list[str]:
        """Return the lines that IPython shows instead of a traceback."""
        return [f"{type(self).__name__}: {self}"]


class SearchError(Exception):
    """Root of all errors whose text is written for the user."""

    exit_code = 1


class UsageError(SearchError):
    """The user's input is wrong."""

    exit_code = 2


def system_error(error: BaseException) -> BaseException | None:
    """Return the disk's or a database's own error behind an exception; None if neither is at fault.

    The database is the study's, or one that a user's code works with.
    """
    import sqlite3  # not before something has failed: workers do not load it

    of_sqlalchemy = getattr(sys.modules.get("sqlalchemy.exc"), "SQLAlchemyError", OSError)
    of_optuna = type(error).__name__ == "StorageInternalError"  # by name: an import would load Optuna in every reader
    of_system = of_optuna or isinstance(error, OSError | sqlite3.Error | of_sqlalchemy)
    if not of_system or isinstance(error, BrokenPipeError):  # that one is of our output (`... | head`)
        return None
    inner = (error.__cause__ if of_optuna else None) or error
    return getattr(inner, "orig", None) or inner


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault of a space file, or a warning; `line` and `column` count from 1, or are 0 if it is not from a file."""

    source: str
    line: int
    column: int
    message: str
    is_warning: bool = False

    def __str__(self) -> str:
        place = f"{self.source}:{self.line}:{self.column} " if self.line else f"{self.source}:"
        return f"{place} {'warning: ' * self.is_warning}{self.message}"


class SpaceError(UsageError):
    """A space file with one or more problems, in the order of the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.line, problem.column)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class FingerprintError(UsageError):
    """The study on disk was made under other conditions than those of this run."""


class StudyNotFoundError(SearchError):
    """No such study, or no finished trial in it."""

    exit_code = 3


class StudyLockedError(SearchError):
    """Another process drives the study."""


class StorageError(SearchError):
    """The database or a file of the study cannot be used."""


class OtherVersionError(StorageError):
    """Another version of mnist-bench wrote this data, which is whole; this version does not understand it."""


class WorkerError(SearchError):
    """Workers cannot be started, or their numerics differ from the study's."""


class PluginError(SearchError):
    """A custom sampler, pruner, planner or observer raises, or breaks its contract."""


class TooManyFailuresError(SearchError):
    """Configurations crash, or are infeasible, one after the other."""
