"""Run contests of search methods over tables, which give results at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mnist_bench.experiments.contest.contest_record import Contest, Entrant
from mnist_bench.experiments.contest.entrants import Named, check_fit, line_up
from mnist_bench.experiments.contest.replayed.replayed_table import ReplayedTable
from mnist_bench.experiments.contest.replayed.replayed_task import Replayed
from mnist_bench.experiments.contest.replayed.replayed_values import ReplayedValues
from mnist_bench.experiments.contest.replays import Terms, replays
from mnist_bench.experiments.grid import Observer, check_seeds
from mnist_bench.tables import shipped
from mnist_bench.value_tables import made
from search.arguments import check_count
from search.errors import UsageError
from search.messages import show
from search.repeatability import TriedOn


@dataclass(frozen=True, kw_only=True, slots=True)
class ContestOptions:
    """The options of the contests."""

    tables: tuple[str, ...] = ("grid-5k",)  # shipped tables, or files; a contest on each
    samplers: tuple[Named, ...] = ("random", "curves")
    """The first one with the first pruner is the method that all others are compared with."""
    pruners: tuple[Named, ...] = ("asha",)
    sampler_options: Mapping[str, Any] = field(default_factory=dict)  # options of your own samplers
    pruner_options: Mapping[str, Any] = field(default_factory=dict)
    baselines: bool = True  # whether random search and other simple methods take part
    seeds: int = 100  # searches of each method
    first_seed: int = 0  # their seeds are this one and those that follow
    trials: int = 30  # the budget: trainings of an average configuration to its end
    concurrent_trials: int = 8
    workers: tuple[int, ...] | None = None
    """Numbers of workers for which the virtual time is reported; None for `concurrent_trials`."""
    processes: int = 1  # replays at a time

    def __post_init__(self) -> None:
        check_seeds(self.seeds)
        for name in ("trials", "concurrent_trials", "processes"):
            check_count(name, getattr(self, name))
        check_count("first_seed", self.first_seed, least=0)
        for workers in self.worker_counts:
            check_count("workers", workers)
        if not self.tables:
            raise UsageError("There is nothing to search: give tables.")

    @property
    def worker_counts(self) -> tuple[int, ...]:
        """Numbers of workers; see `workers`."""
        return (self.concurrent_trials,) if self.workers is None else self.workers


def compare_methods(options: ContestOptions, observer: Observer) -> list[Contest]:
    """Return the results of the searches, one contest per task.

    Raises:
        Stopped: the observer stopped it before its end.
        UsageError: there is no such table, sampler or pruner, or one does not fit the other or the space.
        StorageError: a table's file is damaged.
    """
    searched = [_replayed(options, name) for name in options.tables]
    _check_names([replayed.name for replayed in searched])
    line_ups = [
        _line_up(options, TriedOn(space=task.space, planner=task.space_planner, periods=task.periods))
        for task in searched
    ]
    return [
        _replayed_contest(options, replayed, entrants, observer)
        for replayed, entrants in zip(searched, line_ups, strict=True)
    ]


def _replayed(options: ContestOptions, name: str) -> Replayed:
    """Return a table, prepared for replayed searches.

    Raises:
        UsageError: there is no such table.
        StorageError: its file is damaged.
    """
    return ReplayedValues(made.load(name)) if made.is_named(name) else ReplayedTable(shipped.load(name))


def _check_names(names: Sequence[str]) -> None:
    """Check that each table, by whose name its results go, has a name of its own.

    Raises:
        UsageError: two have the same.
    """
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"--table: {names.count(name)} of the tables are called {show(name)}; name each once.")


def _line_up(options: ContestOptions, tried_on: TriedOn) -> tuple[Entrant, ...]:
    entrants = line_up(
        options.samplers, options.pruners, sampler_options=options.sampler_options,
        pruner_options=options.pruner_options, baselines=options.baselines,
    )  # fmt: skip
    if not entrants:
        raise UsageError("No search method takes part; name samplers and pruners.")
    for entrant in entrants:
        check_fit(entrant, tried_on)
    return entrants


def _replayed_contest(
    options: ContestOptions, replayed: Replayed, entrants: tuple[Entrant, ...], observer: Observer
) -> Contest:
    scored = replayed.scored
    seeds = tuple(range(options.first_seed, options.first_seed + options.seeds))
    terms = Terms(budget=options.trials, concurrent_trials=options.concurrent_trials, workers=options.worker_counts)
    total, done = len(entrants) * len(seeds), 0

    def on_trace() -> None:
        nonlocal done
        done += 1
        if done == total or done % (total // 10 or 1) == 0:
            observer.on_news(f"{replayed.name}: {done} of {total} searches")

    traces = replays(
        replayed, entrants, seeds, terms, processes=options.processes, on_trace=on_trace, stopping=observer.stopping,
    )  # fmt: skip
    return Contest(
        task=replayed.name, space=replayed.space.name, budget=options.trials,
        training_seconds=scored.training_seconds, concurrent_trials=options.concurrent_trials,
        workers=options.worker_counts, seeds=seeds, entrants=entrants, traces=traces,
        seen_images=scored.seen_images, unseen_images=scored.unseen_images,
        develops=scored.develops, reference=scored.reference, measure=scored.measure,
    )  # fmt: skip
