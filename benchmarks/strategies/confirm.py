"""Confirm live that one search method is better than another, by a plan that was fixed in advance.

    python benchmarks/strategies/confirm.py benchmarks/strategies/contest.yaml            searches, and looks
    python benchmarks/strategies/confirm.py benchmarks/strategies/contest.yaml --so-far   how many searches are done
    python benchmarks/strategies/confirm.py benchmarks/strategies/contest.yaml --kept     looks for which all are done
    python benchmarks/strategies/confirm.py benchmarks/strategies/contest.yaml --looks 1  no claim beyond its first look

With `--minutes 90` or `--until 17:30`, no search is begun after that time.

Searches with the same seed are pairs. They train in the continuous space, and a choice is scored on images that no
search sees, with seeds that nothing was chosen on. The mean difference is looked at after each number of pairs that the
file names, and not in between. It counts as shown at a look if |t| is above a boundary of O'Brien and Fleming's kind.
The boundaries keep the chance of a wrong claim over all looks of a claim at 5%, or over all claims (`holm: 0.05`). An
early look may be added to them, with a boundary so high that it costs a thousandth of that. The result of a search is a
line next to the results, so that the command continues where it was stopped, on another machine too.
"""

from __future__ import annotations

import argparse
import math
import shlex
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from statistics import fmean, stdev

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
import contest_pages
import pages
from boundaries import shown_before
from looks import Look, look, times, words
from plans import Claim, Plan, plan_of

from mnist_bench.cli.experiments.runner import Lines
from mnist_bench.experiments.contest import (
    Contest,
    ContestOptions,
    compare_methods,
    finished_pairs,
    live_searches,
)
from mnist_bench.experiments.contest.contest_record import PROPOSING, Trace
from mnist_bench.plots.experiments import contest as picture
from search.files import whole_lines

