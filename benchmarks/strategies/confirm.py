"""Confirm live that a way of searching is better than another, as it was written down beforehand.

    python benchmarks/strategies/confirm.py benchmarks/strategies/contest.yaml            searches, and looks
    python benchmarks/strategies/confirm.py benchmarks/strategies/contest.yaml --so-far   how many searches are done

Searches with the same seed are pairs. They train in the continuous space, and a choice is scored on images that no
search sees, with four seeds that nothing was chosen on. The mean difference is looked at after each number of pairs
that the file names, and not in between. It counts as shown at a look where |t| is above O'Brien and Fleming's boundary,
which keeps the chance of a wrong claim over all looks of a claim at 5 %. What a search came to is a line beside the
results, so that the command goes on where it was stopped, on another machine too.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, replace
from functools import partial
from io import StringIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from ruamel.yaml import YAML
from scipy import stats  # type: ignore[import-untyped]

sys.path.insert(0, str(Path(__file__).parents[1]))
from publish import machine

from mnist_bench.cli import output
from mnist_bench.cli.experiments.runner import Lines
from mnist_bench.experiments.contest import Contest, Options, tables_of
from mnist_bench.experiments.contest.record import Entrant
from mnist_bench.experiments.contest.run import run
from mnist_bench.experiments.contest.verdicts import Speedup, speedups
from mnist_bench.plots.experiments import contest as picture
from mnist_bench.plots.style import save
from search import canonical_json
from search.files import atomic_write, make_folder

BOUNDARIES: Mapping[int, tuple[float, ...]] = {1: (1.960,), 2: (2.797, 1.977), 3: (3.471, 2.454, 2.004)}
"""Of |z| at equally spaced looks, two-sided, 5 % over all of them (Jennison and Turnbull 2000, table 2.3)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """What is to be shown, written down before any of its searches has run."""

    way: Entrant
    against: Entrant
    looks: tuple[int, ...]
    """Numbers of pairs, equally spaced."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What a file says."""

    task: str
    space: str
    trials: int
    """The budget: what so many whole trainings cost."""
    budgets: tuple[int, ...]
    """At which speed-ups are told, besides."""
    margin: float
    """Points; equal is what the whole interval shows to differ by less."""
    first_seed: int
    claims: tuple[Claim, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What so many pairs of searches came to."""

    pairs: int
    difference: float
    """Mean error of the way's choices above that of the other's, in points."""
    low: float
    high: float
    """Of an interval that holds over all looks."""
    statistic: float
    boundary: float
    """Of |t|: the quantile of Student's distribution that stands for O'Brien and Fleming's."""
    verdict: str
    speedups: Mapping[int, Speedup]
    """By budget: how many times cheaper the way gets as far, with a 95 % interval of its own."""


def plan_of(path: Path) -> Plan:
    """Return what a file says.

    Raises:
        SystemExit: looks are not equally spaced, or too many.
    """
    values = YAML(typ="safe").load(path)
    ways = {
        name: Entrant(sampler=way["sampler"], pruner=way["pruner"], start=tuple(way.get("start", ())))
        for name, way in values["ways"].items()
    }
    claims = tuple(
        Claim(way=ways[claim["way"]], against=ways[claim["against"]], looks=tuple(claim["looks"]))
        for claim in values["claims"]
    )
    for looks in (claim.looks for claim in claims):
        if len(looks) not in BOUNDARIES:
            raise SystemExit(f"{path}: there are boundaries for up to {max(BOUNDARIES)} looks.")
        if list(looks) != [round(looks[-1] * (number + 1) / len(looks)) for number in range(len(looks))]:
            raise SystemExit(f"{path}: looks {looks} are not equally spaced, as the boundaries want them.")
    return Plan(
        task=values["task"], space=values["space"], trials=values["trials"], budgets=tuple(values["budgets"]),
        margin=values["margin"], first_seed=values["first_seed"], claims=claims,
    )  # fmt: skip


def contest_of(plan: Plan, ways: tuple[Entrant, ...], pairs: int, ledger: Path, asked: argparse.Namespace) -> Contest:
    """Return so many searches of each way."""
    options = Options(
        live=plan.task, space=plan.space, ways=ways, seeds=pairs, first_seed=plan.first_seed,  # type: ignore[arg-type]
        trials=plan.trials, workers=(asked.workers,), results=asked.results, ledger=ledger,
    )  # fmt: skip
    found = run(options, Lines(), lambda: False)
    if found is None:
        raise SystemExit("The contest was stopped.")
    return found[0]


def look(contest: Contest, boundary: float, margin: float, budgets: Sequence[int] = ()) -> Look:
    """Return what the pairs so far say of the last entrant against the first.

    Args:
        contest: with a choice of each search.
        boundary: of |z| at this look.
        margin: in points.
        budgets: in trainings.
    """
    errors = [[trace.found for trace in traces] for traces in contest.traces]
    pairs = [(ours, theirs) for ours, theirs in zip(errors[-1], errors[0], strict=True)]
    differences = [100 * (ours - theirs) for ours, theirs in pairs if ours is not None and theirs is not None]
    if len(differences) < len(pairs):
        raise SystemExit("A search made no choice within its budget: the budget is too small.")
    found = compared(np.array(differences), boundary, margin)
    told = {budget: speedups(replace(contest, budget=budget))[-1] for budget in (*budgets, contest.budget)}
    return replace(found, speedups={budget: one for budget, one in told.items() if one is not None})


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
        speedups={},
    )


