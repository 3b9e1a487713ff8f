"""Kill a search at random moments, again and again, and count the results; and the same with Optuna alone.

    python benchmarks/soak.py                                     about an hour on 2 cores
    python benchmarks/soak.py smoke --kills 20 --trials 10        a small one
    python benchmarks/soak.py --output results/published          writes soak.md and soak.json there

The search is `mnist-bench search` with two workers: first undisturbed, then killed by SIGKILL (its driver, a worker, or
all three) and started again until it is done. Optuna alone is two processes on one database, killed and started again
as often (`soaked.py`). For Linux. The exit code is 0 if mnist-bench's search kept its promises.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import frame
import optuna
import torch
from killing import Kills, Processes, SearchProcesses, is_alive, kill_at_random
from optuna.trial import TrialState
from soaked import ENDED, STUDY, VARIABLE, make_study, periods

from mnist_bench.numerics.device import choose_precision
from mnist_bench.numerics.kinds import environment_of
from mnist_bench.space_files import space_sources
from search.database import sqlite_url
from search.messages import duration
from search.study.folder import StudyFolder
from search.study.studies import open_study

HERE = Path(__file__).parent
PROGRAM = (sys.executable, str(HERE / "soaked.py"))
SETTINGS = ("limits={}", "subset=10000")
"""A small part of the images; and no limits, beyond which a trial would not be trained."""
WORKERS = 2
ALONE = "Optuna alone"


@dataclass(frozen=True, kw_only=True, slots=True)
class Tables:
    """The content of Optuna's tables when a search is done."""

    ended: int
    """Trained trials that are complete or pruned."""
    failed: int
    running: int
    """Trials that still seem to run, but no process works on them."""
    periods: int
    """Of the trials that ended."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """The result of a search that was killed again and again."""

    kills: Kills
    tables: Tables
    lost: int
    """What was in the database at some moment, and later was not, or not the same: events of ours, ended trials of
    Optuna's."""
    raised: int = 0
    """Processes that ended by an exception."""
    begun: int
    """Periods whose training was begun, counted each time that it was."""
    seconds: float
    undisturbed: float | None = None
    """Seconds of the same search left alone."""
    same: bool | None = None
    """Whether digest and kept weights are those of the search left alone; None if no two searches are alike."""
    left: int = 0
    """Worker processes that outlived the search."""

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Outcome:
        """Return the outcome of which `row` is `asdict`."""
        return cls(**{**row, "kills": Kills(**row["kills"]), "tables": Tables(**row["tables"])})

    def keeps_promise(self, trials: int) -> bool:
        """Return whether the search has the result of an undisturbed one, and left nothing behind."""
        exact = self.tables.ended == trials and not self.tables.failed and not self.tables.running
        return exact and bool(self.same) and not (self.lost or self.raised or self.left)


def rows(outcome: Outcome) -> dict[str, str]:
    """Return an outcome's cells by their titles."""
    kills, tables = outcome.kills, outcome.tables
    by_kind = ", ".join(f"{kind} {number}" for kind, number in sorted(kills.kinds.items()))
    alone = "" if outcome.undisturbed is None else f" (undisturbed {duration(outcome.undisturbed)})"
    return {
        "kills": f"{kills.number} ({by_kind})",
        "of these at work, not while starting": str(kills.at_work),
        "trials complete or pruned": str(tables.ended),
        "trials failed by a kill": str(tables.failed),
        "trials left RUNNING": str(tables.running),
        "finished, then lost": str(outcome.lost),
        "processes that ended by an exception": str(outcome.raised),
        "workers that outlived the search": str(outcome.left),
        "digest and weights of the undisturbed search": (
            "no two are alike" if outcome.same is None else "yes" if outcome.same else "no"
        ),
        "periods begun, and in the trials that ended": f"{outcome.begun}, {tables.periods}",
        "time": duration(outcome.seconds) + alone,
    }