Ran = Mapping[tuple[str, int, int | None], Mapping[str, str]]
"""The machine of each search, by its way, its seed and its budget: processor, canary, versions of torch and of the
libraries that propose."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """The results so far of a claim, or of a comparison that is described."""

    claim: Claim
    pairs: int
    """Number of pairs of searches that are done."""
    contest: Contest | None = None
    """The searches that were looked at; None before the first look."""
    looks: tuple[Look, ...] = ()
    """Up to the first that shows a difference."""
    before: int = 0
    """Number of claims that are shown before this one, by which its boundaries go."""

    @property
    def is_shown(self) -> bool:
        """Whether a look shows a difference."""
        return bool(self.looks) and self.looks[-1].verdict in ("better", "worse")


class Confirmation:
    """A plan, and its searches in a ledger."""

    def __init__(self, plan: Plan, ledger: Path, *, results: Path, workers: int, looks: int | None = None) -> None:
        """Read how far each claim is; `looks` is the number of looks of each claim that are made at most."""
        self.plan = plan
        self._ledger = ledger
        self._results = results
        self._workers = workers
        self._looks = looks
        self._pairs = {claim: finished_pairs(self._options(claim, claim.pairs)) for claim in self.compared}
        self._contests: dict[tuple[Claim, int], Contest] = {}
        self._seen: dict[tuple[Claim, int, float], Look] = {}

    @property
    def compared(self) -> tuple[Claim, ...]:
        """All claims, and what is described besides."""
        return (*self.plan.claims, *self.plan.besides)

    def search(self, on_look: Callable[[], None], stopping: Callable[[], bool]) -> None:
        """Make the searches that are missing, in turns; `on_look` is called when a look is reached.

        `stopping` is asked before each search.
        """
        claim = self._next()
        if claim is None:
            return
        with live_searches(self._options(claim, claim.pairs), Lines()) as search:
            while claim is not None:
                seed = self.plan.first_seed + self._pairs[claim]
                for way in (claim.against, claim.way):
                    if stopping():
                        return
                    search(replace(self._options(claim, claim.pairs), ways=(way,)), seed)
                self._pairs[claim] += 1
                if self._pairs[claim] in self._looks_of(claim):
                    on_look()
                claim = self._next()

    def found(self) -> list[Found]:
        """Return the results of all claims, at the level at which each is tested by now."""
        claims = self.plan.claims
        before = [0] * len(claims)
        if self.plan.is_holm:
            passes = [[self._passes(claim, number) for claim in claims] for number in range(len(claims))]
            shown = shown_before(np.array(passes))
            before = np.where(shown < 0, np.minimum((shown >= 0).sum(), len(claims) - 1), shown).tolist()
        return [self._found(claim, number) for claim, number in zip(claims, before, strict=True)]

    def described(self) -> list[Found]:
        """Return the comparisons that are described, if they are complete."""
        return [self._found(claim, 0) for claim in self.plan.besides]

    def _next(self) -> Claim | None:
        """Return the claim of which the next pair is to be made; None if nothing is left to search for."""
        open_claims = [each.claim for each in self.found() if not each.is_shown]
        wanted = [claim for claim in open_claims if self._pairs[claim] < max(self._looks_of(claim), default=0)]
        wanted = wanted or [claim for claim in self.plan.besides if self._pairs[claim] < claim.pairs]
        return min(wanted, key=lambda claim: self._pairs[claim] // (claim.turns or claim.pairs), default=None)

    def _looks_of(self, claim: Claim) -> list[int]:
        return [*islice(claim.looks[0], self._looks)]

    def _reached(self, claim: Claim) -> list[int]:
        return [pairs for pairs in self._looks_of(claim) if pairs <= self._pairs[claim]]

    def _passes(self, claim: Claim, before: int) -> bool:
        """Return whether a claim passes a boundary at a look so far, if that number of other claims are shown."""
        seen = [self._look(claim, pairs, claim.looks[before][pairs]) for pairs in self._reached(claim)]
        return any(abs(each.statistic) > each.boundary for each in seen)

    def _found(self, claim: Claim, before: int) -> Found:
        looks: list[Look] = []
        for pairs in self._reached(claim):
            looks.append(self._look(claim, pairs, claim.looks[before][pairs]))
            if looks[-1].verdict in ("better", "worse"):
                break
        contest = self._contest(claim, looks[-1].pairs) if looks else None
        return Found(claim=claim, pairs=self._pairs[claim], contest=contest, looks=tuple(looks), before=before)

    def _look(self, claim: Claim, pairs: int, boundary: float) -> Look:
        key = (claim, pairs, boundary)
        if key not in self._seen:
            self._seen[key] = look(self._contest(claim, pairs), boundary, self.plan.margin, claim.budgets)
        return self._seen[key]

    def _contest(self, claim: Claim, pairs: int) -> Contest:
        """Return searches that are done."""
        key = (claim, pairs)
        if key not in self._contests:
            self._contests[key] = compare_methods(self._options(claim, pairs), Lines(lambda: True))[0]
        return self._contests[key]

    def _options(self, claim: Claim, pairs: int) -> ContestOptions:
        plan = self.plan
        return ContestOptions(
            live=plan.task, space=plan.space, ways=(claim.against, claim.way), seeds=pairs,  # type: ignore[arg-type]
            first_seed=plan.first_seed, trials=claim.trials, workers=(self._workers,), results=self._results,
            ledger=self._ledger, own_splits=plan.own_splits, fresh=claim.fresh, unpruned=plan.unpruned,
        )  # fmt: skip


def ran_on(ledger: Path) -> Ran:
    """Return the machine of each search in a ledger."""
    return {
        (values["way"], values["seed"], values.get("budget")): values["machine"] for _, values in whole_lines(ledger)
    }


def machine_of(ran: Ran, contest: Contest, way: str, seed: int) -> Mapping[str, str]:
    """Return the machine of a search; the first lines of a ledger do not name its budget."""
    known = ran.get((way, seed, contest.budget))
    return ran[way, seed, None] if known is None else known


def machines(ran: Ran, looked_at: Sequence[Contest]) -> str:
    """Return on which machines the searches ran that were looked at."""
    searches = {
        (entrant.name, seed, contest.budget): machine_of(ran, contest, entrant.name, seed)
        for contest in looked_at
        for entrant in contest.entrants
        for seed in contest.seeds
    }
    numbers = Counter(f"{each['cpu']} (torch {each['torch']})" for each in searches.values())
    return ", ".join(f"{number} on {name}" for name, number in numbers.items())


def are_mixed(pair: Sequence[Mapping[str, str]]) -> bool:
    """Return whether the searches of a pair are known to have computed, or proposed, in two ways.

    The first lines of a ledger do not name the versions of the libraries that propose.
    """
    return any(len({each[name] for each in pair if name in each}) > 1 for name in ("canary", *PROPOSING))


def publish(confirmation: Confirmation, target: Path, command: str) -> None:
    """Write the results: a page to read, its figures as JSON, and a picture; nothing before the first look."""
    plan, found, described = confirmation.plan, confirmation.found(), confirmation.described()
    looked_at = [each.contest for each in (*found, *described) if each.contest is not None]
    if not looked_at:
        return
    ran = ran_on(target.with_suffix(".jsonl"))
    paragraphs = [
        f"`{command}`; searches by machine, 2 cores each: {machines(ran, looked_at)}. "
        f"Looked at with {pages.machine()}.",
        f"Error of the choice on {looked_at[0].unseen_images:,} unseen images, for what {_trained(plan)} whole "
        f"trainings cost, in {plan.space}: mean and standard error over the seeds, of choices trained again with fresh "
        "seeds; speed-ups and the picture are of the nets as the searches trained them. Differences are of pairs of "
        "searches with one seed, in points; below 0 the first way is better. Their intervals hold over all looks of a "
        f"claim, and |t| has to pass the boundary of its look. {_level(plan)}A speed-up says how many times cheaper "
        "the first way gets as far, with a 95% interval of its own. Nothing speaks of other data. Mixed are pairs "
        "whose searches ran on two kinds of machine, which compute other bits, or with two versions of Optuna, NumPy "
        "or SciPy.",
        "\n".join(rows(found, ran)),
    ]
    if any(each.looks for each in described):
        paragraphs += [
            "Described and not tested, with 95% intervals of their own:",
            "\n".join(rows([each for each in described if each.looks], ran)),
        ]
    document = {"plan": asdict(plan), "claims": [[asdict(each) for each in one.looks] for one in found]}
    if plan.besides:
        document["besides"] = [[asdict(each) for each in one.looks] for one in described]
    contest_pages.write_page(target, f"Confirmed live on {plan.task}", paragraphs, _panels(found), document)


def _trained(plan: Plan) -> str:
    return " and ".join(str(trials) for trials in dict.fromkeys(claim.trials for claim in plan.claims))


def _level(plan: Plan) -> str:
    """Return at which level several claims are tested, if not each at its own."""
    if not plan.is_holm:
        return ""
    return (
        f"The chance of any wrong claim among the {len(plan.claims)} is 5% (Holm's method): a claim's boundaries and "
        "intervals are at 2.5%, and at 5% if the other claim is shown before. "
        if len(plan.claims) == 2
        else f"The chance of any wrong claim among the {len(plan.claims)} is 5% (Holm's method). "
    )


def _panels(found: Sequence[Found]) -> picture.Panels:
    seen = [each for each in found if each.contest is not None]
    shown = picture.rows([each.contest for each in seen if each.contest is not None])
    titles = [f"{each.looks[-1].pairs} pairs: {verdict(each, each.looks)}" for each in seen]
    said = [f"{each.claim.way.name} against {each.claim.against.name}: {verdict(each, each.looks)}" for each in seen]
    panels = tuple(replace(panel, title=title) for panel, title in zip(shown.panels, titles, strict=True))
    return replace(shown, finding="; ".join(said), panels=panels)


def verdict(found: Found, looks: Sequence[Look]) -> str:
    """Return the verdict of the last of some looks at a claim, and which look it is if others are to come."""
    said = looks[-1].verdict
    planned = found.claim.looks[0]
    to_come = said not in ("better", "worse") and len(looks) < len(planned)
    return f"{said}, look {len(looks)} of {len(planned)}" if to_come else said


def rows(found: Sequence[Found], ran: Ran) -> Iterator[str]:
    """Yield the looks as lines of a Markdown table, in the order of the claims."""
    budgets = sorted({budget for each in found for budget in (*each.claim.budgets, each.claim.trials)})
    trials = ["trainings:"] if len({each.claim.trials for each in found}) > 1 else []
    heads = [
        "way",
        "error",
        "against",
        "error",
        *trials,
        "pairs:",
        "mixed:",
        "difference:",
        "t:",
        "boundary:",
        "verdict",
    ]
    lines = [line if trials else [*line[:4], *line[5:]] for each in found for line in _lines(each, budgets, ran)]
    yield from pages.table([*heads, *(f"speed-up at {budget}:" for budget in budgets)], lines)


def _lines(found: Found, budgets: Sequence[int], ran: Ran) -> Iterator[list[str]]:
    """Yield a line for each look of a claim; one that says how many pairs there are before the first look."""
    claim, contest = found.claim, found.contest
    if contest is None:
        said = f"not shown: {found.pairs} of {min(claim.looks[0])} pairs of its first look"
        yield [
            claim.way.name, "–", claim.against.name, "–", f"{claim.trials}", f"{found.pairs}", *("–" for _ in range(4)),
            said, *("–" for _ in budgets),
        ]  # fmt: skip
        return
    for number, each in enumerate(found.looks, 1):
        pairs = [
            [machine_of(ran, contest, entrant.name, seed) for entrant in contest.entrants]
            for seed in contest.seeds[: each.pairs]
        ]
        theirs, ours = (error(traces[: each.pairs]) for traces in contest.traces)
        yield [
            claim.way.name, ours, claim.against.name, theirs, f"{claim.trials}", f"{each.pairs}",
            f"{sum(map(are_mixed, pairs))}",
            f"{each.difference:+.2f} [{each.low:+.2f}, {each.high:+.2f}]", f"{each.statistic:.2f}",
            f"{each.boundary:.2f}", verdict(found, found.looks[:number]),
            *(times(one) if one else "–" for one in map(each.speedups.get, budgets)),
        ]  # fmt: skip


def error(traces: Sequence[Trace]) -> str:
    """Return the mean error of the searches' choices, with its standard error."""
    errors = [100 * trace.found for trace in traces if trace.found is not None]
    return f"{fmean(errors):.2f}% ± {stdev(errors) / math.sqrt(len(errors)):.2f}"


