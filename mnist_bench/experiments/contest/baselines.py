"""Ways of searching that need no sampler and no pruner, and what every search's choice follows from.

"The first period for all, then the best": on many benchmarks it does as well as successive halving, for curves hardly
cross there (Bohdal et al. 2023, arXiv:2307.15422). "The best of another task": what is known already, tried in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import Any, Protocol

from mnist_bench.experiments.contest.record import Choice, Trace
from mnist_bench.tables import Table
from search.strategies import OptunaStudy
from search.trainer_api import Plan, Report

FIRST_PERIOD_SHARE = 0.5
"""Share of the budget for the first periods of all; the rest goes to the best of them."""
TRANSFERRED = 10
"""The best configurations of another task that are tried, in their order."""

Params = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """A trial that has ended."""

    trial: int
    params: Params
    spent: float
    """By the search when it ended, in trainings of an average configuration."""
    seen: float | None = None
    """Its error (0..1) on the images that the search sees; None where it was not trained to its end."""
    val_loss: float = 0.0
    """On the same images; decides between equal errors."""
    unseen: float = 1.0
    """Its error (0..1) on images that no search sees."""


def choices(ended: Iterable[Ended]) -> tuple[Choice, ...]:
    """Return the best complete trial so far, wherever it changes; ranked as a study ranks its trials."""
    found: list[Choice] = []
    best: tuple[float, float, int] | None = None
    for one in ended:
        if one.seen is None:
            continue
        rank = (one.seen, one.val_loss, one.trial)
        if best is None or rank < best:
            best = rank
            found.append(
                Choice(spent=one.spent, seen=one.seen, unseen=one.unseen, trial=one.trial, params=dict(one.params))
            )
    return tuple(found)


class Source(Protocol):
    """Where trainings come from: looked up in a table, or made."""

    @property
    def unit(self) -> float:
        """Logical cost of a training of an average configuration."""
        ...

    def random(self, seed: int) -> Iterator[tuple[Params, Plan[Any]]]:
        """Yield the feasible ones of the configurations that random search proposes."""
        ...

    def plan(self, params: Params) -> Plan[Any]:
        """Return the plan of a configuration."""
        ...

    def train(self, plans: Sequence[Plan[Any]], periods: int | None = None) -> list[Sequence[Report]]:
        """Return the reports of all periods, or of the first ones; what stops the contest raises."""
        ...

    def ended(self, trial: int, params: Params, plan: Plan[Any], spent: float, last: Report) -> Ended:
        """Return a trial that was trained to its end when the logical cost `spent` had been spent."""
        ...


def proposals(study: OptunaStudy, plan: Callable[[Params], Plan[Any]], most: int) -> Iterator[tuple[Params, Plan[Any]]]:
    """Yield the feasible ones of the `most` first proposals of a new study's sampler, which hears of no result."""
    for number in range(most):
        params = study.ask(number)
        study.tell(number, "PRUNED", None)
        if (planned := plan(params)).feasible:
            yield params, planned


def first_period(source: Source, seed: int, budget: float) -> Trace:
    """Train the first period of random configurations, then the best of them to their ends.

    `budget` is a logical cost.
    """
    asked: list[tuple[Params, Plan[Any]]] = []
    spent = 0.0
    for params, plan in source.random(seed):
        if spent >= FIRST_PERIOD_SHARE * budget:
            break
        asked.append((params, plan))
        spent += plan.costs[0]
    begun = source.train([plan for _, plan in asked], 1)
    order = sorted(range(len(asked)), key=lambda number: -(begun[number][0].value or 0.0))
    return _in_order(source, [asked[number] for number in order], budget, spent, paid=1)


def transfer(
    source: Source, other: Table | None, budget: float, can_train: Callable[[Params], bool] = lambda params: True
) -> Trace:
    """Train the best configurations of another task to their ends, the best first; all else as in `first_period`.

    Those that cannot be trained here, for a table has no such point, are left out.
    """
    if other is None:
        raise ValueError("there is no other task to transfer from")
    best = islice(filter(can_train, (other.points[point] for point in other.best())), TRANSFERRED)
    return _in_order(source, [(params, source.plan(params)) for params in best], budget, 0.0, paid=0)


def _in_order(
    source: Source, asked: Sequence[tuple[Params, Plan[Any]]], budget: float, spent: float, *, paid: int
) -> Trace:
    """Return the trace of training configurations to their ends; of each, `paid` periods are paid for."""
    ends = [spent + cost for cost in accumulate(sum(plan.costs[paid:]) for _, plan in asked)]
    affordable = sum(end <= budget for end in ends)
    trained = source.train([plan for _, plan in asked[:affordable]])
    ended = [
        source.ended(trial, *asked[trial], ends[trial], reports[-1]) for trial, reports in enumerate(trained)
    ]  # fmt: skip
    return Trace(
        choices=choices(ended),
        spent=max([spent, *ends[:affordable]]) / source.unit,
        trials=len(asked) if paid else affordable,
        complete=sum(one.seen is not None for one in ended),
    )
