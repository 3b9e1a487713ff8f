"""What the bits of a training run depend on besides its settings: this process's setup, and proof of its kernels."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import torch

from mnist_bench.batches import seeded
from mnist_bench.config import AugmentConfig, ModelConfig, OptimConfig, TrainConfig
from mnist_bench.data.tensors import Dataset
from mnist_bench.errors import DeviceError
from mnist_bench.precision import Precision, best_precision, cpu_flags, cpu_line
from mnist_bench.train import advance
from search import canonical

TRAINER_REVISION = 1
"""Raised whenever the same configuration, seed and data give other bits than before on one machine."""
FLAGS = ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16")
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

_CANARY_MODEL = ModelConfig(
    blocks=2, filters=(24, 32), kernel_size=(5, 3), batchnorm="before_activation", block_dropout=0.1,
    hidden_units=64, hidden_batchnorm="after_activation", hidden_dropout=0.3,
)  # fmt: skip
_CANARY = TrainConfig(
    epochs=1,
    model=_CANARY_MODEL,
    augment=AugmentConfig(rotation_degrees=10, zoom=0.1, shear_radians=0.1, translate_pixels=1),
    optim=OptimConfig(lr=0.01, batch_size=128, weight_decay=0.01, label_smoothing=0.1, ema_decay=0.9),
)


def setup(name: str = "auto") -> torch.device:
    """Prepare this process for training and return the device called `name`: auto, cpu, cuda or cuda:N.

    One thread, deterministic algorithms, no benchmarks that pick kernels: for the life of the process.

    Raises:
        DeviceError: there is no such device.
    """
    device = find_device(name)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    # Filling fresh memory with NaN shows reads of it in tests, and costs time in every step.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False
    return device


def describe(device: torch.device, precision: Precision) -> dict[str, Any]:
    """Return the canary, which decides whether two places give the same bits, and what may explain a difference."""
    return {
        "canary": canary(str(device), precision),
        "kind": f"cpu-{precision}" if device.type == "cpu" else "cuda",
        "device": str(device),
        "precision": precision,
        "trainer_revision": TRAINER_REVISION,
        "cpu": cpu_line("model name") or platform.processor() or platform.machine(),
        "cpu_flags": [flag for flag in FLAGS if flag in cpu_flags()],
        "gpu": _describe_gpu(device),
        "torch": str(torch.__version__),
        "libraries": _libraries(),
        "threads": torch.get_num_threads(),
        "environment": {name: os.environ[name] for name in VARIABLES if name in os.environ},
    }


@cache
def canary(device: str, precision: Precision) -> str:
    """Return the hash of the weights after two short trainings that run every kind of kernel (0.3 s on a CPU)."""
    data = _synthetic(torch.device(device))
    sgd = replace(_CANARY, model=replace(_CANARY_MODEL, batchnorm="after_activation"))
    sgd = replace(sgd, optim=replace(_CANARY.optim, optimizer="sgd_nesterov"))
    reports = [advance(config, 0, 1, None, data, precision)[1] for config in (_CANARY, sgd)]
    return canonical.sha256([[report.weights, dict(report.metrics)] for report in reports])


def choose_precision(device: torch.device, name: str) -> Precision:
    """Return the precision called `name`, or the best of the device for "auto"."""
    if name == "auto":
        return best_precision(device)
    return "bf16" if name == "bf16" else "fp32"


def find_device(name: str) -> torch.device:
    """Return the device called `name`: auto, cpu, cuda or cuda:N.

    Raises:
        DeviceError: there is no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind, _, number = name.partition(":")
    if kind not in ("cpu", "cuda") or (number and not number.isdigit()):
        raise DeviceError(f"device {name!r} is none of auto, cpu, cuda, cuda:1")
    if kind == "cuda" and int(number or 0) >= torch.cuda.device_count():
        raise DeviceError(
            f"device {name!r} is not there; PyTorch {torch.__version__} sees {torch.cuda.device_count()} GPUs"
        )
    return torch.device(name)


def _synthetic(device: torch.device) -> Dataset:
    """Return 256 pictures of noise, the same everywhere."""
    images = torch.randint(0, 256, (256, 1, 28, 28), dtype=torch.uint8, generator=seeded(0, "pictures"))
    labels = torch.randint(0, 10, (256,), generator=seeded(0, "labels"))
    indices = torch.arange(256, device=device)
    return Dataset(
        images=images.to(device), labels=labels.to(device), train=indices, validation=indices[:128],
        mean=127.5, std=73.9, data_hash="", split_hash="",
    )  # fmt: skip


def _describe_gpu(device: torch.device) -> Mapping[str, Any] | None:
    if device.type == "cpu":
        return None
    return {
        "name": torch.cuda.get_device_name(device),
        "capability": ".".join(map(str, torch.cuda.get_device_capability(device))),
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
    }


def _libraries() -> list[str]:
    """Return the versions of oneDNN and of the matrix library, as torch was built with them."""
    lines = (line.strip(" -") for line in torch.__config__.show().splitlines())
    return [line for line in lines if "Math Kernel Library" in line or "MKL-DNN" in line]
