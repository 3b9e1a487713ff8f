"""Other processes: what they do is waited for, which takes as long as it takes.

Nothing here has a limit: pytest's own (`timeout` in pyproject.toml) ends a test that hangs. Other people's programs are
Optuna's command line and its dashboard.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


def until(found: Callable[[], T | None], pause: float = 0.02) -> T:
    """Return what a function returns as soon as that is true, looked at every `pause` seconds."""
    while not (seen := found()):
        time.sleep(pause)
    return seen


PROGRAMS = Path(sys.executable).parent


@contextmanager
def started(*command: str) -> Iterator[subprocess.Popen[str]]:
    """Run a program; end it where it has not ended by itself, paused or not."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGCONT)
            process.terminate()


@contextmanager
def dashboard(url: str) -> Iterator[str]:
    """Serve Optuna's dashboard of a database; yield its address once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    address = f"http://127.0.0.1:{port}"
    with started(str(PROGRAMS / "optuna-dashboard"), url, "--host", "127.0.0.1", "--port", port):
        until(lambda: answer(f"{address}/dashboard"))
        yield address


def answer(address: str) -> bytes | None:
    """Return what a local address answers; None while it does not."""
    try:
        with urllib.request.urlopen(address) as got:  # noqa: S310
            return bytes(got.read())
    except OSError:
        return None


def optuna(*arguments: str) -> list[dict[str, Any]]:
    command = [str(PROGRAMS / "optuna"), *arguments, "--format", "json"]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    printed = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    rows: list[dict[str, Any]] = json.loads(printed.stdout)
    return rows
