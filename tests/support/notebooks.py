"""Notebooks, executed in a real kernel."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_RUN = """
import sys
import nbclient, nbformat

notebook = nbformat.read(sys.argv[1], as_version=4)
nbformat.validate(notebook)
nbclient.NotebookClient(notebook, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[2])
"""
"""Runs a notebook in a process of its own: nbclient handles the signals of the one that it runs in."""


def execute(notebook: Path, executed: Path) -> None:
    """Run a notebook from its first cell to its last, and write it with its outputs."""
    subprocess.run([sys.executable, "-c", _RUN, notebook, executed], check=True)
