"""Our search against Optuna's own pattern over an equal space, on the same images, one after the other on one machine.

    python benchmarks/peers/against_optuna.py                               more than an hour on 2 cores, theirs mostly
    python benchmarks/peers/against_optuna.py smoke --trials 5              a small one
    python benchmarks/peers/against_optuna.py --output results/published    writes peers-search.md and .json there

mnist-bench's search runs before and after Optuna's, and the slower of its times counts. All seconds are from a
command's start, the time that it takes to load included; a search's best is the best of its complete trials by then.

Optuna's pattern is `study.optimize` with the plain loop (plain.py) in the objective, and Optuna's defaults for it: TPE
and MedianPruner, which is asked after every epoch. The ranges are read from the space file, names, bounds, conditions
and limits, so that the two spaces are equal.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
import frame
import optuna
import plain
import torch

from mnist_bench.cells import percent
from mnist_bench.data.guard import close_test_set
from mnist_bench.data.mnist import DataOptions, TrainingSet, load_training_set
from mnist_bench.nets.cost_model import COEFFICIENTS
from mnist_bench.space_files import drawn, space_sources
from search.space.space import Space
from search.strategies.optuna_study import suggest
from search.study.studies import open_study

TRAINED = "trained"
"""The user attribute of trials that were trained; nets beyond the limits are not, in either search."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """A trained trial that has ended."""

    seconds: float
    """When, from the start of the command."""
    value: float | None
    """Validation accuracy after the last epoch; None if it was stopped before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """One search."""

    trials: tuple[Ended, ...]
    """In the order of their ends."""
    seconds: float
    """From the command's start to its end."""

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Found:
        """Return a search by the seconds that it took and by the ends of its trials, in any order."""
        ends = sorted((Ended(**trial) for trial in row["trials"]), key=lambda trial: trial.seconds)
        return cls(trials=tuple(ends), seconds=row["seconds"])

    def best(self, seconds: float) -> float | None:
        """Return the best value by then."""
        return max((t.value for t in self.trials if t.value is not None and t.seconds <= seconds), default=None)

    def first(self, is_good: Callable[[float], bool]) -> float | None:
        """Return the seconds until a trial had a good value; None if none had."""
        return next((t.seconds for t in self.trials if t.value is not None and is_good(t.value)), None)


def sentences(ours: Found, theirs: Found) -> Iterator[str]:
    """Yield the result in sentences."""
    best = theirs.best(theirs.seconds)
    yield f"mnist-bench: {_said(ours)}, best {_percent(ours.best(ours.seconds))}."
    yield (
        f"Optuna's pattern: {_said(theirs)}, best {_percent(best)}; when mnist-bench had ended, after "
        f"{ours.seconds:.0f} s, its best was {_percent(theirs.best(ours.seconds))}."
    )
    if best is None:
        yield "Optuna's pattern completed no trial, so there is nothing to pass."
    elif (passed := ours.first(lambda value: value > best)) is None:
        yield f"mnist-bench has not passed {_percent(best)}."
    else:
        found = theirs.first(lambda value: value == best) or 0.0
        yield (
            f"mnist-bench passed {_percent(best)} after {passed:.0f} s; Optuna's pattern reached it after {found:.0f} "
            f"s, {found / passed:.1f} times as long, and ended after {theirs.seconds / passed:.1f} times as long."
        )


def _said(found: Found) -> str:
    complete = sum(trial.value is not None for trial in found.trials)
    return f"{len(found.trials)} trials, {complete} of them complete, in {found.seconds:.0f} s"


def _percent(value: float | None) -> str:
    return "none yet" if value is None else percent(value)


def search(asked: argparse.Namespace) -> dict[str, Any]:
    """Run mnist-bench's search."""
    program = str(Path(sys.executable).with_name("mnist-bench"))
    with tempfile.TemporaryDirectory() as folder:
        began = time.time()
        words = [program, "search", *options(asked), "--device", "cpu", "--results", folder]
        subprocess.run(words, stdout=subprocess.DEVNULL, check=True)
        seconds = time.time() - began
        trials = [trial for trial in open_study(Path(folder), None).finished() if trial.reports]
    ends = (
        ((trial.reports[-1].handled or 0.0) - began, trial.value if trial.state == "COMPLETE" else None)
        for trial in trials
    )
    return row(ends, seconds)


