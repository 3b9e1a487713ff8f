"""The precision in which a device computes convolutions and hidden layers."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import assert_never

import torch

from mnist_bench.numerics.kinds import Precision
from mnist_bench.numerics.portable import PortableOperations, check_process, computes_portable_bits, machine_lacks
from mnist_bench.numerics.resources import cpu_flags, cpu_line


def best_precision(device: torch.device) -> Precision:
    """Return bf16 if the device is faster in it, else fp32; on the CPU portable, if this process was started for it."""
    if device.type == "cuda":
        # Older GPUs emulate bf16 by float32, which is slower than float32 itself.
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return cpu_precision()


def cpu_precision() -> Precision:
    """Return portable if this process was started for it; it lacks the kernels that make other precisions faster.

    Otherwise return bf16 if the CPU has matrix tiles (AMX) or is an AMD with AVX512_BF16, else fp32. The CPU's model
    decides, not a measurement, so that the answer is always the same. AVX512_BF16 alone is not enough: on Intel cores
    whose tiles a hypervisor hides, bf16 reaches 82 GFLOP/s per core in matrix products and 85 in convolutions. fp32
    reaches 151 and 149 there. On AMD's Zen 4, bf16 reaches 378 and 350, fp32 94 and 180 (`mnist-bench bench speed`,
    commit 0e85c3d9).
    """
    if computes_portable_bits():
        return "portable"
    amd = cpu_line("vendor_id") == "AuthenticAMD"
    return "bf16" if "amx_bf16" in cpu_flags() or (amd and "avx512_bf16" in cpu_flags()) else "fp32"


def portable_is_free(device: torch.device) -> bool:
    """Return whether worker processes for portable precision train about as fast as others would here.

    They do on a CPU with AVX2 and FMA that has neither AVX-512 nor a fast bf16: float32 has no faster kernels there
    than those of portable precision (docs/guides/portable.md has the figures).
    """
    if device.type != "cpu" or cpu_precision() != "fp32" or "avx512f" in cpu_flags():
        return False
    return machine_lacks() is None


def computing_in(device: torch.device, precision: Precision) -> AbstractContextManager[object]:
    """Return the context in which a net's forward pass is computed in `precision`.

    It must not span several steps: autocast caches the bf16 copies of the weights until it is left, so that later steps
    would compute with outdated weights.

    Raises:
        DeviceError: this process computes no portable bits.
    """
    match precision:
        case "bf16":
            return torch.autocast(device.type, dtype=torch.bfloat16)
        case "fp32":
            return torch.autocast(device.type, dtype=torch.bfloat16, enabled=False)
        case "portable":
            check_process()
            return PortableOperations()
        case _:
            assert_never(precision)


def multiplying_in(precision: Precision) -> AbstractContextManager[object]:
    """Return the context in which an optimizer multiplies float32 matrices, with the bits that `precision` promises.

    Raises:
        DeviceError: this process computes no portable bits.
    """
    match precision:
        case "bf16" | "fp32":
            return nullcontext()
        case "portable":
            return computing_in(torch.device("cpu"), precision)
        case _:
            assert_never(precision)
