"""Canaries, worked out once per run of the tests: each worker would need half a second, or two, for its pair."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path

from mnist_bench.numerics import device
from support.warm_processes import FOLDER

Canary = Callable[..., str]


def keep() -> None:
    """From now on, this process and its forks, which compute alike, take canaries from the zygotes' folder."""
    for name in ("canary", "wide_canary", "portable_canary"):
        vars(device)[name] = _kept(vars(device)[name])


def _kept(found: Canary) -> Canary:
    kernels = os.environ.get("ONEDNN_MAX_CPU_ISA", "native")

    @wraps(found)
    def kept(*where: str) -> str:
        path = Path(os.environ[FOLDER], f"{found.__name__}-{kernels}-{'-'.join(where).replace(':', '-')}")
        try:
            return path.read_text()
        except FileNotFoundError:
            value = found(*where)
        aside = path.with_suffix(f".{os.getpid()}")
        aside.write_text(value)
        aside.rename(path)
        return value

    return kept
