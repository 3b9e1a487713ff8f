"""What portable searches decide is recorded; `make digests` compares that of all others with the base commit."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from support import golden_searches, wants
from support.paths import ROOT

RECORDED: dict[str, dict[str, str]] = json.loads((ROOT / "tests" / "digests.json").read_text())
PORTABLE = {name: options for name, options in golden_searches.cases().items() if options["portable"]}


@pytest.mark.usefixtures("log_alone")
@pytest.mark.slow
@pytest.mark.parametrize("name", PORTABLE)
def test_a_portable_search_has_the_recorded_digest(name: str, tmp_path: Path) -> None:
    place = golden_searches.place(PORTABLE[name])
    if place not in RECORDED:
        pytest.skip(f"no digests are recorded for these versions: {place}")
    assert golden_searches.searched(tmp_path, PORTABLE[name]).digest == RECORDED[place][f"search: {name}"]


SETS = np.show_config(mode="dicts")["SIMD Extensions"]
FEWER = {
    "NPY_DISABLE_CPU_FEATURES": " ".join([*SETS.get("found", []), *SETS.get("not found", [])]),
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA,-AVX2",
    "OPENBLAS_CORETYPE": "Nehalem",
}
"""Variables with which NumPy, libm and OpenBLAS do without AVX2, AVX-512 and fused multiplication and addition."""
CODE = """
import json
import numpy as np
from support import golden_searches
used = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
print(json.dumps([used, golden_searches.portable()]))
"""


def found_by(*command: str, **variables: str) -> tuple[list[str], dict[str, list[str]]]:
    """Return which sets of instructions NumPy uses in addition to the oldest ones in a process of its own, which the
    words of `command` start, and the fingerprint and the digest of each portable search there."""
    environment = {**os.environ, **variables, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    words = [*command, sys.executable, "-c", CODE]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    used, searches = json.loads(done.stdout)
    return used, searches


@pytest.mark.slow
def test_fewer_instructions_change_neither_fingerprint_nor_digest() -> None:
    assert found_by(**FEWER) == ([], golden_searches.portable())


@pytest.mark.integration
@pytest.mark.skipif(shutil.which("qemu-x86_64") is None, reason=wants.QEMU)
@pytest.mark.parametrize("processor", ["Nehalem", "Haswell", "EPYC-v1"])
def test_another_processor_changes_neither_fingerprint_nor_digest(processor: str) -> None:
    _, there = found_by("qemu-x86_64", "-cpu", processor)
    assert there == golden_searches.portable()
