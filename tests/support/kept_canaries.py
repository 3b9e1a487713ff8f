"""Canaries, worked out once per run of the tests: each worker would need half a second for its two."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path

from mnist_bench.numerics import device
from mnist_bench.numerics.kinds import Precision
from support.warm_processes import FOLDER

Canary = Callable[[str, Precision], str]


def keep() -> None:
    """From now on, this process and its forks, which compute alike, take canaries from the zygotes' folder."""
    for name in ("canary", "wide_canary"):
        vars(device)[name] = _kept(vars(device)[name])


def _kept(found: Canary) -> Canary:
    @wraps(found)
    def kept(place: str, precision: Precision) -> str:
        path = Path(os.environ[FOLDER], f"{found.__name__}-{place.replace(':', '-')}-{precision}")
        try:
            return path.read_text()
        except FileNotFoundError:
            value = found(place, precision)
        aside = path.with_suffix(f".{os.getpid()}")
        aside.write_text(value)
        aside.rename(path)
        return value

    return kept
