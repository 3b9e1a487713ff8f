"""The packages as somebody changed them: a copy, patched, and commands run in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.paths import ROOT

RUN = """
import json, sys
from typer.testing import CliRunner
from mnist_bench.cli.app import app

ran = []
for line in json.loads(sys.argv[1]):
    result = CliRunner().invoke(app, line)
    ran.append((result.exit_code, result.stdout, result.stderr))
print(json.dumps(ran))
"""


@dataclass(frozen=True)
class Ran:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def values(self) -> dict[str, Any]:
        """What it printed as JSON."""
        assert self.code == 0, self.err
        found: dict[str, Any] = json.loads(self.out)
        return found


def patched(folder: Path, patches: Iterable[tuple[str, str, str]]) -> Path:
    """Return `folder` with a copy of the packages, for each (file, old, new) the one old text replaced by the new."""
    for name in ("search", "mnist_bench", "spaces"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.gz"))
    for file in (ROOT / "mnist_bench" / "data").glob("*.gz"):  # not copied: the test set may be closed in this process
        (folder / "mnist_bench" / "data" / file.name).symlink_to(file)
    for path, old, new in patches:
        text = (folder / path).read_text()
        assert text.count(old) == 1, path
        (folder / path).write_text(text.replace(old, new))
    return folder


def run(packages: Path, folder: Path, *lines: str) -> list[Ran]:
    """Run commands of the packages in a folder, all in one process."""
    found = json.loads(python(packages, folder, RUN, json.dumps([line.split() for line in lines])).splitlines()[-1])
    return [Ran(*ran) for ran in found]


def python(packages: Path, folder: Path, program: str, *arguments: str) -> str:
    """Return what a program prints that imports the packages, run in a folder."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=folder, env={**os.environ, "PYTHONPATH": str(packages)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
