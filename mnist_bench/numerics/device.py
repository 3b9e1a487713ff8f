"""Set up this process for the bits of a training run, which depend on more than its settings; describe it and its
machine."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, get_args

import torch

from mnist_bench.errors import DeviceError
from mnist_bench.numerics.checks import multiprocessors, numerics_check, portable_check, wide_check
from mnist_bench.numerics.kinds import (
    TRAINER_REVISIONS,
    DeviceKind,
    Precision,
    cores,
    cpu_flags,
    cpu_generation,
    cpu_line,
    device_kind,
)
from mnist_bench.numerics.operations import best_precision
from search.arguments import check_choice
from search.differences import CHECK, WIDE_CHECK
from search.messages import number_of

FLAGS = ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16")
"""Instruction sets by which oneDNN and the matrix library choose their kernels."""
VARIABLES = (
    "ATEN_CPU_CAPABILITY",
    "CUBLAS_WORKSPACE_CONFIG",
    "DNNL_MAX_CPU_ISA",
    "MKL_CBWR",
    "MKL_ENABLE_INSTRUCTIONS",
    "NVIDIA_TF32_OVERRIDE",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "ONEDNN_MAX_CPU_ISA",
)
"""Environment variables by which a user changes that choice, or the precision."""


def setup(name: str = "auto", precision: str = "auto") -> tuple[torch.device, Precision]:
    """Prepare this process for training; return its device and its precision. Errors as in `find_device` and
    `choose_precision`.

    Sets one thread, deterministic algorithms, and no benchmarks to select kernels, for the life of the process.
    """
    device = find_device(name, precision)
    if device.type == "cuda":
        # cuBLAS reads this when it starts; some versions of PyTorch insist on it.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # Sums split over threads are added in another order, and so depend on the number of cores. Workers use the cores.
    torch.set_num_threads(1)
    # As `use_deterministic_algorithms(True)`, which also imports PyTorch's compiler to inform it: a second per process.
    torch.set_deterministic_debug_mode("error")
    # By default, deterministic algorithms fill new memory with NaN to reveal reads of it; that costs time in every
    # step.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False  # a benchmark may select another kernel in each run
    return device, choose_precision(device, precision)


def describe(device: torch.device, precision: Precision) -> dict[str, Any]:
    """Return the checks, which decide whether two machines compute alike, and values that may explain a difference."""
    kind = device_kind(precision, on_gpu=device.type != "cpu")
    built = [line.strip(" -") for line in torch.__config__.show().splitlines()]
    return {
        CHECK: numerics_check(str(device), precision),
        WIDE_CHECK: portable_check() if precision == "portable" else wide_check(str(device), precision),
        "kind": kind,
        "device": str(device),
        "precision": precision,
        "trainer_revision": TRAINER_REVISIONS[kind],
        "cpu": _processor(),
        "cpu_generation": cpu_generation(),
        "cpu_flags": [flag for flag in FLAGS if flag in cpu_flags()],
        "gpu": _describe_gpu(device),
        "torch": str(torch.__version__),
        # The versions of oneDNN and of the matrix library with which torch was built.
        "libraries": [line for line in built if "Math Kernel Library" in line or "MKL-DNN" in line],
        "threads": torch.get_num_threads(),
        "environment": {name: os.environ[name] for name in VARIABLES if name in os.environ},
    }


def choose_precision(device: torch.device, name: str) -> Precision:
    """Return the precision called `name`; for "auto" the fastest one of the device."""
    precisions: tuple[Precision, ...] = get_args(Precision)
    check_choice("precision", name, ("auto", *precisions))
    if name == "portable" and device.type != "cpu":
        raise DeviceError(
            f"device {device}: does not support portable precision; use --device cpu, or another precision"
        )
    return next((precision for precision in precisions if precision == name), None) or best_precision(device)


def find_device(name: str, precision: str = "auto") -> torch.device:
    """Return the device called `name`: auto, cpu, cuda or cuda:N. With portable precision, auto is the CPU."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() and precision != "portable" else "cpu")
    kind, _, number = name.partition(":")
    if not re.fullmatch(r"cpu|cuda(:(0|[1-9][0-9]{0,3}))?", name):
        raise DeviceError(f"device {name!r} is not one of auto, cpu, cuda, cuda:1")
    if kind == "cuda" and int(number or 0) >= torch.cuda.device_count():
        raise DeviceError(
            f"device {name!r} does not exist; PyTorch {torch.__version__} sees {torch.cuda.device_count()} GPUs"
        )
    return torch.device(name)


def kind_of(name: str, precision: str) -> DeviceKind:
    """Return the kind of the device called `name` when it trains in a precision. Errors as `find_device` and
    `choose_precision`."""
    device = find_device(name, precision)
    return device_kind(choose_precision(device, precision), on_gpu=device.type != "cpu")


def _describe_gpu(device: torch.device) -> Mapping[str, Any] | None:
    if device.type == "cpu":
        return None
    return {
        "name": torch.cuda.get_device_name(device),
        "capability": ".".join(map(str, torch.cuda.get_device_capability(device))),
        "multiprocessors": multiprocessors(device),
        "tf32": torch.backends.cudnn.allow_tf32,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
    }


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

    @property
    def sentence(self) -> str:
        """The machine in one line: "2 cores of AMD EPYC, bf16, Python 3.11.7, torch 2.13.0"."""
        hardware = self.gpu or f"{number_of(self.cores, 'core')} of {self.processor}"
        versions = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        return f"{hardware}, {self.precision}, Python {self.python}, {versions}"


def _processor() -> str:
    return cpu_line("model name") or platform.processor() or platform.machine()


def this_machine(device: torch.device | str, precision: Precision) -> Machine:
    """Return the machine on which this process runs and trains, on `device` in `precision`."""
    name = _processor()
    family, model = cpu_line("cpu family"), cpu_line("model")
    return Machine(
        processor=f"{name} (family {family}, model {model})" if family and model else name,
        cores=cores(),
        gpu=torch.cuda.get_device_name(device) if torch.device(device).type == "cuda" else None,
        precision=precision,
        python=platform.python_version(),
        versions={name: version(name) for name in PACKAGES},
    )
