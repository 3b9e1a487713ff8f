"""What the program's exit code says."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of every command; those of errors stand on the error classes (`search.errors`) too."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    """Wrong usage, or a bad space file."""
    NOT_FOUND = 3
    """No such study, or no finished trial."""
    NOT_REPRODUCED = 4
    INTERRUPTED = 130
    READER_LEFT = 141
    """Whoever read the output, such as `head`, left before its end; 128 and SIGPIPE, as a shell reports it."""
