"""The names of the kinds of device and of the precisions, with their constants; this module does not import PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, assert_never

Precision = Literal["bf16", "fp32", "portable"]
"""portable is float32 with the same bits on every x86-64 processor that has AVX2; see `numerics.portable`."""
PrecisionName = Literal["auto", Precision]
"""The precisions to choose from; auto is the device's fastest."""
DeviceKind = Literal["cpu-bf16", "cpu-fp32", "cpu-portable", "cuda"]
PORTABLE_VARIABLES: Mapping[str, str] = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_CBWR": "COMPATIBLE",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
}
"""What a process that computes portable bits is started with: PyTorch, MKL and oneDNN read these once, and then choose
the same kernels on every processor."""
PORTABLE_CANARY = (
    "33c1f908bf984be2db1b03d3afba32f586c3852212dabeeeb8621b3c3476a74c",
    "1df4969e8c1bc029cdff019c9a0c95067a03128b4ad53e0a05054bbe7452bb92",
)
"""The canary and the portable canary, which are the same on every machine; results/published/portable.md."""
PORTABLE_LATER: Mapping[str, str] = {
    "muon": "c5a0943537522c4b9a4563ccfb64edd463e1d8eb5b09f9d447dd85ab3708df76",
    "look-ahead": "8f8fd67702cdd3f081ac5c2f94704b4f536ed751e1b4cfa5abef53a0402ecc38",
}
"""The hashes of operations of later settings, which are the same on every machine, by their names."""
MUON_ITERATIONS = 3
"""Newton-Schulz iterations per step and weight, as many as in airbench94_muon; see `numerics.muon`."""
TRAINER_REVISIONS: Mapping[DeviceKind, int] = {"cpu-bf16": 2, "cpu-fp32": 2, "cpu-portable": 1, "cuda": 2}
"""Raised for a kind whenever the same configuration, seed and data give other bits than before on the same machine of
that kind; studies of the other kinds can be resumed."""


def device_kind(precision: Precision, *, on_gpu: bool) -> DeviceKind:
    """Return the kind of a device that computes in `precision`; no GPU computes in portable."""
    if on_gpu:
        return "cuda"
    match precision:
        case "bf16":
            return "cpu-bf16"
        case "fp32":
            return "cpu-fp32"
        case "portable":
            return "cpu-portable"
        case _:
            assert_never(precision)


def environment_of(precision: str) -> Mapping[str, str]:
    """Return the environment variables that a process needs at its start to compute in the precision of this name."""
    return PORTABLE_VARIABLES if precision == "portable" else {}
