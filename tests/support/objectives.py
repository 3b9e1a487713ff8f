"""Objectives for tests, which other processes load by name."""

from __future__ import annotations

import itertools
import os
import random
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from search import Configuration

SPACE = {"name": "parabola", "x": {"float": [-4.0, 4.0]}, "depth": {"int": [1, 3]}}
PERIODS = 4


def parabola(config: Configuration) -> float:
    noise = random.random() + np.random.rand() + np.random.default_rng(config.seed).random()
    return float(-((config.x - 1) ** 2) + 1e-3 * noise)


def sleeper(config: Configuration) -> float:
    time.sleep(config.seconds)
    return float(config.seconds)


def level(config: Configuration) -> float:
    return 0.5


def descent(config: Configuration) -> Iterator[Mapping[str, float]]:
    loss = abs(config.x)
    for step in range(PERIODS):
        loss = 0.5 * loss + 0.01 * np.random.rand() * config.depth
        yield {"value": -loss, "loss": loss, "step": step}


def until_depth(config: Configuration) -> Iterator[float]:
    for step in range(config.depth):
        yield config.x - step


def endless(config: Configuration) -> Iterator[float]:
    yield from itertools.repeat(config.x)


def with_the_time(config: Configuration) -> Mapping[str, float]:
    return {"value": config.x, "finished_at": time.time()}


def drawn_from_the_system(config: Configuration) -> float:
    """Draw what no seed decides."""
    return float(np.random.default_rng().random() + config.x)


def not_a_number(config: Configuration) -> float:
    return float("nan" if config.x > 0 else config.x)


def a_text(config: Configuration) -> str:
    return f"{config.x}"


def raises(config: Configuration) -> float:
    raise ArithmeticError(f"no value for {config.depth}")


def interrupts(config: Configuration) -> float:
    raise KeyboardInterrupt(f"enough of {config.depth}")


def crashes(config: Configuration) -> float:
    if config.depth == 1:
        os.kill(os.getpid(), signal.SIGSEGV)
    return float(config.x)


def leaves(config: Configuration) -> float:
    os._exit(3)


def killed_ones(config: Configuration) -> Iterator[float]:
    """Yield as `descent` does; end its process in the third part, but only the first time."""
    folder = Path(os.environ["KILLED_ONES"])
    for step, report in enumerate(descent(config)):
        mark = folder / f"{config.seed}"
        if step == 2 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        yield report["value"]


def prints(config: Configuration) -> float:
    print("a line of output", flush=True)
    return float(config.x)


def of_a_section(config: Configuration) -> float:
    values: dict[str, Any] = dict(config)
    assert values["model.depth"] == config.model.depth == config["model.depth"]
    return float(config.x + config.model.depth)


def prints_much(config: Configuration) -> float:
    """Print five megabytes, whose lines are numbered."""
    for number in range(500_000):
        print(f"{number:9d}")
    return float(config.x)
