"""Confirm live that one search method is better than another, by a plan that was fixed in advance.

    python benchmarks/strategies/confirm.py benchmarks/strategies/contest.yaml            searches, and looks
    python benchmarks/strategies/confirm.py benchmarks/strategies/contest.yaml --so-far   how many searches are done
    python benchmarks/strategies/confirm.py benchmarks/strategies/contest.yaml --kept     looks for which all are done
    python benchmarks/strategies/confirm.py benchmarks/strategies/contest.yaml --looks 1  no claim beyond its first look

Searches with the same seed are pairs. They train in the continuous space, and a choice is scored on images that no
search sees, with four seeds that nothing was chosen on. The mean difference is looked at after each number of pairs
that the file names, and not in between. It counts as shown at a look if |t| is above O'Brien and Fleming's boundary,
which keeps the chance of a wrong claim over all looks of a claim at 5%; an early look may be added to them, with a
boundary so high that it costs a thousandth of that. The result of a search is a line next to the results, so that the
command continues where it was stopped, on another machine too.
"""

from __future__ import annotations

import argparse
import math
import shlex
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from ruamel.yaml import YAML

sys.path.insert(0, str(Path(__file__).parents[1]))
import contest_pages
import pages
from looks import ADDED, BOUNDARIES, Look, look, times, words

from mnist_bench.cli.experiments.runner import Lines
from mnist_bench.errors import Stopped
from mnist_bench.experiments.contest import Contest, ContestOptions, compare_methods
from mnist_bench.experiments.contest.contest_record import PROPOSING, Entrant, Trace
from mnist_bench.plots.experiments import contest as picture
from search.files import whole_lines

Ran = Mapping[tuple[str, int], Mapping[str, str]]
"""The machine of each search, by its way and its seed: processor, canary, versions of torch and of the libraries that
propose."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """The claim to be tested, fixed before any of its searches has run."""

    way: Entrant
    against: Entrant
    looks: Mapping[int, float]
    """By number of pairs, in their order: the boundary of |z|."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The plan that a file describes."""

    task: str
    space: str
    trials: int
    """The budget: the cost of that number of whole trainings."""
    budgets: tuple[int, ...]
    """Further budgets at which speed-ups are reported."""
    margin: float
    """Points; two methods are equal if the whole interval lies within."""
    first_seed: int
    claims: tuple[Claim, ...]


def plan_of(path: Path) -> Plan:
    """Return the plan in a file.

    Raises:
        SystemExit: looks are not equally spaced, or too many.
    """
    values = YAML(typ="safe").load(path)
    ways = {
        name: Entrant(sampler=way["sampler"], pruner=way["pruner"], start=tuple(way.get("start", ())))
        for name, way in values["ways"].items()
    }
    claims = tuple(
        Claim(way=ways[claim["way"]], against=ways[claim["against"]], looks=looks_of(path, claim))
        for claim in values["claims"]
    )
    return Plan(
        task=values["task"], space=values["space"], trials=values["trials"], budgets=tuple(values["budgets"]),
        margin=values["margin"], first_seed=values["first_seed"], claims=claims,
    )  # fmt: skip


def looks_of(path: Path, claim: Mapping[str, Any]) -> Mapping[int, float]:
    """Return the boundary at each number of pairs that a claim names.

    Raises:
        SystemExit: as in `plan_of`; or a look was added where it is not an early one.
    """
    planned, added = claim["looks"], claim.get("added")
    if len(planned) not in BOUNDARIES:
        raise SystemExit(f"{path}: there are boundaries for up to {max(BOUNDARIES)} looks.")
    if planned != [round(planned[-1] * (number + 1) / len(planned)) for number in range(len(planned))]:
        raise SystemExit(f"{path}: looks {planned} are not equally spaced, as the boundaries need them.")
    looks = dict(zip(planned, BOUNDARIES[len(planned)], strict=True))
    if added is None:
        return looks
    if not added < planned[0]:
        raise SystemExit(f"{path}: a look can be added before the first one ({planned[0]} pairs), not at {added}.")
    return {added: ADDED, **looks}


