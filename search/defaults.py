"""Defaults that a user sets once, in environment variables. None of them changes a result or a digest."""

from __future__ import annotations

import os
from pathlib import Path

from search.errors import UsageError
from search.messages import show

RESULTS = Path("results")  # the folder of studies if nobody has named one
RESULTS_VARIABLE = "MNIST_BENCH_RESULTS"
WORKERS_VARIABLE = "MNIST_BENCH_WORKERS"


def results_in_force(given: str | Path | None = None) -> Path:
    """Return the folder of studies that is given, or else $MNIST_BENCH_RESULTS, or else `results`."""
    return Path(_value(RESULTS_VARIABLE) or RESULTS if given is None else given)


def workers_in_force() -> int | None:
    """Return the number of processes in $MNIST_BENCH_WORKERS, None if it is not set; UsageError if it is no number."""
    if not (text := _value(WORKERS_VARIABLE)):
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 7 and int(text) > 0):
        raise UsageError(f"{WORKERS_VARIABLE}={show(text)}: give an integer of at least 1.")
    return int(text)


def source(variable: str) -> str:
    """Return where a default in force is from: the variable, or "default"."""
    return variable if _value(variable) else "default"


def _value(variable: str) -> str:
    # An empty variable counts as not set: `MNIST_BENCH_WORKERS= mnist-bench ...` unsets it for one command.
    return os.environ.get(variable, "")
