"""Describe the machine on which something was measured."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version

import torch

from mnist_bench.numerics.kinds import Precision
from mnist_bench.numerics.resources import cores, cpu_line

PACKAGES = ("mnist-bench", "torch", "optuna", "numpy")


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """A machine with the versions that ran on it."""

    processor: str  # its name, with family and model if the system reports them: a hypervisor may only report a brand
    cores: int  # number of cores that this process may use
    gpu: str | None  # name of the GPU that trained; None if the CPU did
    precision: Precision
    python: str
    versions: Mapping[str, str]


def this_machine(device: torch.device, precision: Precision) -> Machine:
    """Return the machine on which this process runs and trains, on `device` in `precision`."""
    return Machine(
        processor=_processor(),
        cores=cores(),
        gpu=torch.cuda.get_device_name(device) if device.type == "cuda" else None,
        precision=precision,
        python=platform.python_version(),
        versions={name: version(name) for name in PACKAGES},
    )


def _processor() -> str:
    name = cpu_line("model name") or platform.processor() or platform.machine()
    family, model = cpu_line("cpu family"), cpu_line("model")
    return f"{name} (family {family}, model {model})" if family and model else name


def sentence(machine: Machine) -> str:
    """Return the machine in one line: "2 cores of AMD EPYC, bf16, Python 3.11.7, torch 2.13.0"."""
    hardware = machine.gpu or f"{machine.cores} core{'s' if machine.cores != 1 else ''} of {machine.processor}"
    versions = ", ".join(f"{name} {number}" for name, number in machine.versions.items())
    return f"{hardware}, {machine.precision}, Python {machine.python}, {versions}"
