"""Confirm live that a way of searching is better than the default, as it was written down beforehand.

    python benchmarks/strategies/confirm.py benchmarks/strategies/contest.yaml --output results/published/strategies

Pairs of searches with the same seed train in the continuous space. A choice is scored on images that no search sees,
with four seeds that nothing was chosen on. The mean difference is looked at after each number of pairs that the file
names. It counts as shown at a look where |t| is above O'Brien and Fleming's boundary, which keeps the chance of a wrong
claim over all looks at 5 %. What is trained is kept, so that the command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ruamel.yaml import YAML
from scipy import stats  # type: ignore[import-untyped]

from mnist_bench.cli.experiments.runner import Lines
from mnist_bench.experiments.contest import Contest, Options
from mnist_bench.experiments.contest.run import run
from mnist_bench.experiments.contest.verdicts import speedups
from search import canonical_json
from search.files import atomic_write, make_folder

BOUNDARIES: Mapping[int, tuple[float, ...]] = {1: (1.960,), 2: (2.797, 1.977), 3: (3.471, 2.454, 2.004)}
"""Of |z| at equally spaced looks, two-sided, 5 % over all of them (Jennison and Turnbull 2000, table 2.3)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What so many pairs of searches came to."""

    pairs: int
    difference: float
    """Mean error of the finalist's choices above that of the default's, in points."""
    low: float
    high: float
    """Of an interval that holds over all looks."""
    statistic: float
    boundary: float
    """Of |t|: the quantile of Student's distribution that stands for O'Brien and Fleming's."""
    verdict: str
    speedup: float | None = None
    speedup_low: float | None = None
    speedup_high: float | None = None
    """How many times cheaper the finalist gets as far, with a 95 % interval of its own."""


def contest_of(plan: Mapping[str, Any], pairs: int, results: Path, workers: int) -> Contest:
    """Return so many pairs of searches: the default's first."""
    ways = [plan["default"], plan["finalist"]]
    asked = Options(
        live=plan["task"], space=plan["space"], samplers=tuple(way["sampler"] for way in ways),
        pruners=tuple(dict.fromkeys(way["pruner"] for way in ways)), start=tuple(plan.get("from_study", ())),
        baselines=False, seeds=pairs, first_seed=plan["first_seed"], trials=plan["trials"], workers=(workers,),
        results=results,
    )  # fmt: skip
    found = run(asked, Lines(), lambda: False)
    if found is None:
        raise SystemExit("The contest was stopped.")
    return found[0]


def look(contest: Contest, boundary: float, margin: float) -> Look:
    """Return what the pairs so far say of the last entrant against the first.

    Args:
        contest: with a choice of each search.
        boundary: of |z| at this look.
        margin: in points.
    """
    errors = [[trace.found for trace in traces] for traces in contest.traces]
    pairs = [(ours, theirs) for ours, theirs in zip(errors[-1], errors[0], strict=True)]
    differences = [100 * (ours - theirs) for ours, theirs in pairs if ours is not None and theirs is not None]
    if len(differences) < len(pairs):
        raise SystemExit("A search made no choice within its budget: the budget is too small.")
    found = compared(np.array(differences), boundary, margin)
    speedup = speedups(contest)[-1]
    if speedup is None:
        return found
    return replace(found, speedup=speedup.ratio, speedup_low=speedup.low, speedup_high=speedup.high)


def compared(differences: NDArray[np.float64], boundary: float, margin: float) -> Look:
    """Return what differences of paired searches say, in points; all else as in `look`."""
    mean, error = float(differences.mean()), float(differences.std(ddof=1)) / math.sqrt(len(differences))
    critical = float(stats.t.isf(stats.norm.sf(boundary), len(differences) - 1))
    statistic = mean / error if error else 0.0
    low, high = mean - critical * error, mean + critical * error
    shown = abs(statistic) > critical
    return Look(
        pairs=len(differences),
        difference=mean,
        low=low,
        high=high,
        statistic=statistic,
        boundary=critical,
        verdict="equal"
        if -margin < low and high < margin
        else ("better" if mean < 0 else "worse")
        if shown
        else "not shown",
    )


def words(found: Look) -> str:
    """Return a look in a sentence."""
    faster = "" if found.speedup is None else (
        f"; as far at {found.speedup:.2f} [{found.speedup_low:.2f}, {found.speedup_high:.2f}] times less cost"
    )  # fmt: skip
    return (
        f"{found.pairs} pairs: {found.difference:+.3f} points [{found.low:+.3f}, {found.high:+.3f}], "
        f"t = {found.statistic:.2f} against {found.boundary:.2f}: {found.verdict}{faster}"
    )


def main(arguments: Sequence[str]) -> None:
    """Search, look, and write what was seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plan", type=Path)
    parser.add_argument("--output", type=Path, default=Path("results/published/strategies"))
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args(arguments)
    plan = YAML(typ="safe").load(asked.plan)
    looks_at: list[int] = plan["looks"]
    if looks_at != [round(looks_at[-1] * (number + 1) / len(looks_at)) for number in range(len(looks_at))]:
        raise SystemExit(f"{asked.plan}: looks: {looks_at} are not equally spaced, as the boundaries want them.")
    if len(looks_at) not in BOUNDARIES:
        raise SystemExit(f"{asked.plan}: looks: there are boundaries for up to {max(BOUNDARIES)} looks.")
    looks: list[Look] = []
    for pairs, boundary in zip(looks_at, BOUNDARIES[len(looks_at)], strict=True):
        looks.append(look(contest_of(plan, pairs, asked.results, asked.workers), boundary, plan["margin"]))
        print(words(looks[-1]), flush=True)
        make_folder(asked.output)
        document = {"plan": plan, "looks": [asdict(each) for each in looks]}
        target = asked.output / f"{asked.plan.stem}.json"
        atomic_write(target, (canonical_json.dumps(document) + "\n").encode())
        if looks[-1].verdict in ("better", "worse"):
            break


if __name__ == "__main__":
    main(sys.argv[1:])
