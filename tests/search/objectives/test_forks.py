"""Copies of a process as children: what its libraries have begun there ends in none of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import lightgbm
import numpy as np

import search

POINTS = np.random.default_rng(0).normal(size=(2000, 20))
FIXED = {"objective": "binary", "verbose": -1, "deterministic": True}


def fitted(leaves):
    return lightgbm.train({**FIXED, "num_leaves": leaves}, lightgbm.Dataset(POINTS, POINTS[:, 0] > 0), 3)


fitted(4)  # from here on, this process has threads that its copies have not
study = search.run(lambda config: fitted(config.leaves).predict(POINTS).std(), {"leaves": {"int": [2, 30]}}, trials=3)
print(len(study.complete()))
"""


@pytest.mark.integration
def test_a_copy_of_a_process_whose_library_has_threads_computes_with_its_own(tmp_path: Path) -> None:
    pytest.importorskip("lightgbm")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, text=True, capture_output=True, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "2"},
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("3\n", "")
