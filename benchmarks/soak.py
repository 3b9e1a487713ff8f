"""Kill a search at random moments, again and again, and count the results.

    python benchmarks/soak.py                                     about an hour on 2 cores
    python benchmarks/soak.py smoke --kills 20 --trials 10        a small one
    python benchmarks/soak.py --output FOLDER                     writes soak.md and soak.json there

The search is `mnist-bench search` with two workers: first undisturbed, then killed by SIGKILL (its driver, a worker, or
all three) and started again until it is done. For Linux. The exit code is 0 if it kept its promises.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import frame
import optuna
import torch
from killing import Kills, SearchProcesses, is_alive, kill_at_random
from soaked import VARIABLE

from mnist_bench.numerics.device import choose_precision
from mnist_bench.space_files import space_sources
from search.database import sqlite_url
from search.messages import duration
from search.study.folder import StudyFolder
from search.study.studies import open_study

HERE = Path(__file__).parent
STUDY = "soak"
SETTINGS = ("limits={}", "subset=10000")
"""A small part of the images; and no limits, beyond which a trial would not be trained."""
WORKERS = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """The result of a search that was killed again and again."""

    kills: Kills
    ended: int  # trials in Optuna's tables that are complete or pruned
    failed: int
    running: int  # trials that still seem to run, but no process works on them
    lost: int  # events that were in the log at some moment, and later were not, or not the same
    left: int  # worker processes that outlived the search
    same: bool  # whether digest and kept weights are those of the search left alone
    begun: int  # periods whose training was begun, counted each time that it was
    periods: int  # of the trials that ended
    seconds: float
    undisturbed: float  # seconds of the same search left alone

    def keeps_promise(self, trials: int) -> bool:
        """Return whether the search has the result of an undisturbed one, and left nothing behind."""
        return self.ended == trials and self.same and not (self.failed or self.running or self.lost or self.left)


def page(outcome: Outcome, done: str) -> Iterator[str]:
    """Yield the lines of the page, of which `done` says how it was made."""
    kills = outcome.kills
    by_kind = ", ".join(f"{kind} {number}" for kind, number in sorted(kills.kinds.items()))
    rows = {
        "kills": f"{kills.number} ({by_kind})",
        "of these at work, not while starting": str(kills.at_work),
        "trials complete or pruned": str(outcome.ended),
        "trials failed by a kill": str(outcome.failed),
        "trials left RUNNING": str(outcome.running),
        "finished, then lost": str(outcome.lost),
        "workers that outlived the search": str(outcome.left),
        "digest and weights of the undisturbed search": "yes" if outcome.same else "no",
        "periods begun, and in the trials that ended": f"{outcome.begun}, {outcome.periods}",
        "time": f"{duration(outcome.seconds)} (undisturbed {duration(outcome.undisturbed)})",
    }
    yield from ("# A search that is killed again and again", "", done, "")
    yield from ("Processes are killed by SIGKILL at random moments and started again each time.", "")
    yield from frame.table(["", "mnist-bench:"], rows.items())


def soak(asked: argparse.Namespace, folder: Path) -> Outcome:
    """Run the search undisturbed, then killed."""
    alone, files = folder / "alone", StudyFolder.of(STUDY, folder / "killed")
    began = time.monotonic()
    done = subprocess.run(
        command(asked, alone), stdout=subprocess.PIPE, text=True, check=True,
        env={**os.environ, **counting(folder / "begun-alone")},
    )  # fmt: skip
    undisturbed = time.monotonic() - began
    digest = "".join(re.findall(r"^digest ((?:[0-9a-f]{4} ?){16})", done.stdout, re.MULTILINE)).replace(" ", "")
    began, begun = time.monotonic(), folder / "begun"
    processes = SearchProcesses(
        command=command(asked, folder / "killed"), files=files, log=folder / "log", environment=counting(begun)
    )
    try:
        kills = kill_at_random(processes, asked.kills, random.Random(asked.seed))  # noqa: S311
        processes.finish()
    finally:
        processes.stop()
    seconds = time.monotonic() - began
    trials = optuna.load_study(study_name=STUDY, storage=sqlite_url(files.database)).trials
    trained = [trial for trial in trials if trial.user_attrs.get("reason") != "infeasible"]
    states = [trial.state.name for trial in trained]
    ended = [trial for trial in trained if trial.state.name in ("COMPLETE", "PRUNED")]
    same = open_study(files.path.parent, None).digest == digest and weights(files.path) == weights(alone / STUDY)
    return Outcome(
        kills=kills, ended=len(ended), failed=states.count("FAIL"), running=states.count("RUNNING"),
        lost=processes.lost, left=sum(map(is_alive, processes.workers_seen)), same=same,
        begun=len(begun.read_text().splitlines()), periods=sum(len(trial.intermediate_values) for trial in ended),
        seconds=seconds, undisturbed=undisturbed,
    )  # fmt: skip


def command(asked: argparse.Namespace, results: Path) -> list[str]:
    """Return the command line of the search."""
    changes = [f"--set={change}" for change in asked.set]
    words = ["--trials", str(asked.trials), "--results", str(results), "--seed", str(asked.seed), *changes]
    also = ["--workers", str(WORKERS), "--study-name", STUDY, "--device", "cpu"]
    return [sys.executable, str(HERE / "soaked.py"), "search", asked.space, *words, *also]


def counting(file: Path) -> dict[str, str]:
    """Return the variables with which trainers count in a file."""
    path = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {VARIABLE: str(file), "PYTHONPATH": path}


def weights(study: Path) -> dict[str, str]:
    """Return the hashes of the weights that a study has kept."""
    files = sorted((study / "weights").iterdir())
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


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
    asked = parser.parse_args()
    asked.set = asked.set or list(SETTINGS)
    precision = str(space_sources.load(asked.space, asked.set).settings.get("precision", "auto"))
    made = frame.made(precision=choose_precision(torch.device("cpu"), precision))
    with tempfile.TemporaryDirectory() as folder:
        outcome = soak(asked, Path(folder))
    settings = " ".join([asked.space, *(f"--set {change}" for change in asked.set), "--trials", str(asked.trials)])
    figures = {**asdict(made), "asked": settings, "seed": asked.seed, "outcome": asdict(outcome)}
    frame.publish(asked.output, "soak", page(outcome, f"`search {settings}`, {WORKERS} workers: {made}"), figures)
    return 0 if outcome.keeps_promise(asked.trials) else 1


if __name__ == "__main__":
    sys.exit(main())
