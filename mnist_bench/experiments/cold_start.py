"""The seconds of a whole process that trains one recipe, from its start to its end."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from mnist_bench.errors import Stopped
from mnist_bench.numerics.kinds import Precision
from search.errors import WorkerError
from search.messages import command_line

PROGRAM = "from mnist_bench.cli.app import main; main()"
"""The code that the installed `mnist-bench` runs."""
GLANCE = 0.05
"""Seconds between two checks whether to stop."""


def train_arguments(
    recipe: str, seed: int, *, device: str, precision: Precision, data_dir: Path | None
) -> tuple[str, ...]:
    """Return the arguments with which `mnist-bench` trains a recipe once."""
    where = ("--data-dir", str(data_dir)) if data_dir else ()
    return ("train", recipe, "--seed", str(seed), "--device", device, "--precision", precision, *where)


def seconds(arguments: Sequence[str], stopping: Callable[[], bool]) -> float:
    """Run `mnist-bench` with these arguments in a new process and return the seconds it took.

    Nothing is warm but the system's cache of files.

    Raises:
        Stopped: `stopping` returned True before the end.
        WorkerError: it fails.
    """
    # -P keeps Python from importing out of the folder that the command is run in.
    command = [sys.executable, "-P", "-c", PROGRAM, *arguments]
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:  # noqa: S603
        try:
            while (code := _code(process)) is None and not stopping():
                pass
            took = time.perf_counter() - began
        finally:
            process.kill()  # does nothing to one that has ended
    if code is None or stopping():  # a Ctrl-C reaches the process too, which then fails
        raise Stopped
    if code:
        raise WorkerError(f"The timed training failed; this shows why: mnist-bench {command_line(arguments)}")
    return took


def _code(process: subprocess.Popen[bytes]) -> int | None:
    """Return the process's exit code; None if it has not ended within a glance."""
    try:
        return process.wait(GLANCE)
    except subprocess.TimeoutExpired:
        return None