def contest_of(
    plan: Plan, ways: tuple[Entrant, ...], pairs: int, ledger: Path, asked: argparse.Namespace
) -> Contest | None:
    """Return that number of searches of each method; None if one is missing that is not to be made."""
    options = ContestOptions(
        live=plan.task, space=plan.space, ways=ways, seeds=pairs, first_seed=plan.first_seed,  # type: ignore[arg-type]
        trials=plan.trials, workers=(asked.workers,), results=asked.results, ledger=ledger,
    )  # fmt: skip
    try:
        return compare_methods(options, Lines(lambda: asked.kept))[0]
    except Stopped:
        return None


def judged(plan: Plan, claim: Claim, ledger: Path, asked: argparse.Namespace) -> tuple[Contest, list[Look]] | None:
    """Return the looks at a claim, up to the first that shows a difference, and the searches that they looked at; None
    if the searches of the first look are not there."""
    looks: list[Look] = []
    seen: Contest | None = None
    for pairs, boundary in islice(claim.looks.items(), asked.looks):
        contest = contest_of(plan, (claim.against, claim.way), pairs, ledger, asked)
        if contest is None:
            break
        seen = contest
        looks.append(look(contest, boundary, plan.margin, plan.budgets))
        print(f"{claim.way.name} against {claim.against.name}, {words(looks[-1])}", flush=True)
        if looks[-1].verdict in ("better", "worse"):
            break
    return None if seen is None else (seen, looks)


def ran_on(ledger: Path) -> Ran:
    """Return the machine of each search in a ledger."""
    return {(values["way"], values["seed"]): values["machine"] for _, values in whole_lines(ledger)}


def machines(ran: Ran, looked_at: Sequence[Contest]) -> str:
    """Return on which machines the searches ran that were looked at."""
    searches = {(entrant.name, seed) for contest in looked_at for entrant in contest.entrants for seed in contest.seeds}
    numbers = Counter(f"{each['cpu']} (torch {each['torch']})" for search, each in ran.items() if search in searches)
    return ", ".join(f"{number} on {name}" for name, number in numbers.items())


def are_mixed(pair: Sequence[Mapping[str, str]]) -> bool:
    """Return whether the searches of a pair are known to have computed, or proposed, in two ways.

    The first lines of a ledger do not name the versions of the libraries that propose.
    """
    return any(len({each[name] for each in pair if name in each}) > 1 for name in ("canary", *PROPOSING))


def publish(plan: Plan, found: Sequence[tuple[Contest, list[Look]]], target: Path, command: str) -> None:
    """Write the results: a page to read, its figures as JSON, and a picture."""
    contests, ran = [contest for contest, _ in found], ran_on(target.with_suffix(".jsonl"))
    paragraphs = [
        f"`{command}`; searches by machine, 2 cores each: {machines(ran, contests)}. Looked at with {pages.machine()}.",
        f"Error of the choice on {contests[0].unseen_images:,} unseen images, for what {plan.trials} whole trainings "
        f"cost, in {plan.space}: mean and standard error over the seeds, of choices trained again with fresh seeds; "
        "speed-ups and the picture are of the nets as the searches trained them. Differences are of pairs of searches "
        "with one seed, in points; below 0 the first way is better. Their intervals hold over all looks of a claim, "
        "and |t| has to pass the boundary of its look. A speed-up says how many times cheaper the first way gets as "
        "far, with a 95% interval of its own. Nothing speaks of other data. Mixed are pairs whose searches ran on two "
        "kinds of machine, which compute other bits, or with two versions of Optuna, NumPy or SciPy.",
        "\n".join(rows(plan, found, ran)),
    ]
    document = {"plan": asdict(plan), "claims": [[asdict(each) for each in looks] for _, looks in found]}
    shown = picture.rows(contests)
    verdicts = [
        f"{looks[-1].pairs} pairs: {verdict(claim, looks)}"
        for claim, (_, looks) in zip(plan.claims, found, strict=False)
    ]
    panels = replace(
        shown,
        finding="; ".join(
            f"{claim.way.name} against {claim.against.name}: {verdict(claim, looks)}"
            for claim, (_, looks) in zip(plan.claims, found, strict=False)
        ),
        panels=tuple(replace(panel, title=verdict) for panel, verdict in zip(shown.panels, verdicts, strict=True)),
    )
    contest_pages.write_page(target, f"Confirmed live on {plan.task}", paragraphs, panels, document)


