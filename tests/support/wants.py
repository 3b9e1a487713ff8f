"""What a machine may lack, as the end of a run gives it as the reason of each test that was skipped.

On machines whose portable bits are known another bit is a fault, on any other machine a finding. Bits that were kept
say something where the numerics check is that of then, and PyTorch's release, too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import version as installed
from typing import Any

import pytest

from support.paths import ROOT

BITS = "no bits are known of this processor with this PyTorch"
CGROUP = "no control group with a limit of memory may be made"
CHROMIUM = "there is no Chromium (apt install chromium chromium-driver)"
COMPILER = "there is no C compiler (apt install gcc)"
CUDA = "there is no CUDA device"
MOUNT = "no disk may be mounted"
NODE = "there is no Node (apt install nodejs)"
QEMU = "there is no qemu-user (apt install qemu-user)"


def bits(waits_for: str, script: str) -> str:
    """Return why bits are not compared here: nobody has noted those of such a processor, which a script does."""
    return f"{BITS}: it waits for {waits_for}, which benchmarks/{script} adds"


LINES = ROOT / "results" / "published" / "portable.json"


def check_as_published(numerics: Mapping[str, Any]) -> None:
    """Fail if these numerics of this machine are not the published ones; skip if the machine is not published, either.

    A skipped machine has other bits than those published.
    """
    import torch  # not when pytest starts, which sets the variables that PyTorch reads

    from mnist_bench.numerics.checks import is_as_published
    from mnist_bench.numerics.device import this_machine

    if is_as_published(numerics):
        return
    here = this_machine(torch.device("cpu"), "portable").processor, str(torch.__version__)
    tried = {(line["processor"], line["torch"]) for line in json.loads(LINES.read_text())["lines"]}
    assert here not in tried, f"{here} computed other bits when it was published"
    pytest.skip(bits(f"portable bits of {' with torch '.join(here)}", "portable.py"))


def release(version: str) -> tuple[str, ...]:
    """Return what names a release: of "2.13.0+cpu" 2 and 13.

    >>> release("2.13.0+cpu")
    ('2', '13')
    """
    return tuple(version.split(".")[:2])


def is_that_of(version: str) -> bool:
    """Return whether PyTorch is of the same release here."""
    return release(installed("torch")) == release(version)
