"""Functions, programs and spaces of a user, as the text of files, and commands that search them."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from support.commands import Ran

SPACE = """
name: descent
x: {float: [-4.0, 4.0]}
depth: {int: [1, 3]}
"""
PERIODS = 4
FUNCTION = ("--objective", "mine.py:descent")
PROGRAM = ("--command", "./train.sh {x}")
MAIN = "import sys; sys.argv[0] = 'mnist-bench'; from mnist_bench.cli.app import main; main()"
FUNCTIONS = """
import os, random, time
import numpy as np
from neighbour import HALF

def descent(config):
    pause = float(os.environ.get("PAUSE", "0"))
    loss = abs(config.x)
    for step in range(4):
        time.sleep(pause)
        loss = HALF * loss + 0.01 * np.random.rand() * config.depth + 0.01 * random.random()
        yield {"value": -loss, "loss": loss}

def parabola(config):
    return -(config.x - 1) ** 2

def fails(config):
    raise ArithmeticError(f"no value for {config.depth}")

def clock(config):
    return {"value": config.x, "finished_at": time.time()}
"""
NEIGHBOUR = "HALF = 0.5\n"
SCRIPT = """#!/bin/sh
# Reports four times, and notes that it was asked to end.
set -e
trap 'echo ended >> ended.log; exit 1' TERM
value=$1
for step in 1 2 3 4; do
    sleep "${PAUSE:-0}"
    value=$(awk -v value="$value" 'BEGIN { printf "%.17g", value / 2 }')
    echo "step $step"
    echo "{\\"value\\": $value}"
done
"""
"""The script halves a number, so that its trials are ordered by it."""


def write(folder: Path) -> None:
    """Write the files into a folder: `mine.py`, `neighbour.py`, `space.yaml` and the executable `train.sh`."""
    (folder / "mine.py").write_text(FUNCTIONS)
    (folder / "neighbour.py").write_text(NEIGHBOUR)
    (folder / "space.yaml").write_text(SPACE)
    (folder / "train.sh").write_text(SCRIPT)
    (folder / "train.sh").chmod(0o755)


def words(*more: str, of: Sequence[str] = FUNCTION, workers: int = 2) -> list[str]:
    """Return a command that searches, without its first word."""
    return ["search", "space.yaml", *of, "--periods", str(PERIODS), "--workers", str(workers), *more]


def start(folder: Path, line: Sequence[str], *, pause: float = 0.0) -> subprocess.Popen[str]:
    """Start a command in a process of its own, in a folder; a report takes at least `pause` seconds."""
    return subprocess.Popen(
        [sys.executable, "-c", MAIN, *line], cwd=folder, env={**os.environ, "PAUSE": str(pause)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def run(folder: Path, line: Sequence[str], *, pause: float = 0.0) -> Ran:
    """Run a command as `start` does, to its end."""
    process = start(folder, line, pause=pause)
    out, err = process.communicate()
    return Ran(process.returncode, out, err)


def children(pid: int) -> list[int]:
    """Return the processes that a process has started and that have not been waited for."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found


def descendants(pid: int) -> list[int]:
    """Return the processes that a process has started, and those that these have started."""
    found = [pid]
    for each in found:
        found += children(each)
    return found[1:]


def alive(pids: Sequence[int]) -> list[int]:
    """Return those of the processes that have not ended, zombies left out."""
    return [pid for pid in pids if _state(pid) not in ("", "Z", "X")]


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def digest(printed: str) -> str:
    """Return the digest that a search has printed."""
    (found,) = re.findall(r"^digest (.*)$", printed, re.MULTILINE)
    return str(found)


def command_in(printed: str, heading: str) -> list[str]:
    """Return the words of the command, but for the program's, on the line below a heading."""
    (line,) = re.findall(rf"{re.escape(heading)}\n +mnist-bench (.*)$", printed, re.MULTILINE)
    return shlex.split(str(line))
