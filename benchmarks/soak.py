"""Kill a search at random moments, again and again, and count the results; and the same with Optuna alone.

    python benchmarks/soak.py                                     about an hour on 2 cores
    python benchmarks/soak.py smoke --kills 20 --trials 10        a small one
    python benchmarks/soak.py --output results/published          writes soak.md and soak.json there

The search is `mnist-bench search` with two workers: first undisturbed, then killed by SIGKILL (its driver, a worker, or
all three) and started again until it is done. Optuna alone is two processes on one database (`peers/stock_optuna.py`),
killed and started again as often. For Linux. The exit code is 0 if mnist-bench's search kept its promises.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import sys
import tempfile
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "peers"))

import killing
import optuna
import pages
import torch
from counted import VARIABLE
from killing import Kills, SearchProcesses
from soaked import ALONE, Outcome, Tables, page
from stock_optuna import make_study, periods
from stock_processes import ENDED, StockProcesses

from mnist_bench.numerics.device import choose_precision
from mnist_bench.numerics.kinds import environment_of
from mnist_bench.numerics.machine import sentence, this_machine
from mnist_bench.space_files import space_sources
from search.study.location import StudyLocation
from search.study.studies import open_study

HERE = Path(__file__).parent
OURS = (sys.executable, str(HERE / "counted.py"))
STOCK = (sys.executable, str(HERE / "peers" / "stock_optuna.py"))
SETTINGS = ("limits={}", "subset=10000")
"""A small part of the images; and no limits, beyond which a trial would not be trained."""
STUDY = "soak"
WORKERS = 2


def ours(asked: argparse.Namespace, folder: Path) -> Outcome:
    """Run our search undisturbed, then killed."""
    alone, killed, begun = folder / "alone", folder / "killed", folder / "begun"
    began = time.monotonic()
    say("ours, undisturbed")
    digest = killing.printed_digest(command(asked, alone), counting(folder / "begun-alone")).replace(" ", "")
    undisturbed = time.monotonic() - began
    location = StudyLocation.of(STUDY, killed)
    processes = SearchProcesses(command(asked, killed), location, folder / "log", environment=counting(begun))
    say(f"ours, killed {asked.kills} times")
    kills, seconds = soak(processes, asked)
    same = open_study(killed, None).digest == digest and weights(location.folder) == weights(alone / STUDY)
    return Outcome(
        kills=kills, tables=tables(location.url, STUDY), lost=processes.lost, raised=0, begun=lines(begun),
        seconds=seconds, undisturbed=undisturbed, same=same, left=sum(map(killing.is_alive, processes.workers_seen)),
    )  # fmt: skip


def stock(asked: argparse.Namespace, folder: Path) -> Outcome:
    """Run Optuna's search, killed."""
    url, begun = f"sqlite:///{folder / 'stock.db'}", folder / "begun-stock"
    space = space_sources.load(asked.space, asked.set)
    study = make_study(url, space)
    options = [*killing.overrides(asked.set), "--storage", url, "--trials", str(asked.trials)]
    processes = StockProcesses(
        [*STOCK, asked.space, *options], study, trials=asked.trials, periods=periods(space), processes=WORKERS,
        log=folder / "log-stock", begun=begun, environment={**counting(begun), **environment_of(precision(asked))},
    )  # fmt: skip
    say(f"Optuna alone, killed {asked.kills} times")
    kills, seconds = soak(processes, asked)
    return Outcome(
        kills=kills, tables=tables(url, study.study_name), lost=processes.lost, raised=processes.raised,
        begun=lines(begun), seconds=seconds,
    )  # fmt: skip


SIDES = {"ours": ours, "stock": stock}
TITLES = {"ours": "mnist-bench", "stock": ALONE}


def soak(processes: SearchProcesses | StockProcesses, asked: argparse.Namespace) -> tuple[Kills, float]:
    """Return the kills that were made until a search was done, and the seconds that all of it took."""
    began = time.monotonic()
    try:
        kills = killing.kill_at_random(processes, asked.kills, random.Random(asked.seed))  # noqa: S311
        processes.finish()
    finally:
        processes.stop()
    return kills, time.monotonic() - began


def command(asked: argparse.Namespace, results: Path) -> list[str]:
    """Return the command line of our search."""
    options = ("--workers", str(WORKERS), "--seed", str(asked.seed), "--study-name", STUDY, "--device", "cpu")
    return killing.search_command(asked.space, asked.trials, results, asked.set, *options, program=OURS)


def precision(asked: argparse.Namespace) -> str:
    """Return the precision of the space, in which both sides train; "auto" for the device's fastest."""
    return str(space_sources.load(asked.space, asked.set).settings.get("precision", "auto"))


def counting(file: Path) -> dict[str, str]:
    """Return the variables with which trainers count in a file."""
    path = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {VARIABLE: str(file), "PYTHONPATH": path}


def tables(url: str, name: str) -> Tables:
    """Read Optuna's tables without the trials beyond the space's limits, which were not trained."""
    trials = optuna.load_study(study_name=name, storage=url).trials
    trained = [trial for trial in trials if trial.user_attrs.get("reason") != "infeasible"]
    states = [trial.state.name for trial in trained]
    return Tables(
        ended=sum(trial.state in ENDED for trial in trained),
        failed=states.count("FAIL"),
        running=states.count("RUNNING"),
        periods=sum(len(trial.intermediate_values) for trial in trained if trial.state in ENDED),
    )


def weights(study: Path) -> dict[str, str]:
    """Return the hashes of the weights that a study has kept."""
    files = sorted((study / "weights").iterdir())
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def lines(file: Path) -> int:
    """Return how many lines a file has."""
    return len(file.read_text().splitlines())


def say(line: str) -> None:
    """Print the progress."""
    print(f"{datetime.now(UTC):%H:%M:%S} {line}", file=sys.stderr, flush=True)


def arguments() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("space", nargs="?", default="conv")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--set", action="append", metavar="FIELD=VALUE", help=f"overrides (default: {' and '.join(SETTINGS)})"
    )
    parser.add_argument("--only", choices=list(SIDES))
    parser.add_argument("--output", type=Path, help="a folder, which is made if missing")
    asked = parser.parse_args()
    asked.set = asked.set or list(SETTINGS)
    return asked


def main() -> int:
    """Kill, count, and say what came of it."""
    asked = arguments()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    cpu = torch.device("cpu")
    machine = this_machine(cpu, choose_precision(cpu, precision(asked)))
    with tempfile.TemporaryDirectory() as folder:
        outcomes = {side: run(asked, Path(folder)) for side, run in SIDES.items() if asked.only in (None, side)}
    settings = " ".join([asked.space, *killing.overrides(asked.set), "--trials", str(asked.trials)])
    done = f"`search {settings}`, {WORKERS} workers, on {sentence(machine)}; {datetime.now(UTC):%Y-%m-%d}."
    table = page({TITLES[side]: outcome for side, outcome in outcomes.items()}, asked.trials, done)
    print(table)
    if asked.output:
        figures = {side: asdict(outcome) for side, outcome in outcomes.items()}
        found = {"machine": asdict(machine), "asked": settings, "kills": asked.kills, "seed": asked.seed, **figures}
        pages.write(asked.output, "soak", table, found)
    return 0 if all(one.keeps_promise(asked.trials) for side, one in outcomes.items() if side == "ours") else 1


if __name__ == "__main__":
    sys.exit(main())
