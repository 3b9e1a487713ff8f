"""A study of very many trials: how long its leaderboard, a proposal and resuming take, and how much memory.

    python benchmarks/many_trials.py                              10,000 trials of conv; about ten minutes
    python benchmarks/many_trials.py --trials 1000 --results DIR  the study stays in DIR, and is not made again
    python benchmarks/many_trials.py --output DIR                 writes many-trials.md and many-trials.json there

The study is made by the real driver, whose trainer invents its figures; while it is made, trials are drawn at random,
since ten thousand proposals of tpe would take most of an hour. Afterwards each command runs in a process of its own,
and the search continues, with tpe, for a few more trials. For Linux.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pages

from mnist_bench.searches.config import SearchConfig
from mnist_bench.searches.running import run
from search import canonical_json, hashed
from search.driver.progress import Observer
from search.driver.run import keep_nothing
from search.executors.in_process import InProcessExecutor
from search.executors.protocol import Job
from search.strategies.optuna_study import OptunaStudy
from search.strategies.samplers import Random, Tpe
from search.study.studies import open_study
from search.trainer_api import PLAIN, Report, TrainerSpec

STUDY = "many"
IMAGES = 10_000
MORE = 20
"""Further trials of the resumed search."""
PATIENCE = 120.0
"""Seconds after which the dashboard is taken for unable."""
NUMERICS = {"check": "0" * 64, "kind": "cpu-bf16", "device": "cpu", "precision": "bf16", "trainer_revision": 0}


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One figure and its target."""

    what: str
    value: float
    unit: str
    goal: float | None = None
    """The largest value allowed; None if there is no goal."""


class Trainer:
    """Invents figures that follow from configuration, seed and period, of the size of real ones."""

    codec = PLAIN
    numerics = NUMERICS

    def advance(self, config: Mapping[str, Any], seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        """See `search.trainer_api.Trainer`."""
        draws = np.random.default_rng(
            [hashed.derived_seed(hashed.Name(canonical_json.sha256(dict(config)))), seed, period]
        )
        skill = 0.02 * abs(np.log(config["optim"]["lr"] / 4e-3)) + 0.02 / period
        errors = int(IMAGES * min(0.9, skill + 0.003 * draws.random()))
        wrong = np.zeros(IMAGES, bool)
        wrong[draws.choice(IMAGES, errors, replace=False)] = True
        report = Report(
            value=1 - errors / IMAGES,
            metrics={"epoch": config["periods"][period - 1], "train_loss": skill, "val_loss": skill, "errors": errors},
            weights=canonical_json.sha256([seed, period]),
            seconds=1.0,
            details={"correct": base64.b64encode(np.packbits(~wrong).tobytes()).decode()},
        )
        return b"", report


def make_trainer() -> Trainer:
    """Return the trainer; workers name this function."""
    return Trainer()


def search(results: Path, trials: int) -> None:
    """Search with the trainer above."""
    asked = SearchConfig(
        space="conv",
        overrides=("limits={}", "periods=[0.5, 1, 2, 4, 8]"),
        sampler="tpe",
        start=False,
        trials=trials,
        study_name=STUDY,
        executor="in-process",
        results=results,
    )
    trainer = TrainerSpec(factory="many_trials:make_trainer")
    with (
        patch("mnist_bench.searches.running.trainer_spec", lambda *_, **__: trainer),
        patch("mnist_bench.searches.running.BestCheckpoints", lambda *_: keep_nothing),
    ):
        run(asked, Observer(), lambda: False)


def make(results: Path, trials: int) -> None:
    """Make the study, drawing at random."""
    with patch.object(Tpe, "make", lambda self, ask: Random().make(ask)):
        search(results, trials)


def go_on(results: Path, trials: int) -> None:
    """Resume the study; print when the first period began, and how long each proposal took."""
    began: list[float] = []
    asked: list[float] = []
    submit, ask = InProcessExecutor.submit, OptunaStudy.ask

    def submit_noting(self: InProcessExecutor, job: Job) -> None:
        began.append(time.time())
        submit(self, job)

    def ask_noting(self: OptunaStudy, number: int, fixed: Mapping[str, Any] | None = None) -> dict[str, Any]:
        before = time.perf_counter()
        params = ask(self, number, fixed)
        asked.append(time.perf_counter() - before)
        return params

    with patch.object(InProcessExecutor, "submit", submit_noting), patch.object(OptunaStudy, "ask", ask_noting):
        search(results, trials)
    print(json.dumps({"began": began[0], "asked": asked}))


def measure(results: Path, trials: int) -> Iterator[Measured]:
    """Yield the measurements."""
    made = results / STUDY
    if not made.exists():
        taken, memory, _ = child("make", results, trials)
        yield Measured(what="driver, for each trial that it was made of", value=1000 * taken / trials, unit="ms")
        yield Measured(what="driver's memory, with the data", value=memory, unit="MB", goal=600)
    yield Measured(what="database", value=(made / "study.db").stat().st_size / 1e6, unit="MB")
    program = (str(Path(sys.executable).with_name("mnist-bench")), "leaderboard", STUDY, "--results", str(results))
    command(program)  # so that the files are in memory
    taken, memory, _ = min((command(program) for _ in range(3)), key=lambda found: found[0])
    yield Measured(what="leaderboard's first page, warm", value=taken, unit="s", goal=3)
    yield Measured(what="its memory", value=memory, unit="MB", goal=600)
    more = open_study(results, STUDY).totals[-1] + MORE
    started = time.time()
    _, memory, printed = child("go-on", results, more)
    found = json.loads(printed)
    yield Measured(what="going on, to the first period", value=found["began"] - started, unit="s", goal=10)
    yield Measured(what="tpe's proposal, median", value=1000 * float(np.median(found["asked"])), unit="ms", goal=250)
    yield Measured(what="tpe's proposal, longest", value=1000 * max(found["asked"]), unit="ms", goal=250)
    yield Measured(what="driver's memory, going on", value=memory, unit="MB", goal=600)
    yield Measured(what="Optuna's dashboard, all trials read", value=dashboard(made / "study.db", trials), unit="s")


def child(job: str, results: Path, trials: int) -> tuple[float, float, str]:
    """Run this file for one job in a process of its own; see `command`."""
    return command((sys.executable, __file__, "--job", job, "--results", str(results), "--trials", str(trials)))


def command(arguments: tuple[str, ...]) -> tuple[float, float, str]:
    """Return the seconds that a program took, its largest memory in MB, and what it printed."""
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    began = time.monotonic()
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}
    ) as process:
        printed = process.stdout.read() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(arguments)} ended with exit code {process.returncode}")
    return time.monotonic() - began, usage.ru_maxrss / 1000, printed


