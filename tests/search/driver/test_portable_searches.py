"""A portable search does not depend on the instructions that a processor has."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from search.study import spec
from support import golden_searches, wants

USED: list[str] = np.show_config(mode="dicts")["SIMD Extensions"]["found"]
"""The sets of instructions that NumPy uses here in addition to the oldest ones."""
FEWER = {
    "NPY_DISABLE_CPU_FEATURES": " ".join(USED),
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA,-AVX2",
    "OPENBLAS_CORETYPE": "Nehalem",
}
"""Variables with which NumPy, libm and OpenBLAS do without AVX2, AVX-512 and fused multiplication and addition."""
CODE = """
import json
from search.study import spec
from support import golden_searches
print(json.dumps({**golden_searches.portable(), "arithmetic": spec.arithmetic()}))
"""


def found_by(*command: str, **variables: str) -> dict[str, object]:
    """Return what the code prints in a process of its own, which the words of `command` start."""
    environment = {**os.environ, **variables, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    words = [*command, sys.executable, "-c", CODE]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_fewer_instructions_change_neither_fingerprint_nor_digest() -> None:
    there = found_by(**FEWER)
    arithmetic = there.pop("arithmetic")
    assert (arithmetic != spec.arithmetic()) == ("X86_V4" in USED), "NumPy's exp and log differ with AVX-512"
    assert there == golden_searches.portable()


@pytest.mark.integration
@pytest.mark.skipif(shutil.which("qemu-x86_64") is None, reason=wants.QEMU)
@pytest.mark.parametrize("processor", ["Nehalem", "Haswell", "EPYC-v1"])
def test_another_processor_changes_neither_fingerprint_nor_digest(processor: str) -> None:
    there = found_by("qemu-x86_64", "-cpu", processor)
    assert {name: each for name, each in there.items() if name != "arithmetic"} == golden_searches.portable()
