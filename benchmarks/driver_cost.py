"""Time of the driver for each trial, with a trainer that takes no time, at several sizes of a study.

    python benchmarks/driver_cost.py [--postgresql] [TRIALS ...]        default: 50 1000 5000
    python benchmarks/driver_cost.py --samplers                         50 trials of spaces/conv.yaml, by sampler
    python benchmarks/driver_cost.py --function                         200 trials of a quick function, by sampler

Everything but the training counts: ask (random sampler), report, ASHA's decision, tell, the event log and Optuna's
tables in SQLite, or in a PostgreSQL server that is started on this machine for it; and, apart, reading the finished
study. Processor time is the driver's own; the clock's has the database's work and the waiting for it, too. The goal is
under 30 ms of processor time a trial in SQLite; of 50 trials in conv.yaml, whose planner says what is feasible, under
20 ms with random and under 100 ms with a model.
"""

from __future__ import annotations

import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from mnist_bench.nets.cost_model import COEFFICIENTS
from mnist_bench.space_files import drawn, space_sources
from search import Search, run
from search.strategies.pruners import Asha
from search.strategies.samplers import Curves, Random, Sampler, Tpe
from search.study import studies
from search.trainer_api import TrainerSpec
from support import search_fake as fake

SAMPLERS: tuple[Sampler, ...] = (Random(), Tpe(), Curves())
RUNS = 5
"""Of each sampler, with other seeds."""


def main() -> None:
    """Print one line a size."""
    arguments = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    print(f"{platform.machine()}, Python {platform.python_version()}, optuna {version('optuna')}")
    with tempfile.TemporaryDirectory() as folder:
        fake.run(Path(folder), goal=5)  # imports and first uses are not a cost of a trial
    if "--samplers" in sys.argv:
        print(f"sampler   driver ms/trial, {RUNS} searches of 50 trials")
        for sampler in SAMPLERS:
            print(
                f"{sampler.name:7}   {'   '.join(f'{_proposing(sampler, seed):5.1f}' for seed in range(RUNS))}",
                flush=True,
            )
        return
    if "--function" in sys.argv:
        print("sampler   driver ms/trial, 2 searches of 200 trials of a function")
        for sampler in SAMPLERS:
            print(
                f"{sampler.name:7}   {'   '.join(f'{_of_a_function(sampler, seed):5.1f}' for seed in range(2))}",
                flush=True,
            )
        return
    print("trials   driver ms/trial   clock ms/trial   periods/trial   read the study, s")
    for trials in [int(argument) for argument in arguments] or [50, 1000, 5000]:
        with tempfile.TemporaryDirectory() as folder, _url(folder) as url:
            print(_line(Path(folder), trials, url), flush=True)


def _proposing(sampler: Sampler, seed: int, trials: int = 50) -> float:
    """Return the driver's milliseconds per trial when it proposes configurations of conv.yaml."""
    space = space_sources.load("conv")
    with tempfile.TemporaryDirectory() as folder:
        search = Search.of(
            space, drawn.planner(space, asdict(COEFFICIENTS["cpu-bf16"])),
            TrainerSpec(factory="support.fake_trainer:Trainer", options={}),
            trials=trials, periods=len(space.settings["periods"]), seed=seed, sampler=sampler, results=Path(folder),
        )  # fmt: skip
        used = time.process_time()
        search.run()
        return (time.process_time() - used) / trials * 1000


def _of_a_function(sampler: Sampler, seed: int, trials: int = 200) -> float:
    """Return the driver's milliseconds per trial when it searches a function that takes no time."""
    space = {
        "x": {"float": [0.0, 5.0]}, "y": {"float": [-1.0, 1.0]}, "kind": {"choice": ["a", "b", "c"]},
        "n": {"int": [1, 10]}, "lr": {"float": [1e-4, 1e-1], "log": True},
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        used = time.process_time()
        run(
            lambda config: -((config.x - 2) ** 2) - config.y,
            space,
            trials=trials,
            sampler=sampler,
            seed=seed,
            results=folder,
        )
        return (time.process_time() - used) / trials * 1000


@contextmanager
def _url(folder: str) -> Iterator[str | None]:
    if "--postgresql" not in sys.argv:
        yield None
        return
    from support.postgres_server import Server

    server = Server(Path(folder) / "server")
    try:
        yield server.url(server.new_database())
    finally:
        server.stop()


def _line(folder: Path, trials: int, url: str | None) -> str:
    used, began = time.process_time(), time.monotonic()
    result = fake.run(folder, goal=trials, sampler=Random(), pruner=Asha(), concurrent_trials=8, widest=64, url=url)
    driver = (time.process_time() - used) / trials * 1000
    clock = (time.monotonic() - began) / trials * 1000
    periods = sum(len(trial.reports) for trial in result.study.trials) / trials
    began = time.monotonic()
    studies.open_study(folder, None, url)
    return f"{trials:6}   {driver:15.1f}   {clock:14.1f}   {periods:13.2f}   {time.monotonic() - began:17.2f}"


if __name__ == "__main__":
    main()