def stopping_at(minutes: float | None, until: str | None, now: datetime) -> datetime | None:
    """Return when no further search is begun; None for never. A clock time that has passed today is tomorrow's."""
    if minutes is not None:
        return now + timedelta(minutes=minutes)
    if until is None:
        return None
    at = datetime.combine(now.date(), datetime.strptime(until, "%H:%M").time())
    return at if at > now else at + timedelta(days=1)


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
    ends = parser.add_mutually_exclusive_group()
    ends.add_argument("--minutes", type=float)
    ends.add_argument("--until", metavar="HH:MM")
    asked = parser.parse_args(arguments)
    target = asked.output / asked.plan.stem
    ledger = target.with_suffix(".jsonl")
    if asked.so_far:
        print(f"{len(ran_on(ledger))} searches are done.")
        return
    end = stopping_at(asked.minutes, asked.until, datetime.now())
    confirmation = Confirmation(
        plan_of(asked.plan), ledger, results=asked.results, workers=asked.workers, looks=asked.looks
    )
    command = shlex.join(["python", "benchmarks/strategies/confirm.py", str(asked.plan)])
    if not asked.kept:
        confirmation.search(
            lambda: publish(confirmation, target, command), lambda: end is not None and datetime.now() >= end
        )
    publish(confirmation, target, command)
    for each in confirmation.found():
        for one in each.looks:
            print(f"{each.claim.way.name} against {each.claim.against.name}, {words(one)}")
        print(f"{each.claim.way.name} against {each.claim.against.name}: {each.pairs} pairs of {each.claim.pairs}")


if __name__ == "__main__":
    main(sys.argv[1:])