def page(outcomes: Mapping[str, Outcome], trials: int, done: str) -> Iterator[str]:
    """Yield the lines of the page, of which `done` says how it was made."""
    yield from ("# Searches that are killed again and again", "", done, "")
    yield "Processes are killed by SIGKILL at random moments and started again each time."
    if ALONE in outcomes:
        yield f"{ALONE} is `optimize` in two processes on one SQLite file: heartbeat 1 s, grace period 3 s,"
        yield f"`RetryHeartbeatStaleTrialCallback`, `MaxTrialsCallback({trials})` over complete and pruned trials;"
        yield "the same trainer, space and pruner."
    cells = [rows(outcome) for outcome in outcomes.values()]
    yield ""
    yield from frame.table(
        ["", *(f"{name}:" for name in outcomes)], ([title, *(each[title] for each in cells)] for title in cells[0])
    )


@dataclass(kw_only=True)
class StockProcesses(Processes):
    """Equal processes of Optuna's on one study. `lost` are trials that had ended."""

    study: optuna.Study
    trials: int
    """Asked for."""
    periods: int
    """Of a trial."""
    kinds: Mapping[str, bool] = field(default_factory=lambda: {"worker": False, "all": True})
    acknowledged: dict[int, Any] = field(default_factory=dict)
    """The ended trials as they were last read: states and values by number."""
    raised: int = 0
    """Processes that ended by an exception."""
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _before: int = 0
    """Periods that were begun when a process was last started."""

    def keep_up(self) -> bool:
        """See `Processes.keep_up`; processes that ended are started again while trials are missing."""
        ended = [process for process in self._running if process.poll() is not None]
        self.raised += sum(process.returncode not in (0, -signal.SIGKILL) for process in ended)
        self._running = [process for process in self._running if process not in ended]
        if len(self._running) < WORKERS and self.progress() is not None and len(self.acknowledged) < self.trials:
            self._before = self.begun()
            self._running += [self.start() for _ in range(WORKERS - len(self._running))]
        return bool(self._running)

    def progress(self) -> float:
        """See `Processes.progress`: trials that have ended, and of the newest the share of their periods."""
        trials = self.study.get_trials(deepcopy=False)
        ended = {t.number: (t.state, t.values) for t in trials if t.state in ENDED}
        self.lost += sum(ended.get(number) != how for number, how in self.acknowledged.items())
        self.acknowledged = ended
        newest = [t for t in trials if t.state == TrialState.RUNNING][-WORKERS:]
        under_way = sum(len(trial.intermediate_values) / self.periods for trial in newest)
        return (len(ended) + under_way) / self.trials

    def is_at_work(self) -> bool:
        """See `Processes.is_at_work`."""
        return self.begun() > self._before

    def targets(self, kind: str, moments: random.Random) -> list[int]:
        """See `Processes.targets`."""
        pids = [process.pid for process in self._running if process.poll() is None]
        return [moments.choice(pids)] if pids and kind == "worker" else pids

    def begun(self) -> int:
        """Return the number of periods that were begun."""
        return lines(Path(self.environment[VARIABLE]))


def ours(asked: argparse.Namespace, folder: Path) -> Outcome:
    """Run our search undisturbed, then killed."""
    began = time.monotonic()
    done = subprocess.run(
        command(asked, folder / "alone"), stdout=subprocess.PIPE, text=True, check=True,
        env={**os.environ, **counting(folder / "begun-alone")},
    )  # fmt: skip
    undisturbed = time.monotonic() - began
    digest = "".join(re.findall(r"^digest ((?:[0-9a-f]{4} ?){16})", done.stdout, re.MULTILINE)).replace(" ", "")
    results, begun = folder / "killed", folder / "begun"
    files = StudyFolder.of(STUDY, results)
    processes = SearchProcesses(
        command=command(asked, results), files=files, log=folder / "log", environment=counting(begun)
    )
    kills, seconds = soak(processes, asked)
    same = open_study(results, None).digest == digest and weights(files.path) == weights(folder / "alone" / STUDY)
    return Outcome(
        kills=kills, tables=tables(sqlite_url(files.database)), lost=processes.lost, begun=lines(begun),
        seconds=seconds,
        undisturbed=undisturbed, same=same, left=sum(map(is_alive, processes.workers_seen)),
    )  # fmt: skip


