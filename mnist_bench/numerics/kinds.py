"""The kinds of device and the precisions by name, their constants, and what the system reports of the processor.

This module does not import PyTorch.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

Precision = Literal["bf16", "fp32", "portable"]
"""portable is float32 with the same bits on every x86-64 processor that has AVX2; see `numerics.operations`."""
PrecisionName = Literal["auto", Precision]  # the precisions to choose from; auto is the device's fastest
DeviceKind = Literal["cpu-bf16", "cpu-fp32", "cpu-portable", "cuda"]
PORTABLE_VARIABLES: Mapping[str, str] = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_CBWR": "COMPATIBLE",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
}
"""What a process that computes portable bits is started with: PyTorch, MKL and oneDNN read these once, and then choose
the same kernels on every processor."""
PORTABLE_CHECKS = (
    "33c1f908bf984be2db1b03d3afba32f586c3852212dabeeeb8621b3c3476a74c",
    "1df4969e8c1bc029cdff019c9a0c95067a03128b4ad53e0a05054bbe7452bb92",
)
"""The numerics check and the portable one, which are the same on every machine; results/published/portable.md."""
MUON_ITERATIONS = 3
"""Newton-Schulz iterations per step and weight, as many as in airbench94_muon; see `numerics.operations`."""
TRAINER_REVISIONS: Mapping[DeviceKind, int] = {"cpu-bf16": 2, "cpu-fp32": 2, "cpu-portable": 1, "cuda": 2}
"""Raised for a kind whenever the same configuration, seed and data give other bits than before on the same machine of
that kind; studies of the other kinds can be resumed."""


def device_kind(precision: Precision, *, on_gpu: bool) -> DeviceKind:
    """Return the kind of a device that computes in `precision`; no GPU computes in portable."""
    of_cpu: Mapping[Precision, DeviceKind] = {"bf16": "cpu-bf16", "fp32": "cpu-fp32", "portable": "cpu-portable"}
    return "cuda" if on_gpu else of_cpu[precision]


def environment_of(precision: str) -> Mapping[str, str]:
    """Return the environment variables that a process needs at its start to compute in the precision of this name."""
    return PORTABLE_VARIABLES if precision == "portable" else {}


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


def processor_lacks() -> str | None:
    """Return what portable precision needs and this processor lacks; None if there is nothing."""
    machine = platform.machine()
    if machine.lower() not in ("x86_64", "amd64"):
        return f"needs an x86-64 processor, and this one is {machine}"
    if cpu_flags() and not {"avx2", "fma"} <= cpu_flags():
        return "needs a processor with AVX2 and FMA, which this one lacks"
    return None


def cpu_generation() -> str:
    """Return the generation of the CPU, such as `Zen 4`; empty if it is not known."""
    family, model = cpu_line("cpu family"), cpu_line("model")
    if cpu_line("vendor_id") != "AuthenticAMD" or not (family.isdecimal() and model.isdecimal()):
        return ""
    found = (name for name, (of, models) in GENERATIONS.items() if int(family) == of and int(model) // 16 in models)
    return next(found, "")
