"""`mnist-bench` in a process of its own, which knows no net and no data set that an earlier command has loaded."""

from __future__ import annotations

import os
import subprocess
import sys
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


class Place:
    """A folder with its own caches, in which commands run; a report has no pictures."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def done(self, *words: str) -> Ran:
        """Run a command, without its first word."""
        program = [sys.executable, "-c", UNDRAWN] if words[0] == "report" else [PROGRAM]
        command, variables = [*program, *words], {**os.environ, "XDG_CACHE_HOME": str(self.folder / "cache")}
        done = subprocess.run(command, cwd=self.folder, env=variables, capture_output=True, text=True, check=False)
        return Ran(done.returncode, done.stdout, done.stderr)

    def run(self, *words: str, code: int = 0) -> str:
        """Run a command and return what it said, on stderr if it was to fail with this code."""
        done = self.done(*words)
        assert done.code == code, done.out + done.err
        return done.err if code else done.out
