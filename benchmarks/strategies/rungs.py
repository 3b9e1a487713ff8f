"""Compare rungs of a pruner on whole learning curves of one search: all of its trials, trained to the end.

    nice -n 19 python benchmarks/strategies/rungs.py train --minutes 60     trials that are missing, in a random order
    python benchmarks/strategies/rungs.py page                              results/published/strategies/rungs.md

The trials are those of results/published/studies/conv-0, with their configurations and seeds. They report more often
than in the search. Reports decide the draws of dropout, so a training has the search's bits up to the first report
that the search did not make; from there on it is another training of the same configuration.

A training is a line of results/published/strategies/full-curves.jsonl. Stopped or killed at any moment, the same
command continues. The order of the trainings is a hash of their numbers, so that a part of them is a random sample.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from heapq import heapify, heapreplace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats  # type: ignore[import-untyped]

sys.path.insert(0, str(Path(__file__).parents[1]))
import pages

from mnist_bench import open_study
from mnist_bench.cli.experiments.runner import Lines
from mnist_bench.config import from_json
from mnist_bench.errors import Stopped
from mnist_bench.experiments.audit import AuditOptions
from mnist_bench.experiments.grid import TrainingRun, open_grid_of
from mnist_bench.nets import COEFFICIENTS, make_planner
from search import canonical_json
from search.event_log import TrialRecord
from search.files import append_line, whole_lines
from search.strategies import Asha, NoPruner, Pruner

STUDY, STUDIES = "conv-0", Path("results/published/studies")
CURVES = Path("results/published/strategies/full-curves.jsonl")
WORK = Path("results/_rungs")
PERIODS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.25, 2.5, 2.75, 3.0, 4.0, 4.5, 6.0, 8.0)
"""Epochs at which the trainings report."""
TRAIN, VALIDATION = 50_000, 10_000
"""Images."""
BATCH = 4
"""Trainings that are started together; at the end of each batch a worker waits for the other."""
SLOTS, POOLS, SEARCHES, BUDGETS = 8, 100, 4, (9, 15, 30)


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """One trial, trained to the end."""

    trial: int
    seed: int
    reason: str
    """How it ended in the search: complete or pruned."""
    stopped_after: float
    """Epochs that it trained in the search."""
    errors: tuple[int | None, ...]
    """Validation images misclassified, of 10,000, after each of `PERIODS`; None if training diverged."""
    same: bool
    """Whether its weights are those of the search up to the first report that the search did not make."""
    config: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rungs:
    """One setting of reports and pruner."""

    periods: tuple[float, ...]
    pruner: Pruner

    @property
    def name(self) -> str:
        """The rungs in epochs, and the share that continues."""
        match self.pruner:
            case Asha():
                at = [f"{self.periods[rung - 1]:g}" for rung in self.pruner.rungs(len(self.periods))]
                return f"{', '.join(at)}; one in {self.pruner.reduction_factor}"
            case _:
                return "none"


SETTINGS = (
    Rungs(periods=(0.25, 0.5, 1, 1.5, 2, 2.25, 2.5, 2.75, 3, 8), pruner=Asha()),
    Rungs(periods=(0.25, 0.5, 0.75, 1, 8), pruner=Asha(reduction_factor=4)),
    Rungs(periods=(0.5, 0.75, 1.5, 2, 2.25, 2.5, 2.75, 3, 4.5, 8), pruner=Asha()),
    Rungs(periods=(0.5, 1, 1.5, 2, 8), pruner=Asha(reduction_factor=4)),
    Rungs(periods=(1, 2, 3, 8), pruner=Asha()),
    Rungs(periods=(1, 2, 3, 4, 8), pruner=Asha(reduction_factor=4)),
    Rungs(periods=(1.5, 3, 4.5, 8), pruner=Asha()),
    Rungs(periods=(2, 4, 6, 8), pruner=Asha()),
    Rungs(periods=(8,), pruner=NoPruner()),
)
"""The first one is that of conv.yaml."""


def train(minutes: float, workers: int) -> None:
    """Train the trials that are missing, until the time is up."""
    ends = time.monotonic() + 60 * minutes
    study = open_study(STUDY, results=STUDIES)
    known = {curve.trial for curve in curves()}
    missing = [trial for trial in study.trials if trial.reports and trial.number not in known]
    missing.sort(key=lambda trial: canonical_json.sha256(["rungs", trial.number]))
    options = AuditOptions(workers=workers)
    with open_grid_of(
        study, "audit", WORK, "The rungs' trainings", options, Lines(lambda: time.monotonic() > ends)
    ) as grid:
        for first in range(0, len(missing), BATCH):
            batch = missing[first : first + BATCH]
            runs = [
                TrainingRun(
                    name=f"#{trial.number}", config=from_json({**trial.config, "periods": list(PERIODS)}),
                    seed=trial.seed, title=f"#{trial.number}",
                )
                for trial in batch
            ]  # fmt: skip
            try:
                found = grid.train(runs)
            except Stopped:
                print("The time is up; the same command continues.")
                return
            for trial, run in zip(batch, runs, strict=True):
                append_line(CURVES, canonical_json.dumps(asdict(_curve(trial, found[run.name, run.seed]))))


def _curve(trial: TrialRecord, reports: Sequence[Any]) -> Curve:
    """Return a trial's row, given the reports of its whole training."""
    then, own = list(trial.config["periods"]), len(trial.reports)
    alike = next((at for at, (ours, theirs) in enumerate(zip(PERIODS, then, strict=False)) if ours != theirs), own)
    errors = [report.metrics["errors"] for report in reports]
    return Curve(
        trial=trial.number, seed=trial.seed, reason=str(trial.reason), stopped_after=then[own - 1],
        errors=(*errors, *[None] * (len(PERIODS) - len(errors))), config=trial.config,
        same=all(reports[at].weights == trial.reports[at].weights for at in range(min(alike, own))),
    )  # fmt: skip


