"""The machines on which portable bits are known: there another bit is a fault, on any other machine a finding."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
import torch

from mnist_bench.numerics.canaries import is_as_published
from mnist_bench.numerics.device import this_machine
from support import wants
from support.paths import ROOT

LINES = ROOT / "results" / "published" / "portable.json"


def check_as_published(numerics: Mapping[str, Any]) -> None:
    """Fail if these numerics of this machine are not the published ones; skip if the machine is not published, either.

    A skipped machine has other bits than those published.
    """
    if is_as_published(numerics):
        return
    here = this_machine(torch.device("cpu"), "portable").processor, str(torch.__version__)
    tried = {(line["processor"], line["torch"]) for line in json.loads(LINES.read_text())["lines"]}
    assert here not in tried, f"{here} computed other bits when it was published"
    pytest.skip(wants.bits(f"portable bits of {' with torch '.join(here)}", "portable.py"))
