"""The names of the kinds of device and of the precisions; this module does not import PyTorch."""

from __future__ import annotations

from typing import Literal, assert_never

Precision = Literal["bf16", "fp32"]
PrecisionName = Literal["auto", Precision]
"""What may be asked for; auto is the device's fastest."""
DeviceKind = Literal["cpu-bf16", "cpu-fp32", "cuda"]


def device_kind(precision: Precision, *, on_gpu: bool) -> DeviceKind:
    """Return the kind of a device that computes in `precision`."""
    if on_gpu:
        return "cuda"
    match precision:
        case "bf16":
            return "cpu-bf16"
        case "fp32":
            return "cpu-fp32"
        case _:
            assert_never(precision)