def verdict(claim: Claim, looks: Sequence[Look]) -> str:
    """Return the verdict of the last of some looks at a claim, and which look it is if others are to come."""
    said = looks[-1].verdict
    to_come = said not in ("better", "worse") and len(looks) < len(claim.looks)
    return f"{said}, look {len(looks)} of {len(claim.looks)}" if to_come else said


def rows(plan: Plan, found: Sequence[tuple[Contest, list[Look]]], ran: Ran) -> Iterator[str]:
    """Yield the looks as lines of a Markdown table, in the order of the claims."""
    heads = ["way", "error", "against", "error", "pairs:", "mixed:", "difference:", "t:", "boundary:", "verdict"]
    speedups = [f"speed-up at {budget}:" for budget in (*plan.budgets, plan.trials)]
    yield from pages.table([*heads, *speedups], _looks(plan, found, ran))


def _looks(plan: Plan, found: Sequence[tuple[Contest, list[Look]]], ran: Ran) -> Iterator[list[str]]:
    for claim, (contest, looks) in zip(plan.claims, found, strict=False):
        for number, each in enumerate(looks, 1):
            pairs = [[ran[entrant.name, seed] for entrant in contest.entrants] for seed in contest.seeds[: each.pairs]]
            theirs, ours = (error(traces[: each.pairs]) for traces in contest.traces)
            yield [
                claim.way.name, ours, claim.against.name, theirs, f"{each.pairs}",
                f"{sum(map(are_mixed, pairs))}",
                f"{each.difference:+.2f} [{each.low:+.2f}, {each.high:+.2f}]", f"{each.statistic:.2f}",
                f"{each.boundary:.2f}", verdict(claim, looks[:number]),
                *(times(one) if one else "–" for one in map(each.speedups.get, (*plan.budgets, plan.trials))),
            ]  # fmt: skip


def error(traces: Sequence[Trace]) -> str:
    """Return the mean error of the searches' choices, with its standard error."""
    errors = [100 * trace.found for trace in traces if trace.found is not None]
    return f"{fmean(errors):.2f}% ± {stdev(errors) / math.sqrt(len(errors)):.2f}"


def main(arguments: Sequence[str]) -> None:
    """Search, look, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plan", type=Path)
    parser.add_argument("--output", type=Path, default=Path("results/published/strategies"))
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--looks", type=int)
    parser.add_argument("--so-far", action="store_true")
    parser.add_argument("--kept", action="store_true")
    asked = parser.parse_args(arguments)
    plan, target = plan_of(asked.plan), asked.output / asked.plan.stem
    ledger = target.with_suffix(".jsonl")
    if asked.so_far:
        print(f"{len(ran_on(ledger))} searches are done.")
        return
    typed = [argument for argument in arguments if argument != "--kept"]  # which makes no searches, only the page anew
    command = shlex.join(["python", "benchmarks/strategies/confirm.py", *typed])
    found: list[tuple[Contest, list[Look]]] = []
    for claim in plan.claims:
        if (seen := judged(plan, claim, ledger, asked)) is None:
            break
        found.append(seen)
        publish(plan, found, target, command)


if __name__ == "__main__":
    main(sys.argv[1:])