def curves() -> list[Curve]:
    """Return the trainings that are there."""
    if not CURVES.exists():
        return []
    return [Curve(**{**values, "errors": tuple(values["errors"])}) for _, values in whole_lines(CURVES)]


def costs(curve: Curve, periods: Sequence[float]) -> list[int]:
    """Return the logical cost of each period of a configuration that reports after these epochs."""
    config = {**curve.config, "periods": list(periods)}
    planner = make_planner(
        config,
        limits={},
        coefficients=asdict(COEFFICIENTS["cpu-bf16"]),
        train_images=TRAIN,
        validation_images=VALIDATION,
    )
    return list(planner({}).costs)


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A search: at which cost its choice changed, and the choice's error."""

    choices: tuple[tuple[float, int], ...]

    def read(self, spent: float) -> float:
        """Return the errors of the choice at a cost; those of a guess before the first one."""
        return next((float(errors) for at, errors in reversed(self.choices) if at <= spent), 9000.0)


def searched(
    errors: Sequence[Sequence[int]], costs: Sequence[Sequence[int]], pruner: Pruner, most: float, draws: Iterator[int]
) -> Found:
    """Return a search that draws curves at random, in logical order.

    `errors` and `costs` have a row per curve and a column per report; `most` is the cost at which it ends.
    """
    periods = len(errors[0])
    rungs = set(pruner.rungs(periods))
    arrived: dict[int, list[int]] = {rung: [] for rung in rungs}
    factor = pruner.reduction_factor if isinstance(pruner, Asha) else 1
    turns = [(0, slot) for slot in range(SLOTS)]
    running: dict[int, tuple[int, int]] = {}
    choices: list[tuple[float, int]] = []
    spent = 0
    heapify(turns)
    while spent < most:
        now, slot = turns[0]
        if slot not in running:
            running[slot] = next(draws), 0
        else:
            curve, done = running.pop(slot)
            spent += costs[curve][done]
            value, period = errors[curve][done], done + 1
            if period == periods:
                if spent <= most and (not choices or value < choices[-1][1]):
                    choices.append((float(spent), value))
                continue
            if period in rungs:
                arrived[period] = sorted([*arrived[period], value])
                if value > arrived[period][max(1, len(arrived[period]) // factor) - 1]:
                    continue
            running[slot] = curve, period
        curve, done = running[slot]
        heapreplace(turns, (now + costs[curve][done], slot))
    return Found(choices=tuple(choices))


def compared(whole: Sequence[Curve]) -> Iterator[tuple[Rungs, NDArray[np.float64]]]:
    """Yield each setting with the errors of its choices at `BUDGETS`, of shape (POOLS, 3): means over the searches in
    a pool of curves that were drawn with replacement, as many as there are."""
    unit = float(np.mean([sum(costs(curve, (8,))) for curve in whole]))
    for setting in SETTINGS:
        at = [PERIODS.index(period) for period in setting.periods]
        errors = [[_count(curve.errors[each]) for each in at] for curve in whole]
        priced = [costs(curve, setting.periods) for curve in whole]
        pools = []
        for pool in range(POOLS):
            draws = np.random.default_rng([7, pool])
            members = draws.integers(len(whole), size=len(whole)).tolist()
            found = [
                searched(errors, priced, setting.pruner, max(BUDGETS) * unit, _drawn(members, pool, search))
                for search in range(SEARCHES)
            ]
            pools.append([np.mean([each.read(budget * unit) for each in found]) for budget in BUDGETS])
        yield setting, np.array(pools)


def _count(errors: int | None) -> int:
    return 9000 if errors is None else errors


def _drawn(members: Sequence[int], pool: int, search: int) -> Iterator[int]:
    """Yield curves of a pool at random, the same for each setting."""
    draws = np.random.default_rng([8, pool, search])
    while True:
        yield members[int(draws.integers(len(members)))]


def ranks(whole: Sequence[Curve]) -> Iterator[tuple[float, float, float, int]]:
    """Yield for each report: its epoch, the rank correlation with the end, the same among the better half at the end,
    and how many of the best third at the end are among the best third there."""
    errors = np.array([[_count(each) for each in curve.errors] for curve in whole])
    last, third = errors[:, -1], len(whole) // 3
    better = np.argsort(last, kind="stable")[: len(whole) // 2]
    best = {*np.argsort(last, kind="stable")[:third].tolist()}
    for number, epoch in enumerate(PERIODS[:-1]):
        there = errors[:, number]
        passing = {*np.argsort(there, kind="stable")[:third].tolist()}
        rank = [float(stats.spearmanr(there[rows], last[rows]).statistic) for rows in (slice(None), better)]
        yield epoch, rank[0], rank[1], len(best & passing)


def page(output: Path) -> None:
    """Write the page."""
    whole = curves()
    complete = [curve for curve in whole if curve.reason == "complete"]
    pruned = [curve for curve in whole if curve.reason == "pruned"]
    trained = sum(bool(trial.reports) for trial in open_study(STUDY, results=STUDIES).trials)
    best = min((_count(curve.errors[-1]) for curve in complete), default=9000)
    worst = max((_count(curve.errors[-1]) for curve in complete), default=0)
    ends = [_count(curve.errors[-1]) for curve in pruned]
    first, *others = compared(whole)
    document = {
        "trials": len(whole), "of": trained, "best_complete": best,
        "better": sum(end < best for end in ends), "placed": sum(end < worst for end in ends),
        "pruned": len(pruned), "complete": len(complete), "ranks": [*ranks(whole)],
        "settings": {
            setting.name: {
                "errors": found.mean(axis=0).tolist(),
                "difference": [_interval(found[:, at] - first[1][:, at]) for at in range(len(BUDGETS))],
            }
            for setting, found in (first, *others)
        },
    }  # fmt: skip
    text = [
        "# Rungs of conv.yaml",
        "",
        f"`python benchmarks/strategies/rungs.py page` on {pages.machine()}.",
        "",
        f"{len(whole)} of the {trained} trials of the published search conv-0 were trained to the end, "
        f"{len(pruned)} pruned ones and {len(complete)} complete ones. "
        f"{document['better']} of the {len(pruned)} pruned trials end better than the best of the complete ones "
        f"({best} errors of 10,000), and {document['placed']} better than the worst of them ({worst}).",
        "",
        "Rank correlation of a report with the end, of all trials and of the better half; and trials of the best third "
        f"at the end ({len(whole) // 3}) that are in the best third at the report.",
        "",
        *pages.table(
            ["epochs:", "all:", "better half:", "of the best third:"],
            [[f"{at:g}", f"{all_:.2f}", f"{half:.2f}", str(kept)] for at, all_, half, kept in ranks(whole)],
        ),
        "",
        "Searches that draw these trials at random: mean errors of the best complete trial of 10,000 validation "
        "images, and the difference to the first row with a 95% interval. The columns are costs in full trainings. The "
        "intervals take the trials for a sample: they are over pools of trials that were drawn with replacement. The "
        "errors are those by which the best trial was chosen, so settings that complete more trials look better by "
        "luck as well.",
        "",
        *pages.table(
            ["rungs, epochs", *(f"{budget} trainings:" for budget in BUDGETS)],
            [[setting.name, *_cells(found, first[1])] for setting, found in (first, *others)],
        ),
    ]
    pages.write(output, "rungs", "\n".join(text) + "\n", document)
    print(output / "rungs.md")


def _interval(differences: NDArray[np.float64]) -> tuple[float, float, float]:
    low, high = np.quantile(differences, [0.025, 0.975]).tolist()
    return float(differences.mean()), low, high


def _cells(found: NDArray[np.float64], today: NDArray[np.float64]) -> Iterator[str]:
    for at in range(len(BUDGETS)):
        mean, low, high = _interval(found[:, at] - today[:, at])
        told = "" if found is today else f", {mean:+.1f} \\[{low:+.1f}, {high:+.1f}\\]"
        yield f"{found[:, at].mean():.1f}{told}".replace("-", "−")


def main(arguments: Sequence[str]) -> None:
    """Train, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["train", "page"])
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--output", type=Path, default=Path("results/published/strategies"))
    asked = parser.parse_args(arguments)
    if asked.what == "train":
        train(asked.minutes, asked.workers)
    else:
        page(asked.output)


if __name__ == "__main__":
    main(sys.argv[1:])
