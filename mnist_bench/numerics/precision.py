"""In which precision a device computes convolutions and hidden layers."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import assert_never

import torch

from mnist_bench.numerics.kinds import Precision


def best_precision(device: torch.device) -> Precision:
    """Return bf16 where the device computes faster in it, and fp32 elsewhere."""
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return cpu_precision()


def cpu_precision() -> Precision:
    """Return bf16 where the CPU has matrix tiles (AMX) or is AMD's with AVX512_BF16, and fp32 elsewhere.

    By what the CPU is and not by a measurement, so that it is the same each time. Intel's cores with AVX512_BF16 whose
    tiles a hypervisor hides have the instructions, but take longer: 82 GFLOP/s a core against 151 in fp32 for matrix
    products, 85 against 149 for convolutions, where AMD's Zen 4 has 378 against 94 and 350 against 180
    (`mnist-bench bench speed`, results/published/speed).
    """
    amd = cpu_line("vendor_id") == "AuthenticAMD"
    return "bf16" if "amx_bf16" in cpu_flags() or (amd and "avx512_bf16" in cpu_flags()) else "fp32"


def autocast(device: torch.device, precision: Precision) -> torch.autocast:
    """Return the autocast of one step. One entered for longer would train on the casts of older weights."""
    match precision:
        case "bf16":
            return torch.autocast(device.type, dtype=torch.bfloat16)
        case "fp32":
            return torch.autocast(device.type, dtype=torch.bfloat16, enabled=False)
        case _:
            assert_never(precision)


@cache
def cpu_flags() -> frozenset[str]:
    """Return the instruction sets that Linux names for the CPU; none on other systems."""
    return frozenset(cpu_line("flags").split())


def cpu_line(name: str) -> str:
    """Return the first entry called `name` of /proc/cpuinfo, or nothing."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.split(":")[0].strip() == name), "")