def dashboard(database: Path, trials: int) -> float:
    """Return the seconds after which Optuna's dashboard, once it is up, has given all trials to a page."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = Path(sys.executable).with_name("optuna-dashboard")
    address = f"http://127.0.0.1:{port}"
    with running((str(program), f"sqlite:///{database}", "--host", "127.0.0.1", "--port", str(port))):
        until(lambda: fetch(f"{address}/dashboard/"))
        began = time.monotonic()
        (study,) = json.loads(until(lambda: fetch(f"{address}/api/studies")))["study_summaries"]
        until(lambda: len(json.loads(fetch(f"{address}/api/studies/{study['study_id']}"))["trials"]) >= trials)
        return time.monotonic() - began


@contextmanager
def running(arguments: tuple[str, ...]) -> Iterator[None]:
    """Run a program meanwhile."""
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def fetch(address: str) -> bytes:
    """Return the page at an address, nothing if no server answers yet."""
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE) as answer:  # noqa: S310
            return bytes(answer.read())
    except OSError:
        return b""


def until(question: Callable[[], Any]) -> Any:
    """Return the first answer that is not false."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := question():
            return found
        time.sleep(0.1)
    raise SystemExit("the dashboard does not show the study")


def page(rows: list[Measured], trials: int) -> str:
    """Return the figures as Markdown."""
    measured = (
        (row.what, f"{row.value:.3g} {row.unit}", "" if row.goal is None else f"{row.goal:g} {row.unit}")
        for row in rows
    )  # fmt: skip
    lines = [
        f"# A study of {trials:,} trials",
        "",
        f"`python benchmarks/many_trials.py --trials {trials}` on {pages.machine()}; {datetime.now(UTC):%Y-%m-%d}.",
        "",
        *pages.table(["", "measured:", "goal:"], measured),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Make the study where it is not there, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--results", type=Path, help="folder of the study (default: a temporary one)")
    parser.add_argument("--output", type=Path, help="a folder, which is made if missing")
    parser.add_argument("--job", choices=["make", "go-on"], help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.job:
        {"make": make, "go-on": go_on}[asked.job](asked.results, asked.trials)
        return
    with tempfile.TemporaryDirectory() as folder:
        rows = []
        for row in measure(asked.results or Path(folder), asked.trials):
            print(f"{row.what:45} {row.value:10.3g} {row.unit}", flush=True)
            rows.append(row)
    if asked.output:
        found = {"machine": pages.machine(), "trials": asked.trials, "rows": [asdict(row) for row in rows]}
        pages.write(asked.output, "many-trials", page(rows, asked.trials), found)


if __name__ == "__main__":
    main()
