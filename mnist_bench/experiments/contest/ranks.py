"""Contests on several tasks together: mean ranks, and on how many tasks an entrant is better than the first one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mnist_bench.experiments.contest.contest_record import Entrant
from mnist_bench.experiments.contest.verdicts import Judged, Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Overall:
    """How an entrant did over several tasks."""

    entrant: Entrant
    ranks: Mapping[str, float]
    """Its mean rank at the end, by task."""
    verdicts: Mapping[str, Verdict]
    """Against the first entrant, by task; none for the first one itself, and if nothing was compared."""

    @property
    def mean_rank(self) -> float:
        """Mean over the tasks."""
        return float(np.mean(list(self.ranks.values())))

    def count(self, verdict: Verdict) -> int:
        """Return the number of tasks with this verdict."""
        return list(self.verdicts.values()).count(verdict)


def overall(judged: Sequence[Judged]) -> list[Overall]:
    """Return how each entrant did that took part in all contests; each task has one contest."""
    names = [{row.entrant.name for row in one.standings} for one in judged]
    everywhere = [row.entrant for row in judged[0].standings if all(row.entrant.name in one for one in names)]
    return [
        Overall(
            entrant=entrant,
            ranks={one.contest.task: one.standing(entrant.name).final_rank for one in judged},
            verdicts={
                one.contest.task: comparison.verdict
                for one in judged
                for comparison in one.compared
                if comparison is not None and comparison.entrant.name == entrant.name
            },
        )
        for entrant in everywhere
    ]


def finding_over(judged: Sequence[Judged]) -> str:
    """Return the heading of contests on several tasks: which entrants are better or worse than the first on most of
    them.

    At the same budget if there are such. Of one contest it is its own heading.
    """
    if len(judged) == 1:
        return judged[0].finding
    everywhere = overall(judged)
    if len(everywhere) < 2:
        return "Nothing to compare: no two search methods took part in all contests"
    first, *others = (one for one in everywhere if one is everywhere[0] or one.verdicts)
    if not others:
        return f"Nothing to compare: too few searches made a choice, on each of {len(judged)} tasks"
    level = [one for one in others if one.entrant.budgets == first.entrant.budgets]
    at = " at the same budget" if len(level) < len(others) else ""
    others = level or others
    best = max(others, key=lambda one: one.count("better") - one.count("worse"))
    worst = max(others, key=lambda one: one.count("worse") - one.count("better"))
    if best.count("better") > best.count("worse"):
        return _lower(best, first, best.count("better"), best.count("worse"), len(judged))
    if worst.count("worse") > worst.count("better"):
        return _lower(first, worst, worst.count("worse"), worst.count("better"), len(judged))
    return f"No significant difference between {first.entrant.name} and any other{at} over {len(judged)} tasks"


def _lower(better: Overall, other: Overall, lower: int, higher: int, tasks: int) -> str:
    but = f", and higher on {higher}" if higher else ""
    return f"{better.entrant.name} ends lower than {other.entrant.name} on {lower} of {tasks} tasks{but}"
