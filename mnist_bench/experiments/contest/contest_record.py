"""The record of a contest of search methods: the choices of each search, by the cost that it had spent.

The cost of a search is the sum of the logical costs of its periods, in trainings of an average configuration. An epoch
of a large net costs more than an epoch of a small one, and unlike a measured time the cost is the same in every run. A
search sees the errors on one part of the images, with one seed. Its choice is scored on images that it never saw.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, assert_never

from mnist_bench.tables.recorded_benchmark import CHANCE

Measure = Literal["error", "regret"]
"""Of a choice: its error on unseen images; or its normalized regret, of a table of values."""
Method = Literal["search", "first_period"]
"""A sampler with a pruner; or the first period for all, then the best to their ends."""
FINEST = 1e-9
"""Regrets are real numbers; differences below this one are rounding."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entrant:
    """A search method and its budget."""

    sampler: str = ""
    """Of a search: a name, or `package.module:Name`."""
    pruner: str = "none"
    budgets: int = 1
    """Times the budget of the contest."""
    method: Method = "search"
    sampler_options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    pruner_options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def way(self) -> str:
        """The search method: `tpe + asha`, `random` without a pruner, `tpe (only_feasible=1) + median` with options."""
        match self.method:
            case "first_period":
                return "first period, then the best"
            case "search":
                pruner = [] if self.pruner == "none" else [_with_options(self.pruner, self.pruner_options)]
                return " + ".join([_with_options(self.sampler, self.sampler_options), *pruner])
            case _:
                assert_never(self.method)

    @property
    def name(self) -> str:
        """The method and its budget: `random ×2` at double budget."""
        return self.way if self.budgets == 1 else f"{self.way} ×{self.budgets}"


def _with_options(name: str, options: Mapping[str, Any]) -> str:
    given = ", ".join(f"{option}={value}" for option, value in options.items())
    return f"{name} ({given})" if options else name


@dataclass(frozen=True, kw_only=True, slots=True)
class BestConfiguration:
    """A configuration that was the best complete one from some moment on."""

    spent: float
    """By then, in trainings of an average configuration."""
    seen: float
    """Its error (0..1) on the images and with the seed that the search saw."""
    unseen: float
    """Its error (0..1) on images that no search sees: with other seeds if a table has some, else with the same."""
    trial: int
    params: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Trace:
    """How one search went, by the end of its budget."""

    choices: tuple[BestConfiguration, ...]
    """In the order in which they were made; the last one is the search's result."""
    spent: float
    """By the last period that was taken up within the budget; periods under way then do not count."""
    trials: int
    """Trials that ended within the budget."""
    complete: int
    """The complete ones among them."""
    seconds: Mapping[int, float] = field(default_factory=dict)
    """Virtual time to the end of the budget by number of workers, with all waiting for turns."""
    own_seconds: float = 0.0
    """Processor time of the method itself (proposals, decisions) for a trial."""

    @property
    def found(self) -> float | None:
        """Error of the last choice on unseen images; None without a choice."""
        return self.choices[-1].unseen if self.choices else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Contest:
    """Ways of searching on one task, each with the same seeds."""

    task: str
    """The name of the table."""
    space: str
    budget: int
    """Trainings of an average configuration."""
    training_seconds: float
    """Estimated time of one of them, on one worker."""
    concurrent_trials: int
    workers: tuple[int, ...]
    seeds: tuple[int, ...]
    """Of the searches: one search of each way with each."""
    entrants: tuple[Entrant, ...]
    """The first is the one that all others are compared with."""
    traces: tuple[tuple[Trace, ...], ...]
    """Of each entrant, one a seed."""
    seen_images: int
    unseen_images: int
    develops: bool
    """Whether choices are scored with the seed that the search saw: good for development, not for claims."""
    reference: tuple[float, float] | None = None
    """Error (0..1) of the configuration with the best posterior mean in the table, and its standard error."""
    measure: Measure = "error"
    """What stands in the place of an error, 0..1."""

    @property
    def guess(self) -> float:
        """The error of a search that has made no choice yet."""
        match self.measure:
            case "error":
                return CHANCE
            case "regret":
                return 1.0
            case _:
                assert_never(self.measure)

    @property
    def step(self) -> float:
        """Errors come in multiples of it."""
        match self.measure:
            case "error":
                return 1 / self.unseen_images
            case "regret":
                return FINEST
            case _:
                assert_never(self.measure)
