"""What a search costs besides its trainings, and how a study of very many trials does.

    python benchmarks/costs.py driver       50, 1000 and 5000 trials
    python benchmarks/costs.py samplers     50 trials of spaces/conv.yaml, by sampler
    python benchmarks/costs.py many         a study of 10,000 trials; about ten minutes

`driver` and `samplers` train nothing: ask, report, the pruner's decision, tell, the event log and Optuna's
tables count. Processor time is the driver's own; the clock's has the database's work, too. The goal is under 30 ms of
processor time a trial; of 50 trials in conv.yaml, whose planner says what is feasible, under 20 ms with random and
under 100 ms with a model.

`many` lets the real driver make the study with a trainer that invents its figures, drawing at random; then each command
runs in a process of its own, and the search continues with tpe for a few more trials. For Linux.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import frame
import numpy as np

from mnist_bench.nets.planner import COEFFICIENTS
from mnist_bench.searches import running
from mnist_bench.searches.config import SearchConfig
from mnist_bench.space_files import drawn, space_sources
from search import Search, canonical_json, hashed
from search.driver.progress import Observer
from search.driver.run import keep_nothing
from search.executors.in_process import InProcessExecutor
from search.executors.protocol import Job
from search.strategies.optuna_study import OptunaStudy
from search.strategies.pruners import Asha
from search.strategies.samplers import Curves, Random, Sampler, Tpe
from search.study import studies
from search.trainer_api import PLAIN, Report, TrainerSpec
from support import search_fake as fake

TRIALS = 50
"""Of the search of each sampler."""
SAMPLERS: tuple[Sampler, ...] = (Random(), Tpe(), Curves())
SIZES = (50, 1000, 5000)
"""Numbers of trials whose driver's time is measured."""
SEARCHES = 4
"""Of each sampler, with other seeds."""
MANY = 10_000
STUDY = "many"
MORE = 20
"""Further trials of the resumed search."""
Rows = Iterator[tuple[str, ...]]
"""Of a table; the first has the headings."""


def driver() -> Rows:
    """Yield the driver's time for each trial, and the time to read the finished study, at several sizes of a study."""
    yield "trials:", "driver, ms/trial:", "clock, ms/trial:", "periods/trial:", "read the study, s:"
    for trials in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            used, began = time.process_time(), time.monotonic()
            found = fake.run(
                Path(folder), budget=trials, sampler=Random(), pruner=Asha(), concurrent_trials=8, widest=64
            )
            used, clock = time.process_time() - used, time.monotonic() - began
            periods = sum(len(trial.reports) for trial in found.study.trials)
            began = time.monotonic()
            studies.open_study(Path(folder), None)
            reading = time.monotonic() - began
        each = (1000 * used, 1000 * clock, periods)
        yield f"{trials}", *(f"{value / trials:.1f}" for value in each), f"{reading:.2f}"


def samplers() -> Rows:
    """Yield the driver's time for each trial when it proposes configurations of conv.yaml."""
    space = space_sources.load("conv")

    yield "sampler", *(f"seed {seed}, ms/trial:" for seed in range(SEARCHES))
    for sampler in SAMPLERS:
        found = []
        for seed in range(SEARCHES):
            with tempfile.TemporaryDirectory() as folder:
                search = Search.of(
                    space, drawn.planner(space, asdict(COEFFICIENTS["cpu-bf16"])),
                    TrainerSpec(factory="support.fake_trainer:Trainer", options={}), trials=TRIALS,
                    periods=len(space.settings["periods"]), seed=seed, sampler=sampler, results=Path(folder),
                )  # fmt: skip
                used = time.process_time()
                search.run()
                found.append(f"{(time.process_time() - used) / TRIALS * 1000:.1f}")
        yield sampler.name, *found