def words(found: Look) -> str:
    """Return a look in a sentence."""
    faster = [
        f"speed-up at {budget} trainings {one.ratio:.2f} [{one.low:.2f}, {one.high:.2f}]"
        for budget, one in found.speedups.items()
    ]
    said = (
        f"{found.pairs} pairs: {found.difference:+.3f} points [{found.low:+.3f}, {found.high:+.3f}], "
        f"t = {found.statistic:.2f} against {found.boundary:.2f}: {found.verdict}"
    )
    return "; ".join([said, *faster])


def judged(plan: Plan, claim: Claim, ledger: Path, asked: argparse.Namespace) -> tuple[Contest, list[Look]]:
    """Return the looks at a claim, up to the first that shows a difference, and the searches that they looked at."""
    looks: list[Look] = []
    for pairs, boundary in zip(claim.looks, BOUNDARIES[len(claim.looks)], strict=True):
        contest = contest_of(plan, (claim.against, claim.way), pairs, ledger, asked)
        looks.append(look(contest, boundary, plan.margin, plan.budgets))
        print(f"{claim.way.name} against {claim.against.name}, {words(looks[-1])}", flush=True)
        if looks[-1].verdict in ("better", "worse"):
            break
    return contest, looks


def publish(plan: Plan, found: Sequence[tuple[Contest, list[Look]]], target: Path, command: str) -> None:
    """Write what was looked at: a page to read, its figures as JSON, and a picture."""
    text = StringIO()
    with redirect_stdout(text):
        output.show("markdown", *tables_of([contest for contest, _ in found]))
    said = [
        f"- {claim.way.name} against {claim.against.name}, {words(each)}."
        for claim, (_, looks) in zip(plan.claims, found, strict=False)
        for each in looks
    ]
    claims = "\n".join(said)
    page = (
        f"# Confirmed live on {plan.task}\n\n`{command}` on {machine()}.\n\nLooks, in their order; each interval "
        f"holds over all looks of its claim.\n\n{claims}\n\n{text.getvalue()}\n"
        f"![Error of the choice by what was spent]({target.name}.png)\n"
    )
    make_folder(target.parent)
    atomic_write(target.with_suffix(".md"), page.encode())
    document = {"plan": asdict(plan), "claims": [[asdict(each) for each in looks] for _, looks in found]}
    atomic_write(target.with_suffix(".json"), (canonical_json.dumps(document) + "\n").encode())
    save(partial(picture.draw, picture.rows([contest for contest, _ in found])), target, ["png"])


def main(arguments: Sequence[str]) -> None:
    """Search, look, and write what was seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plan", type=Path)
    parser.add_argument("--output", type=Path, default=Path("results/published/strategies"))
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--so-far", action="store_true")
    asked = parser.parse_args(arguments)
    plan, target = plan_of(asked.plan), asked.output / asked.plan.stem
    ledger = target.with_suffix(".jsonl")
    if asked.so_far:
        done = len(ledger.read_text().splitlines()) if ledger.exists() else 0
        print(f"{done} searches are done.")
        return
    found: list[tuple[Contest, list[Look]]] = []
    for claim in plan.claims:
        found.append(judged(plan, claim, ledger, asked))
        publish(plan, found, target, f"python benchmarks/strategies/confirm.py {asked.plan}")


if __name__ == "__main__":
    main(sys.argv[1:])
