"""Options that several commands share, spelled and explained once."""

from __future__ import annotations

import ctypes
import os
import re
from pathlib import Path
from typing import Annotated, Literal

import typer

from mnist_bench.config import DatasetName
from mnist_bench.numerics import Precision
from search.errors import UsageError

STORAGE_VARIABLE = "OPTUNA_STORAGE"
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers", min=1, metavar="N", help="Processes; left out, one a core, or one on a GPU. Changes no result."
    ),
]
Results = Annotated[Path, typer.Option("--results", metavar="DIR", help="Folder of the studies.")]
Storage = Annotated[
    str | None,
    typer.Option(
        "--storage",
        metavar="URL",
        envvar=STORAGE_VARIABLE,
        show_envvar=False,
        help="Database of the studies, as Optuna spells it; left out, SQLite in the results folder. "
        "Taken from OPTUNA_STORAGE too, which keeps a password off the command line.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV.")]
Markdown = Annotated[bool, typer.Option("--markdown", help="Print a Markdown table.")]
Device = Annotated[str, typer.Option("--device", metavar="NAME", help="auto, cpu, cuda or cuda:1.")]
PrecisionName = Literal["auto", Precision]
PrecisionOption = Annotated[
    PrecisionName, typer.Option("--precision", help="Of convolutions; auto is the device's fastest.")
]
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", metavar="DIR", help="Four IDX files in MNIST's format; left out, the MNIST inside."),
]
Dataset = Annotated[DatasetName, typer.Option("--dataset", help="Other sets than mnist are downloaded once.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="Replace a field of the file, e.g. optim.lr=0.01; repeatable."),
]

_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?) ?([smh]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}
RESULTS = Path("results")


def cores() -> int:
    """Return the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # macOS has no affinity


def suitable_workers(device: str) -> int:
    """Return how many processes suit a device by its name: one a core, or one on a GPU, which lanes fill."""
    return 1 if _is_gpu(device) else cores()


def _is_gpu(device: str) -> bool:
    """Return whether training on this device is training on a GPU.

    PyTorch takes seconds to load, so it is asked only where NVIDIA's driver is installed.
    """
    if device != "auto":
        return device.startswith("cuda")
    try:
        ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
    except OSError:
        return False
    import torch

    return torch.cuda.is_available()


def seconds(text: str) -> float:
    """Return the seconds of `90s`, `15m`, `1h`, or of a number alone.

    Raises:
        UsageError: it is no such time.
    """
    found = _DURATION.fullmatch(text.strip())
    if found is None or float(found[1]) == 0:
        raise UsageError(f"--budget {text}: no time to spend; write 90s, 15m or 1h.")
    return float(found[1]) * _SECONDS[found[2]]