class Inventor:
    """A trainer whose figures follow from configuration, seed and period, of the size of real ones."""

    codec = PLAIN
    numerics: Mapping[str, Any] = {
        "check": "0" * 64, "kind": "cpu-bf16", "device": "cpu", "precision": "bf16", "trainer_revision": 0,
    }  # fmt: skip

    def advance(self, config: Mapping[str, Any], seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        """See `search.trainer_api.Trainer`."""
        images, name = 10_000, hashed.Name(canonical_json.sha256(dict(config)))
        draws = np.random.default_rng([hashed.derived_seed(name), seed, period])
        skill = 0.02 * abs(np.log(config["optim"]["lr"] / 4e-3)) + 0.02 / period
        errors = int(images * min(0.9, skill + 0.003 * draws.random()))
        wrong = np.zeros(images, bool)
        wrong[draws.choice(images, errors, replace=False)] = True
        return b"", Report(
            value=1 - errors / images,
            metrics={"epoch": config["periods"][period - 1], "train_loss": skill, "val_loss": skill, "errors": errors},
            weights=canonical_json.sha256([seed, period]),
            measured={"seconds": 1.0},
            details={"correct": base64.b64encode(np.packbits(~wrong).tobytes()).decode()},
        )


def many() -> Rows:
    """Yield what commands take on a study of very many trials, which is made first."""
    yield "", "measured:", "goal:"
    with tempfile.TemporaryDirectory() as folder:
        seconds, memory, _ = child("make", folder, str(MANY))
        yield "driver, for each trial that it was made of", f"{1000 * seconds / MANY:.1f} ms", ""
        yield "driver's memory, with the data", f"{memory:.0f} MB", "600 MB"
        size = (Path(folder) / STUDY / "study.db").stat().st_size
        yield "database", f"{size / 1e6:.1f} MB", ""
        program = str(Path(sys.executable).with_name("mnist-bench"))
        seconds, memory, _ = min(measured(program, "leaderboard", STUDY, "--results", folder) for _ in range(4))
        yield "leaderboard's first page, warm", f"{seconds:.2f} s", "3 s"
        yield "its memory", f"{memory:.0f} MB", "600 MB"
        began = time.time()
        _, memory, printed = child("resume", folder, str(MANY + MORE))
        found = json.loads(printed)
        yield "resuming, to the first period", f"{found['began'] - began:.1f} s", "10 s"
        yield "tpe's proposal, median", f"{1000 * float(np.median(found['asked'])):.0f} ms", "250 ms"
        yield "tpe's proposal, longest", f"{1000 * max(found['asked']):.0f} ms", "250 ms"
        yield "driver's memory, resumed", f"{memory:.0f} MB", "600 MB"


def search_many(results: str, trials: str) -> None:
    """Search conv.yaml with the trainer above."""
    asked = SearchConfig(
        space="conv", overrides=("limits={}", "periods=[0.5, 1, 2, 4, 8]"), sampler="tpe",
        trials=int(trials), study_name=STUDY, executor="in-process", results=results,
    )  # fmt: skip
    trainer = TrainerSpec(factory="costs:Inventor")
    with (
        patch("mnist_bench.searches.running.trainer_spec", lambda *_, **__: trainer),
        patch("mnist_bench.searches.running.BestCheckpoints", lambda *_: keep_nothing),
    ):
        running.run(asked, Observer(), lambda: False)


def make(results: str, trials: str) -> None:
    """Make the study, drawing at random: ten thousand proposals of tpe would take most of an hour."""
    with patch.object(Tpe, "make", lambda self, ask: Random().make(ask)):
        search_many(results, trials)


def resume(results: str, trials: str) -> None:
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
        search_many(results, trials)
    print(json.dumps({"began": began[0], "asked": asked}))


JOBS: Mapping[str, Callable[..., None]] = {"make": make, "resume": resume}
"""What a process of its own is started for."""


def child(job: str, *words: str) -> tuple[float, float, str]:
    """Run this file for one job in a process of its own; see `measured`."""
    return measured(sys.executable, __file__, "--job", job, *words)


def measured(*words: str) -> tuple[float, float, str]:
    """Return the seconds that a program took, its largest memory in MB, and what it printed."""
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    variables = {**os.environ, "PYTHONPATH": path}
    began = time.monotonic()
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=variables) as process:
        printed = process.stdout.read() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(words)} ended with exit code {process.returncode}")
    return time.monotonic() - began, usage.ru_maxrss / 1000, printed


COSTS = {"driver": driver, "samplers": samplers, "many": many}


def main() -> None:
    """Measure one cost, print its table."""
    if sys.argv[1:2] == ["--job"]:
        JOBS[sys.argv[2]](*sys.argv[3:])
        return
    parser = frame.options(__doc__)
    parser.add_argument("cost", choices=COSTS)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        fake.run(Path(folder), budget=5)  # imports and first uses are not a cost of a trial
    heads, *rows = COSTS[asked.cost]()
    made = frame.made()
    page = [f"# Costs: {asked.cost}", "", str(made), "", *frame.table(heads, rows)]
    frame.publish(asked.output, f"cost-{asked.cost}", page, {**asdict(made), "heads": heads, "rows": rows})


if __name__ == "__main__":
    main()