def stock(asked: argparse.Namespace, folder: Path) -> Outcome:
    """Run Optuna's search, killed."""
    url, begun = f"sqlite:///{folder / 'stock.db'}", folder / "begun-stock"
    space = space_sources.load(asked.space, asked.set)
    processes = StockProcesses(
        command=[*PROGRAM, "optuna", url, str(asked.trials), asked.space, *asked.set], log=folder / "log-stock",
        environment={**counting(begun), **environment_of(precision(asked))},
        study=make_study(url, space), trials=asked.trials, periods=periods(space),
    )  # fmt: skip
    kills, seconds = soak(processes, asked)
    return Outcome(
        kills=kills, tables=tables(url), lost=processes.lost, raised=processes.raised, begun=lines(begun),
        seconds=seconds,
    )  # fmt: skip


SIDES = {"ours": ("mnist-bench", ours), "stock": (ALONE, stock)}


def soak(processes: Processes, asked: argparse.Namespace) -> tuple[Kills, float]:
    """Return the kills that were made until a search was done, and the seconds that all of it took."""
    began = time.monotonic()
    try:
        kills = kill_at_random(processes, asked.kills, random.Random(asked.seed))  # noqa: S311
        processes.finish()
    finally:
        processes.stop()
    return kills, time.monotonic() - began


def command(asked: argparse.Namespace, results: Path) -> list[str]:
    """Return the command line of our search."""
    changes = [f"--set={change}" for change in asked.set]
    words = ["--trials", str(asked.trials), "--results", str(results), "--seed", str(asked.seed), *changes]
    also = ["--workers", str(WORKERS), "--study-name", STUDY, "--device", "cpu"]
    return [*PROGRAM, "mnist-bench", "search", asked.space, *words, *also]


def precision(asked: argparse.Namespace) -> str:
    """Return the precision of the space, in which both sides train; "auto" for the device's fastest."""
    return str(space_sources.load(asked.space, asked.set).settings.get("precision", "auto"))


def counting(file: Path) -> dict[str, str]:
    """Return the variables with which trainers count in a file."""
    path = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {VARIABLE: str(file), "PYTHONPATH": path}


def tables(url: str) -> Tables:
    """Read Optuna's tables without the trials beyond the space's limits, which were not trained."""
    trials = optuna.load_study(study_name=STUDY, storage=url).trials
    trained = [trial for trial in trials if trial.user_attrs.get("reason") != "infeasible"]
    ended = [trial for trial in trained if trial.state in ENDED]
    states = [trial.state.name for trial in trained]
    return Tables(
        ended=len(ended), failed=states.count("FAIL"), running=states.count("RUNNING"),
        periods=sum(len(trial.intermediate_values) for trial in ended),
    )  # fmt: skip


def weights(study: Path) -> dict[str, str]:
    """Return the hashes of the weights that a study has kept."""
    files = sorted((study / "weights").iterdir())
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def lines(file: Path) -> int:
    """Return how many lines a file has; 0 if there is none."""
    return len(file.read_text().splitlines()) if file.exists() else 0


def main() -> int:
    """Kill, count, and say what came of it."""
    parser = frame.options(__doc__)
    parser.add_argument("space", nargs="?", default="conv")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--set", action="append", metavar="FIELD=VALUE", help=f"overrides (default: {' and '.join(SETTINGS)})"
    )
    parser.add_argument("--only", choices=list(SIDES))
    asked = parser.parse_args()
    asked.set = asked.set or list(SETTINGS)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    made = frame.made(precision=choose_precision(torch.device("cpu"), precision(asked)))
    found = {}
    with tempfile.TemporaryDirectory() as folder, frame.ledger(made) as ledger:
        for side, (_, run) in SIDES.items():
            if asked.only in (None, side):
                print(f"{side}: {asked.kills} kills", file=sys.stderr, flush=True)
                found[side] = ledger.row(side, lambda run=run: asdict(run(asked, Path(folder))))  # type: ignore[misc]
    outcomes = {SIDES[side][0]: Outcome.of(row) for side, row in found.items()}
    settings = " ".join([asked.space, *(f"--set {change}" for change in asked.set), "--trials", str(asked.trials)])
    figures = {**asdict(made), "asked": settings, "kills": asked.kills, "seed": asked.seed, **found}
    done = f"`search {settings}`, {WORKERS} workers: {made}"
    frame.publish(asked.output, "soak", page(outcomes, asked.trials, done), figures)
    return 0 if "ours" not in found or Outcome.of(found["ours"]).keeps_promise(asked.trials) else 1


if __name__ == "__main__":
    sys.exit(main())
