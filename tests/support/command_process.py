"""`mnist-bench` in a process of its own, which knows no net and no data set that an earlier command has loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from support.copies import Ran

UNDRAWN = """
import sys
from mnist_bench.cli.app import main
from support import undrawn

undrawn.pictures()
sys.argv[0] = "mnist-bench"
main()
"""
"""`mnist-bench` whose reports have no pictures, as a program for `python -c`."""
PROGRAM = str(Path(sys.executable).with_name("mnist-bench"))


def run(words: Sequence[str], folder: Path) -> Ran:
    """Run a command, without its first word, in a folder that has its caches, too; a report has no pictures."""
    program = [sys.executable, "-c", UNDRAWN] if words[0] == "report" else [PROGRAM]
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    done = subprocess.run([*program, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return Ran(done.returncode, done.stdout, done.stderr)
