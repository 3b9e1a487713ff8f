"""What the system reports of the processor; this module does not import PyTorch."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

GENERATIONS = {"Zen 3": (25, {0, 2, 4, 5}), "Zen 4": (25, {1, 6, 7, 10}), "Zen 5": (26, {0, 1, 2, 4})}
"""Generations of AMD's processors: the family, and the sixteenths of the models' numbers."""


def cores() -> int:
    """Return the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # macOS has no affinity


@cache
def cpu_flags() -> frozenset[str]:
    """Return the CPU's instruction sets as Linux names them; empty on other systems."""
    return frozenset(cpu_line("flags").split())


def cpu_line(name: str) -> str:
    """Return the first entry called `name` in /proc/cpuinfo, or an empty text."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.split(":")[0].strip() == name), "")


def cpu_generation() -> str:
    """Return the generation of the CPU, such as `Zen 4`; empty if it is not known."""
    family, model = cpu_line("cpu family"), cpu_line("model")
    if cpu_line("vendor_id") != "AuthenticAMD" or not (family.isdecimal() and model.isdecimal()):
        return ""
    found = (name for name, (of, models) in GENERATIONS.items() if int(family) == of and int(model) // 16 in models)
    return next(found, "")
