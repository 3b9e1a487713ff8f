"""Other people's programs, run beside a search: Optuna's command line and its dashboard."""

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
from typing import Any

PROGRAMS = Path(sys.executable).parent
PATIENCE = 60.0
"""Seconds after which a test gives up."""


@contextmanager
def started(*command: str) -> Iterator[subprocess.Popen[str]]:
    """Run a program; end it where it has not ended by itself, paused or not."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.communicate(timeout=PATIENCE)


def wait(until: Callable[[], Any]) -> Any:
    """Return the first answer that is not false."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := until():
            return found
        time.sleep(0.1)
    raise AssertionError("it did not happen")


@contextmanager
def dashboard(url: str) -> Iterator[str]:
    """Serve Optuna's dashboard of a database; yield its address once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    address = f"http://127.0.0.1:{port}"
    with started(str(PROGRAMS / "optuna-dashboard"), url, "--host", "127.0.0.1", "--port", port):
        wait(lambda: answer(f"{address}/dashboard"))
        yield address


def answer(address: str) -> bytes | None:
    """Return what a local address answers; None while it does not."""
    try:
        with urllib.request.urlopen(address, timeout=5) as got:  # noqa: S310
            return bytes(got.read())
    except OSError:
        return None


def optuna(*arguments: str) -> list[dict[str, Any]]:
    """Return what Optuna's command line prints."""
    command = [str(PROGRAMS / "optuna"), *arguments, "--format", "json"]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    printed = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=PATIENCE, check=True)
    rows: list[dict[str, Any]] = json.loads(printed.stdout)
    return rows
