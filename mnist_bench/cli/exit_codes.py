"""The exit codes of the program."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of every command; the error classes (`search.errors`) have theirs, too."""

    OK = 0
    FAILURE = 1
    USAGE = 2  # wrong usage, or a bad space file
    NOT_FOUND = 3  # no such study, or no finished trial
    NOT_REPRODUCED = 4
    INTERRUPTED = 130
    READER_LEFT = 141
    """The output pipe was closed early, for example by `head`: 128 plus SIGPIPE, as a shell reports it."""
