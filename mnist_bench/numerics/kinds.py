"""The names of the kinds of device and of the precisions; this module does not import PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, assert_never

Precision = Literal["bf16", "fp32"]
PrecisionName = Literal["auto", Precision]
"""The precisions to choose from; auto is the device's fastest."""
DeviceKind = Literal["cpu-bf16", "cpu-fp32", "cuda"]
TRAINER_REVISIONS: Mapping[DeviceKind, int] = {"cpu-bf16": 2, "cpu-fp32": 2, "cuda": 2}
"""Raised for a kind whenever the same configuration, seed and data give other bits than before on the same machine of
that kind; studies of the other kinds can be resumed."""


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
