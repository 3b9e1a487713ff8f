"""Our search against Optuna's own pattern over an equal space, on the same images, one after the other on one machine.

    python benchmarks/peers/against_optuna.py                               more than an hour on 2 cores, theirs mostly
    python benchmarks/peers/against_optuna.py smoke --trials 5              a small one
    python benchmarks/peers/against_optuna.py --output results/published    writes peers-search.md and .json there

mnist-bench's search runs before and after Optuna's, and the slower of its times counts. All seconds are from a
command's start, the time that it takes to load included; a search's best is the best of its complete trials by then.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import pages
from measured import load_before, machine

from mnist_bench.cells import percent
from mnist_bench.numerics.machine import sentence
from search.study.studies import open_study

FOLDER = Path(__file__).parent


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """A trained trial that has ended."""

    seconds: float
    """When, from the start of the command."""
    value: float | None
    """Validation accuracy after the last epoch; None where it was stopped before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """One search."""

    trials: tuple[Ended, ...]
    """In the order of their ends."""
    seconds: float
    """From the command's start to its end."""

    def best(self, seconds: float) -> float | None:
        """Return the best value by then."""
        return max((t.value for t in self.trials if t.value is not None and t.seconds <= seconds), default=None)

    def past(self, value: float) -> float | None:
        """Return the seconds until the best was above `value`; None if it never was."""
        return next((t.seconds for t in self.trials if t.value is not None and t.value > value), None)

    def at(self, value: float) -> float:
        """Return the seconds until the best was `value`, which a trial has."""
        return next(t.seconds for t in self.trials if t.value == value)


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchComparison:
    """mnist-bench's search, the slower of two runs, and Optuna's."""

    ours: Found
    theirs: Found

    def sentences(self) -> list[str]:
        """Return the result in sentences."""
        ours, theirs = self.ours, self.theirs
        best = theirs.best(theirs.seconds)
        return [
            f"mnist-bench: {_said(ours)}, best {_percent(ours.best(ours.seconds))}.",
            f"Optuna's pattern: {_said(theirs)}, best {_percent(best)}; when mnist-bench "
            f"had ended, after {ours.seconds:.0f} s, its best was {_percent(theirs.best(ours.seconds))}.",
            self._passing(best),
        ]

    def _passing(self, best: float | None) -> str:
        if best is None:
            return "Optuna's pattern completed no trial, so there is nothing to pass."
        passed = self.ours.past(best)
        if passed is None:
            return f"mnist-bench has not passed {_percent(best)}."
        found, ended = self.theirs.at(best), self.theirs.seconds
        return (
            f"mnist-bench passed {_percent(best)} after {passed:.0f} s; Optuna's pattern reached it after {found:.0f} "
            f"s, {found / passed:.1f} times as long, and ended after {ended / passed:.1f} times as long."
        )


def compare(asked: argparse.Namespace) -> SearchComparison:
    """Run mnist-bench's search, Optuna's, and mnist-bench's again."""
    before, theirs, after = search(asked), pattern(asked), search(asked)
    return SearchComparison(ours=max(before, after, key=lambda found: found.seconds), theirs=theirs)


def search(asked: argparse.Namespace) -> Found:
    """Run mnist-bench's search."""
    program = Path(sys.executable).with_name("mnist-bench")
    with tempfile.TemporaryDirectory() as folder:
        command = [str(program), "search", *options(asked), "--device", "cpu", "--results", folder]
        began = time.time()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        seconds = time.time() - began
        study = open_study(Path(folder), None)
    ends = [
        ((trial.reports[-1].handled or 0.0) - began, trial.value if trial.state == "COMPLETE" else None)
        for trial in study.finished()
        if trial.reports
    ]
    return Found(trials=in_order(ends), seconds=seconds)


def pattern(asked: argparse.Namespace) -> Found:
    """Run Optuna's pattern."""
    command = [sys.executable, str(FOLDER / "optuna_pattern.py"), *options(asked), "--workers", str(asked.workers)]
    if asked.timeout is not None:
        command += ["--timeout", str(asked.timeout)]
    began = time.time()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    seconds = time.time() - began
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    ends = [(line["at"] - began, line["value"]) for line in lines if line["trained"]]
    return Found(trials=in_order(ends), seconds=seconds)


def options(asked: argparse.Namespace) -> list[str]:
    """Return the options of both searches."""
    overrides = [part for override in asked.set for part in ("--set", override)]
    return [asked.space, "--trials", str(asked.trials), "--seed", str(asked.seed), *overrides]


def in_order(ends: Sequence[tuple[float, float | None]]) -> tuple[Ended, ...]:
    """Return trials by the seconds of their ends."""
    return tuple(Ended(seconds=seconds, value=value) for seconds, value in sorted(ends, key=lambda end: end[0]))


def _said(found: Found) -> str:
    complete = sum(trial.value is not None for trial in found.trials)
    return f"{len(found.trials)} trials, {complete} of them complete, in {found.seconds:.0f} s"


def _percent(value: float | None) -> str:
    return "none yet" if value is None else percent(value)


def arguments() -> argparse.Namespace:
    """Return the options of the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("space", nargs="?", default="conv")
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2, help="loading processes of the plain loop")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE")
    parser.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="seconds after which Optuna's search begins no trial"
    )
    parser.add_argument("--output", type=Path, help="a folder, which is made if missing")
    return parser.parse_args()


def main() -> None:
    """Search, print the result, and keep it if asked."""
    asked = arguments()
    hardware, load = machine("torchvision"), load_before()
    found = compare(asked)
    command = f"search {' '.join(options(asked))}"
    limit = "" if asked.timeout is None else f" Optuna's pattern begins no trial after {asked.timeout:.0f} s."
    lines = [
        "# mnist-bench's search compared with Optuna's own pattern",
        "",
        f"`{command}` on {sentence(hardware)}.{limit}",
        "",
    ]
    page = "\n".join([*lines, *(f"- {line}" for line in found.sentences())]) + "\n"
    print(page)
    if asked.output:
        figures = {"machine": asdict(hardware), "load_before": load, "asked": command, **asdict(found)}
        pages.write(asked.output, "peers-search", page, figures)


if __name__ == "__main__":
    main()
