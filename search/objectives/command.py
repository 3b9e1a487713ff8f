"""A program as an objective: its reports are lines of JSON, and it is stopped after each."""

from __future__ import annotations

import json
import os
import signal
import string
import subprocess
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import IO, Any, cast

from search.messages import show
from search.objectives.objective import Configuration
from search.objectives.reports import VALUE
from search.system import end_with_parent, needs_posix

needs_posix()

SEED = "TRIAL_SEED"  # the environment variable that holds the trial's seed
GRACE = 10.0  # seconds between SIGTERM and SIGKILL
LAST_LINES = 8  # lines of the standard error that a failed program is quoted with
_KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)
"""Exit codes of a program, and of a shell, that was killed from outside or for lack of memory: this says nothing about
the configuration."""
MAX_LINE = 1_000_000  # characters of a report; a longer line of other output is copied in pieces


def objective_of(words: Sequence[str], metric: str = VALUE) -> Callable[[Configuration], Iterator[Any]]:
    """Return the objective that runs a program with a configuration's values in its arguments.

    The program also gets the configuration as JSON on its standard input, and the seed in the environment. It reports
    with a line of JSON on its standard output: a mapping that holds `metric`. Other lines go to standard error, which
    the driver keeps in a file.
    """

    def objective(config: Configuration) -> Iterator[Any]:
        process = _started([_filled(word, config) for word in words], config)
        last_lines: deque[str] = deque(maxlen=LAST_LINES)
        copying = threading.Thread(target=_copy, args=(process.stderr, last_lines), daemon=True)
        copying.start()
        reports = 0
        try:
            for report in _reports_in(cast(IO[str], process.stdout), metric):
                reports += 1
                _signal(process, signal.SIGSTOP)
                yield report
                _signal(process, signal.SIGCONT)
            code = process.wait()
        finally:
            _end(process)
        if code in _KILLED:
            os.kill(os.getpid(), signal.SIGKILL)  # so that the driver runs the trial again, as if this was killed
        copying.join(GRACE)
        if code or not reports:
            raise _failure(code, reports, last_lines)

    return objective


def _filled(word: str, config: Configuration) -> str:
    values, filled = {**config, "seed": config.seed}, ""
    # Not `format_map`, for which the dot of `model.rate` is an attribute.
    for text, name, _, _ in string.Formatter().parse(word):
        filled += text
        if name is None:
            continue
        if name not in values:
            raise LookupError(
                f"this configuration has no {name}, because its condition does not hold; read the configuration from "
                "standard input instead, where such a field is missing"
            )
        filled += values[name] if isinstance(values[name], str) else json.dumps(values[name])
    return filled


def _started(words: Sequence[str], config: Configuration) -> subprocess.Popen[str]:
    try:
        process = subprocess.Popen(  # noqa: S603 (the user's program; no shell reads its arguments)
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="backslashreplace",
            # A report that Python keeps in a buffer would come too late to stop the program after it.
            env={"PYTHONUNBUFFERED": "1", **os.environ, SEED: str(config.seed)},
            process_group=0,  # its own, which is stopped as a whole, in the session of this process
            preexec_fn=lambda: end_with_parent(signal.SIGKILL),
        )
    except OSError as error:
        raise RuntimeError(f"{words[0]} cannot be started: {error.strerror}") from error
    with suppress(BrokenPipeError), cast(IO[str], process.stdin) as stream:  # it need not read its input
        stream.write(json.dumps({**config, "seed": config.seed}) + "\n")
    return process


def _reports_in(stream: IO[str], metric: str) -> Iterator[Mapping[str, Any]]:
    """Yield the reports in a program's output, and copy all else to standard error; RuntimeError if a line begins as a
    report does, and is too long for one."""
    begins = True
    while piece := stream.readline(MAX_LINE):
        ends = len(piece) < MAX_LINE or piece.endswith("\n")
        if begins and not ends and piece.lstrip().startswith("{"):
            raise RuntimeError(
                f"the program printed a line of JSON with more than {MAX_LINE:,} characters; "
                'a report holds numbers alone: {"value": 0.97}'
            )
        report = _report_in(piece, metric) if begins else None
        begins = ends
        if report is None:
            sys.stderr.write(piece)
        else:
            yield report


def _report_in(line: str, metric: str) -> Mapping[str, Any] | None:
    """Return the report that a line of output is; None if it is other output."""
    try:
        found = json.loads(line, object_pairs_hook=list) if line.lstrip().startswith("{") else []
    except ValueError:
        return None
    names = Counter(name for name, _ in found)
    if metric not in names:
        return None
    if (most := names.most_common(1)[0])[1] > 1:
        raise RuntimeError(f"the program printed a report that names {show(most[0])} twice")
    return dict(found)


def _copy(stream: IO[str] | None, last_lines: deque[str]) -> None:
    while stream is not None and (line := stream.readline(MAX_LINE)):
        last_lines.append(line.rstrip())
        sys.stderr.write(line)
        sys.stderr.flush()


def _signal(process: subprocess.Popen[str], number: signal.Signals) -> None:
    with suppress(OSError):  # it has ended
        os.killpg(process.pid, number)


def _end(process: subprocess.Popen[str]) -> None:
    """End a program that still runs: SIGTERM, so that it can put things in order, and after a while SIGKILL."""
    if process.poll() is not None:
        return
    _signal(process, signal.SIGTERM)
    _signal(process, signal.SIGCONT)  # a stopped process takes no signal but SIGKILL
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        _signal(process, signal.SIGKILL)
        process.wait()


def _failure(code: int, reports: int, last_lines: Sequence[str]) -> RuntimeError:
    if code:
        ending = f"the signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        *before, last = last_lines or [""]
        quoted = "".join(f"\n{line}" for line in before)
        said = f"its last lines are:{quoted}\n" if before else ""
        return RuntimeError(f"{said}the program ended with {ending}{': ' if last else ''}{last}")
    return RuntimeError('the program made no report; it prints a line of JSON for each: {"value": 0.97}')
