"""Command lines run in processes that take many of them: each would need two seconds to import PyTorch anew."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from support.copies import Ran


@dataclass(frozen=True)
class CommandProcesses:
    """Runs command lines in a process that has loaded no net, and those that name one in a process for each name.

    For a net that was loaded is known as long as its process runs, and the next command might not ask for it.
    """

    _of_net: dict[str | None, ProcessPoolExecutor] = field(default_factory=dict)

    def run(self, words: Sequence[str], folder: Path) -> Ran:
        """Run a command, without its first word, in a folder that has its caches, too."""
        net = words[words.index("--net") + 1] if "--net" in words else None
        if net not in self._of_net:
            self._of_net[net] = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
        return self._of_net[net].submit(_run, words, folder).result()

    def end(self) -> None:
        """End the processes."""
        for process in self._of_net.values():
            process.shutdown()


def _run(words: Sequence[str], folder: Path) -> Ran:
    from typer.testing import CliRunner

    from mnist_bench.cli.app import app

    os.chdir(folder)
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    sys.argv = ["mnist-bench", *words]  # commands print it, to be typed again
    result = CliRunner().invoke(app, words)
    return Ran(result.exit_code, result.stdout, result.stderr)
