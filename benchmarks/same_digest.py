"""Check that two versions of the program give the same searches on this machine, whatever its kernels are.

    python benchmarks/same_digest.py OLD NEW                    folders of two checkouts, each with its .venv
    python benchmarks/same_digest.py OLD NEW --trials 50 --space conv --set subset=10000

Each runs the same searches with its own environment; digest, best weights and the best trial's curve are compared.
Golden digests show as much only where they were recorded. Exit code 0 when all agree.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SPACE = Path(__file__).absolute().parents[1] / "spaces" / "former" / "0.1" / "smoke.yaml"
"""Searched in the device's fastest precision, with the kernels of this machine, unless an option names another one."""
SEARCHES: Mapping[str, tuple[str, ...]] = {
    "tpe asha": (),
    "portable": ("--precision", "portable", "--sampler", "curves"),
    "random hyperband": ("--set", "search={sampler: random, pruner: hyperband}", "--seed", "1"),
    "two objectives": ("--set", "objective=[val_accuracy, macs]", "--seed", "2"),
}
"""The options that each adds to the command."""


def main() -> int:
    """Run every search with both and print a table."""
    parser = argparse.ArgumentParser(description="Two checkouts, the same searches: the same digests?")
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--space", default=str(SPACE), help="a file, or a space bundled with both checkouts")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE")
    asked = parser.parse_args()
    command = ["search", asked.space, "--trials", str(asked.trials), *(f"--set={value}" for value in asked.set)]
    print(f"{'search':18}{'':9}{'old':14}{'new':14}")
    alike = True
    for name, more in SEARCHES.items():
        old, new = (searched(checkout, [*command, *more]) for checkout in (asked.old, asked.new))
        for what in old:
            same = old[what] == new[what]
            alike = alike and same
            print(f"{name:18}{what:9}{short(old[what]):14}{short(new[what]):14}{'=' if same else 'differs'}")
    print("All agree." if alike else "They differ: the two versions train or decide differently here.")
    return 0 if alike else 1


def searched(checkout: Path, command: list[str]) -> dict[str, Any]:
    """Return the result of a search by a checkout: its digest, and its best trial's weights and curve."""
    with tempfile.TemporaryDirectory() as folder:
        run(checkout, folder, [*command, "--study-name", "same"])
        shown = json.loads(run(checkout, folder, ["show", "same", "--json"]))
        board = json.loads(run(checkout, folder, ["leaderboard", "same", "--json"]))["studies"][0]
        best = json.loads(run(checkout, folder, ["show", f"same/{board['rows'][0]['number']}", "--json"]))
    return {"digest": shown["digest"], "weights": best["curve"][-1]["weights"], "curve": json.dumps(best["curve"])}


def run(checkout: Path, folder: str, arguments: list[str]) -> str:
    """Return the output of a checkout's command; if it fails, its standard error ends the script."""
    command = [str(checkout.absolute() / ".venv/bin/mnist-bench"), *arguments, "--results", folder]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"{checkout}: {' '.join(arguments)}\n{done.stderr}")
    return done.stdout


def short(value: str) -> str:
    """Return a hash's beginning, and the length of a curve's text."""
    return f"{value[:8]}…" if not value.startswith("[") else f"{len(json.loads(value))} periods"


if __name__ == "__main__":
    sys.exit(main())
