"""Processes that compute in bf16 and fp32 with the kernels of this processor.

All other processes of the tests have the variables of portable precision, which limit them to the kernels for AVX2.
"""

from __future__ import annotations

import subprocess
import sys

from support.warm_processes import without_variables


def printed(*words: str) -> str:
    """Return what such a Python process prints: `-c` and a program, or a file, and arguments."""
    done = subprocess.run(
        [sys.executable, *words], env=without_variables(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
