"""A portable search does not depend on the instructions that a processor has."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np

from search.study import spec
from support import golden_searches

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


def test_fewer_instructions_change_neither_fingerprint_nor_digest() -> None:
    paths = os.pathsep.join(filter(None, sys.path))
    environment = {**os.environ, **FEWER, "PYTHONPATH": paths}
    done = subprocess.run([sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, check=True)
    there = json.loads(done.stdout)
    arithmetic = there.pop("arithmetic")
    assert (arithmetic != spec.arithmetic()) == ("X86_V4" in USED), "NumPy's exp and log differ with AVX-512"
    assert there == golden_searches.portable()
