"""Run the published search afresh and write what came out into results/published/.

    python benchmarks/publish.py        about 6 minutes on 2 cores

conv.txt is the end of the search as a user sees it, conv.md the leaderboard, conv-best.json the record of the best
trial, which `mnist-bench reproduce results/published/conv-best.json` trains again and compares bit for bit.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "results" / "published"
SEARCH = ("search", "conv", "--trials", "50")


def main() -> None:
    """Search, then write the three files."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as results:
        ended = run(*SEARCH, "--results", results)
        table = run("leaderboard", "--results", results, "--markdown", "--top", "50")
        record = run("show", f"conv-0/{best(results)}", "--results", results, "--json")
    conditions = f"`mnist-bench {' '.join(SEARCH)}` on {machine()}, {datetime.now(UTC):%Y-%m-%d}."
    (FOLDER / "conv.txt").write_text(ended)
    (FOLDER / "conv.md").write_text(f"# The published search\n\n{conditions}\n\n{table}")
    (FOLDER / "conv-best.json").write_text(record)


def best(results: str) -> int:
    """Return the number of the best trial."""
    rows = json.loads(run("leaderboard", "--results", results, "--json"))["studies"][0]["rows"]
    return int(rows[0]["number"])


def run(*arguments: str) -> str:
    """Return what a command prints; its standard error goes to ours."""
    program = Path(sys.executable).with_name("mnist-bench")
    return subprocess.run([str(program), *arguments], stdout=subprocess.PIPE, text=True, check=True).stdout


def machine() -> str:
    """Return processor and versions."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    versions = ", ".join(f"{name} {version(name)}" for name in ("mnist-bench", "torch", "optuna", "numpy"))
    return f"{len(models)} cores of {models[0]}, Python {platform.python_version()}, {versions}"


if __name__ == "__main__":
    main()
