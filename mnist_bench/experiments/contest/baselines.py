"""A search method without a sampler and a pruner, and the rule by which every search makes its choice.

"The first period for all, then the best": on many benchmarks it does as well as successive halving, for curves hardly
cross there (Egele et al. 2023, arXiv:2307.15422).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Protocol

from mnist_bench.experiments.contest.contest_record import BestConfiguration, Trace
from search.strategies.optuna_study import OptunaStudy
from search.trainer_api import Plan, Report

FIRST_PERIOD_SHARE = 0.5
"""Share of the budget for the first periods of all; the rest goes to the best of them."""

Params = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """A trial that has ended."""

    trial: int
    params: Params
    spent: float  # by the search when it ended, in trainings of an average configuration
    seen: float | None = None
    """Its error (0..1) on the images that the search sees; None if it was not trained to its end."""
    val_loss: float = 0.0  # on the same images; decides between equal errors
    unseen: float = 1.0  # its error (0..1) on images that no search sees


def choices(ended: Iterable[Ended]) -> tuple[BestConfiguration, ...]:
    """Return the best complete trial so far, wherever it changes; ranked as a study ranks its trials."""
    found: list[BestConfiguration] = []
    best: tuple[float, float, int] | None = None
    for one in ended:
        if one.seen is None:
            continue
        rank = (one.seen, one.val_loss, one.trial)
        if best is None or rank < best:
            best = rank
            found.append(
                BestConfiguration(
                    spent=one.spent, seen=one.seen, unseen=one.unseen, trial=one.trial, params=dict(one.params)
                )
            )
    return tuple(found)


class TrainingSource(Protocol):
    """Where training runs come from: looked up in a table, or trained."""

    @property
    def unit(self) -> float:
        """Logical cost of a training of an average configuration."""
        ...

    def random(self, seed: int) -> Iterator[tuple[Params, Plan[Any]]]:
        """Yield the feasible ones of the configurations that random search proposes."""
        ...

    def train(self, plans: Sequence[Plan[Any]], periods: int | None = None) -> list[Sequence[Report]]:
        """Return the reports of all periods, or of the first ones."""
        ...

    def ended(self, trial: int, params: Params, plan: Plan[Any], spent: float, last: Report) -> Ended:
        """Return a trial that was trained to its end when the logical cost `spent` had been spent."""
        ...


def proposals(study: OptunaStudy, plan: Callable[[Params], Plan[Any]], most: int) -> Iterator[tuple[Params, Plan[Any]]]:
    """Yield the feasible ones of the `most` first proposals of a new study's sampler, which gets no results."""
    for number in range(most):
        params = study.ask(number)
        study.tell(number, "PRUNED", None)
        if (planned := plan(params)).feasible:
            yield params, planned


def first_period(source: TrainingSource, seed: int, budget: float) -> Trace:
    """Train the first period of random configurations, then the best of them to their ends.

    `budget` is a logical cost.
    """
    begun: list[tuple[Params, Plan[Any]]] = []
    spent = 0.0
    for params, plan in source.random(seed):
        if spent >= FIRST_PERIOD_SHARE * budget:
            break
        begun.append((params, plan))
        spent += plan.costs[0]
    firsts = source.train([plan for _, plan in begun], 1)
    order = sorted(range(len(begun)), key=lambda number: -(firsts[number][0].value or 0.0))
    best_first = [begun[number] for number in order]
    ends = [spent + cost for cost in accumulate(sum(plan.costs[1:]) for _, plan in best_first)]
    affordable = sum(end <= budget for end in ends)
    trained = source.train([plan for _, plan in best_first[:affordable]])
    ended = [source.ended(trial, *best_first[trial], ends[trial], curve[-1]) for trial, curve in enumerate(trained)]
    return Trace(
        choices=choices(ended),
        spent=max([spent, *ends[:affordable]]) / source.unit,
        trials=len(begun),
        complete=sum(one.seen is not None for one in ended),
    )
