"""Contests made by hand: what each search had chosen, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mnist_bench.experiments.contest.contest_record import BestConfiguration, Contest, Entrant, Trace

TPE_ASHA = Entrant(sampler="tpe", pruner="asha")
RANDOM = Entrant(sampler="random")
TWICE = Entrant(sampler="random", budgets=2)


def trace(*choices: tuple[float, float], spent: float = 10.0, **changed: Any) -> Trace:
    """Return a search that made choices: (spent by then, their error on unseen images)."""
    made = [
        BestConfiguration(spent=at, seen=error, unseen=error, trial=number, params={"optim.lr": 0.01})
        for number, (at, error) in enumerate(choices)
    ]
    values: dict[str, Any] = {"trials": 12, "complete": 4, "seconds": {1: 80.0, 8: 12.5}, "own_seconds": 0.002}
    return Trace(choices=tuple(made), spent=spent, **(values | changed))


def contest(searches: Mapping[Entrant, Sequence[Trace]], **changed: Any) -> Contest:
    """Return a contest of these searches, one a seed for each entrant."""
    values: dict[str, Any] = {
        "task": "handmade", "space": "mini", "budget": 10, "training_seconds": 1.5, "concurrent_trials": 8,
        "workers": (1, 8), "seen_images": 10_000, "unseen_images": 20_000, "develops": False,
        "seeds": tuple(range(len(next(iter(searches.values()))))),
    }  # fmt: skip
    return Contest(
        entrants=tuple(searches), traces=tuple(tuple(traces) for traces in searches.values()), **(values | changed)
    )


def finals(errors: Mapping[Entrant, Sequence[float]], **changed: Any) -> Contest:
    """Return a contest in which each search chose what has such an error at half the budget, and 0.1 at a fifth."""
    searches = {
        one: [trace((2 * one.budgets, 0.1), (5 * one.budgets, error), spent=9.8 * one.budgets) for error in found]
        for one, found in errors.items()
    }
    return contest(searches, **changed)


def close(**changed: Any) -> Contest:
    """Return a contest of three seeds in which nothing is shown."""
    errors = {TPE_ASHA: [0.02, 0.019, 0.015], RANDOM: [0.019, 0.021, 0.016], TWICE: [0.0181, 0.0185, 0.019]}
    return finals(errors, **changed)


def clear(**changed: Any) -> Contest:
    """Return a contest of four seeds: random ends 0.9 to 1.1 points above the first, and 0.1 below at double budget."""
    first = [0.02, 0.018, 0.022, 0.02]
    random = [0.03, 0.029, 0.031, 0.03]
    return finals({TPE_ASHA: first, RANDOM: random, TWICE: [error - 0.001 for error in first]}, **changed)