def pattern(asked: argparse.Namespace) -> dict[str, Any]:
    """Run Optuna's pattern in a process of its own: this file, which prints each trial that ends."""
    timeout = [] if asked.timeout is None else ["--timeout", str(asked.timeout)]
    words = [sys.executable, __file__, "--pattern", *options(asked), "--workers", str(asked.workers), *timeout]
    began = time.time()
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    seconds = time.time() - began
    return row(((at - began, value) for at, value in map(json.loads, done.stdout.splitlines())), seconds)


def row(ends: Iterable[tuple[float, float | None]], seconds: float) -> dict[str, Any]:
    """Return a search as the ledger keeps it."""
    return {"trials": [{"seconds": at, "value": value} for at, value in ends], "seconds": seconds}


def options(asked: argparse.Namespace) -> list[str]:
    """Return the options of both searches."""
    overrides = [part for override in asked.set for part in ("--set", override)]
    return [asked.space, "--trials", str(asked.trials), "--seed", str(asked.seed), *overrides]


def search_by_optuna(asked: argparse.Namespace) -> None:
    """Search until as many trials as asked for have been trained; print when each ended, and its value."""
    space = space_sources.load(asked.space, asked.set)
    close_test_set()
    torch.manual_seed(asked.seed)
    data = load_training_set(DataOptions(subset=space.settings.get("subset")))
    sampler = optuna.samplers.TPESampler(seed=asked.seed)
    study = optuna.create_study(direction="maximize", sampler=sampler, pruner=optuna.pruners.MedianPruner())

    def on_end(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        if TRAINED in trial.user_attrs:
            is_complete = trial.state == optuna.trial.TrialState.COMPLETE
            print(json.dumps([time.time(), trial.value if is_complete else None]), flush=True)
        if sum(TRAINED in ended.user_attrs for ended in study.trials) >= asked.trials:
            study.stop()

    study.optimize(make_objective(space, data, asked.workers), timeout=asked.timeout, callbacks=[on_end])


def make_objective(space: Space, data: TrainingSet, workers: int) -> Callable[[optuna.Trial], float]:
    """Return the objective: validation accuracy after the last epoch."""

    planner = drawn.planner(space, asdict(COEFFICIENTS["cpu-fp32"]))

    def objective(trial: optuna.Trial) -> float:
        plan = planner(space.sample(partial(suggest, trial)))
        if any(excess > 0 for excess in plan.constraints.values()):
            raise optuna.TrialPruned
        trial.set_user_attr(TRAINED, True)
        config = plan.config
        batches, validation = plain.loaders(data, config, workers)
        training = plain.Training(config, config.epochs * len(batches))
        accuracy = 0.0
        for epoch in range(1, config.epochs + 1):
            training.epoch(batches)
            accuracy = plain.accuracy(training.evaluated, validation)
            trial.report(accuracy, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return accuracy

    return objective


def main() -> None:
    """Search, print the result, and keep it if asked."""
    parser = frame.options(__doc__)
    parser.add_argument("space", nargs="?", default="conv")
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2, help="loading processes of the plain loop")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE")
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="after which Optuna's search begins no trial")
    parser.add_argument("--pattern", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.pattern:
        search_by_optuna(asked)
        return
    made, load = frame.made(packages=["torchvision"]), frame.load_before()
    with frame.ledger(made) as ledger:
        runs = {"before": search, "theirs": pattern, "after": search}
        found = {name: Found.of(ledger.row(name, partial(run, asked))) for name, run in runs.items()}
    ours, theirs = max(found["before"], found["after"], key=lambda one: one.seconds), found["theirs"]
    title = "# mnist-bench's search compared with Optuna's own pattern"
    page = [title, "", str(made), "", *(f"- {line}" for line in sentences(ours, theirs))]
    figures = {**asdict(made), "load_before": load, "ours": asdict(ours), "theirs": asdict(theirs)}
    frame.publish(asked.output, "peers-search", page, figures)


if __name__ == "__main__":
    main()
