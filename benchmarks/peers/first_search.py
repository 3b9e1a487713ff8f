"""The four searches of docs/benchmarks/first_search.md: run as they stand on the page, again, and killed.

    python benchmarks/peers/first_search.py [TOOL=PYTHON ...]

A tool runs in this interpreter, unless `NePS=/path/to/python` names another one. Each search is run four times in
folders of its own: twice as on the page, with one worker, and killed after the 15th call of `score` and started again.
`score` writes down what it is called with; the table says how many of the first run's configurations another run did
not try. NePS is started twice at once for its two workers, as its documentation says.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks" / "first_search.md"
TRIALS, KILLED_AFTER = 50, 15
TOOLS = ("mnist-bench", "Optuna", "NePS", "Ray Tune")
ONE_WORKER = {"workers=2": "workers=1", "n_jobs=2": "n_jobs=1", "max_concurrent_trials=2": "max_concurrent_trials=1"}
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def block(heading: str) -> str:
    """Return the code below a heading of the page."""
    (code,) = re.findall(rf"^## {re.escape(heading)}\n((?:    .*\n|\n)+)", PAGE.read_text(), re.MULTILINE)
    return dedent(code).strip() + "\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """What one search did."""

    seconds: float
    calls: tuple[str, ...]
    """Arguments and result of each call of `score` that returned, in their order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tool:
    """A tool and how it is run."""

    name: str
    python: str

    def run(self, folder: Path, *, workers: int = 2, killed: bool = False) -> Ran:
        """Search in an empty folder; if `killed`, end it in the middle and start it again."""
        code = block(self.name)
        for two, one in ONE_WORKER.items():
            code = code.replace(two, one) if workers == 1 else code
        (folder / "first.py").write_text(code)
        (folder / "work.py").write_text(block("work.py"))
        processes = workers if self.name == "NePS" else 1
        began = time.monotonic()
        if killed:
            self._started(folder, processes, KILLED_AFTER)
        self._started(folder, processes, None)
        return Ran(seconds=time.monotonic() - began, calls=tuple(_calls(folder)))

    def _started(self, folder: Path, processes: int, until: int | None) -> None:
        with (folder / "output").open("a") as output:
            running = [
                subprocess.Popen(
                    [self.python, "first.py"], cwd=folder, stdout=output, stderr=output, start_new_session=True,
                    env={**os.environ, **ENVIRONMENT, "CALLS": str(folder / "calls")},
                )
                for _ in range(processes)
            ]  # fmt: skip
            while until is not None and len(_calls(folder)) < until and running[0].poll() is None:
                time.sleep(0.02)
            for process in running:
                if until is not None and process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _calls(folder: Path) -> list[str]:
    path = folder / "calls"
    return path.read_text().splitlines() if path.exists() else []


def missing(ran: Ran, first: Ran) -> int:
    """Return how many configurations of the first run another one did not try."""
    return len({*first.calls} - {*ran.calls})


def row(tool: Tool) -> str:
    """Run a tool four times, and return its row of the table."""
    with tempfile.TemporaryDirectory() as folder:
        places = [Path(folder) / name for name in ("first", "again", "one", "killed")]
        for place in places:
            place.mkdir()
        first, again = tool.run(places[0]), tool.run(places[1])
        one, killed = tool.run(places[2], workers=1), tool.run(places[3], killed=True)
        lines = sum(bool(line.strip()) for line in block(tool.name).splitlines())
        return (
            f"| {tool.name} | {lines} | {first.seconds:.0f} s | {missing(again, first)} | {missing(one, first)} | "
            f"{missing(killed, first)} | {len(first.calls)} | {len(killed.calls)} |"
        )


def main() -> None:
    """Print the table."""
    pythons = dict(argument.split("=", 1) for argument in sys.argv[1:])
    print("| tool | lines | time | other when run again | with one worker | killed | calls | calls, killed |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for name in TOOLS:
        print(row(Tool(name=name, python=pythons.get(name, sys.executable))), flush=True)


if __name__ == "__main__":
    main()
