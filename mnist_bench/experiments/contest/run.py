"""Run a contest of ways of searching: real searches on one space, paired by seed, each until its budget is spent.

A search has no number of trials to reach: it stops at the first period with which it has spent its budget. The order of
its periods is logical, so it always stops at the same one, and a search with a larger budget goes on from there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mnist_bench import experiments, space_files
from mnist_bench.data import close_test_set, validation_size
from mnist_bench.experiments.contest.trace import Contest, Entrant, trace
from mnist_bench.nets import COEFFICIENTS
from mnist_bench.numerics import (
    TRAINER_REVISION,
    VARIABLES,
    Machine,
    best_precision,
    device_kind,
    find_device,
    this_machine,
)
from mnist_bench.space_files import overview
from mnist_bench.studies import SearchConfig, run_search
from mnist_bench.units import duration
from search import canonical_json, strategies
from search.driver import Observer
from search.errors import SpaceError, StudyNotFoundError, UsageError
from search.event_log import StudyRecord, TrialRecord
from search.messages import did_you_mean, show
from search.space import Space, cost_of
from search.study import DRIVER_REVISION, open_study

FOLDER = Path("_bench", "search")
"""In the results folder; its name is none of a study, so that nothing lists what lies there."""
BASELINE = Entrant(sampler="random", pruner="none", budgets=2)
"""What a way of searching has to beat (Li et al. 2018): chance, with twice the budget."""
SLOTS = 4
"""Trials in flight: for the default budget about as many as a search of 50 trials has. What they have spent when the
budget is up is lost, and more so without a pruner, so that more of them would tell of little else."""
START = 6.0
"""Seconds until the workers of a search train: 6 to 7 on two idle cores, where each loads PyTorch."""
MAX_TRIALS = 10_000
"""At so many trials a search ends, whatever it has spent."""

Run = tuple[str, str, int]
"""Sampler, pruner and seed of a search."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What the user asked for."""

    space: str = "mini"
    """A file, or a shipped space's name."""
    samplers: tuple[str, ...] = ("tpe", "random")
    pruners: tuple[str, ...] = ("asha", "none")
    seeds: int = 5
    """The searches have the seeds 0 to this less one."""
    trials: int = 30
    """The budget: trainings of an average configuration to its end."""
    workers: int = 1
    device: str = "auto"
    results: Path = Path("results")


def run(asked: Options, observer: experiments.Observer, stopping: Callable[[], bool]) -> Contest | None:
    """Return what the searches came to; None where `stopping` said so before the end.

    A search that was run before is read; one that was stopped goes on.

    Raises:
        UsageError: there is no such sampler or pruner, or one does not fit the other or the space.
        SpaceError, StudyLockedError, WorkerError, TooManyFailuresError, StorageError: see `run_search.run`.
    """
    close_test_set()
    space = _load(asked.space)
    entrants = line_up(asked.samplers, asked.pruners)
    for entrant in entrants:
        _check_fit(asked.space, space, entrant)
    return _tournament(asked, space).contest(entrants, observer, stopping)


def _load(name: str) -> Space:
    if name == "-":
        raise UsageError("bench search reads its space once a search, so it takes a file, not the standard input.")
    space = space_files.load(name)
    if cost_of(space.settings):
        raise UsageError(f"{space.name} has two objectives; bench search compares the best accuracy alone.")
    return space


def line_up(samplers: Sequence[str], pruners: Sequence[str]) -> tuple[Entrant, ...]:
    """Return every sampler with every pruner, and the baseline.

    Raises:
        UsageError: there is no such sampler or pruner; names what is near.
    """
    _check_names("--samplers", samplers, strategies.SAMPLERS)
    _check_names("--pruners", pruners, strategies.PRUNERS)
    pairs = [Entrant(sampler=sampler, pruner=pruner) for sampler in samplers for pruner in pruners]
    return tuple(dict.fromkeys([*pairs, BASELINE]))


def _check_names(option: str, names: Sequence[str], known: Mapping[str, Any]) -> None:
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known) or "."
            raise UsageError(f"{option} {show(name)}: no such name{hint} There are {', '.join(known)}.")


def _check_fit(name: str, space: Space, entrant: Entrant) -> None:
    try:
        space_files.load(name, _overrides(space, entrant.sampler, entrant.pruner))
    except SpaceError as error:
        reasons = "; ".join(problem.message.removeprefix("search.") for problem in error.problems)
        raise UsageError(f"{entrant.way} on {space.name}: {reasons}.") from error


def _overrides(space: Space, sampler: str, pruner: str) -> tuple[str, ...]:
    """Return what of the space's own search is to be replaced: what it names itself keeps its options."""
    own = [strategies.to_spec(one)["name"] for one in strategies.of_settings(space.settings)]
    chosen = {"search.sampler": sampler, "search.pruner": pruner}
    return tuple(f"{key}={name}" for (key, name), before in zip(chosen.items(), own, strict=True) if name != before)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Tournament:
    """Where the searches of a contest are run, and what they cost."""

    asked: Options
    space: Space
    machine: Machine
    folder: Path
    """Of the studies."""
    unit: int
    """Logical cost of a training of an average configuration."""

    def contest(
        self, entrants: tuple[Entrant, ...], observer: experiments.Observer, stopping: Callable[[], bool]
    ) -> Contest | None:
        """Return the contest, its searches read or run; None where `stopping` said so before the end."""
        seeds = tuple(range(self.asked.seeds))
        runs = _runs(entrants, seeds)
        studies = {run: study for run in runs if (study := self._kept(run)) is not None}
        left = {run: cost for run, budgets in runs.items() if (cost := self._left(budgets, studies.get(run)))}
        if left:
            seconds = sum(left.values()) / 1e6 / self.asked.workers
            whole = duration(seconds + START * len(left))
            observer.on_news(
                f"{len(left)} searches, which train for about {duration(seconds)}; it takes about {whole} "
                "with the starts of their workers."
            )
        for run in left:
            study = None if stopping() else self._search(run, runs[run], studies.get(run), stopping)
            if study is None:
                return None
            studies[run] = study
            entrant = Entrant(sampler=run[0], pruner=run[1], budgets=runs[run])
            observer.on_news(f"{entrant.name}, seed {run[2]}: {trace(study, self.unit).words}")
        traces = {run: trace(study, self.unit) for run, study in studies.items()}
        return Contest(
            space=self.space.name, machine=self.machine, folder=str(self.folder),
            images=validation_size(self.space.settings.get("subset", space_files.IMAGES)), budget=self.asked.trials,
            training_seconds=self.unit / 1e6, seeds=seeds, entrants=entrants,
            traces=tuple(tuple(traces[one.sampler, one.pruner, seed] for seed in seeds) for one in entrants),
        )  # fmt: skip

    def _kept(self, run: Run) -> StudyRecord | None:
        try:
            return open_study(self.folder, _name(run))
        except StudyNotFoundError:
            return None

    def _left(self, budgets: int, study: StudyRecord | None) -> int:
        """Return the logical cost that a search has left of its budget; 0 where it has ended."""
        if study is not None and len(study.finished()) >= MAX_TRIALS:
            return 0
        return max(0, budgets * self.asked.trials * self.unit - _spent(study))

    def _search(
        self, run: Run, budgets: int, before: StudyRecord | None, stopping: Callable[[], bool]
    ) -> StudyRecord | None:
        """Return the study of a search that has spent its budget; None where `stopping` said so before."""
        sampler, pruner, seed = run
        cost_budget = _CostBudget(self._left(budgets, before))
        options = SearchConfig(
            space=self.asked.space, overrides=_overrides(self.space, sampler, pruner), trials=MAX_TRIALS,
            workers=self.asked.workers, slots=SLOTS, seed=seed, device=self.asked.device, study_name=_name(run),
            results=self.folder,
        )  # fmt: skip
        ended = run_search.run(options, cost_budget, lambda: stopping() or cost_budget.is_empty)
        return ended.study if ended.reached or cost_budget.is_empty else None


class _CostBudget(Observer):
    """Counts down what a search may still spend."""

    def __init__(self, left: int) -> None:
        self._left = left

    @property
    def is_empty(self) -> bool:
        """Whether the budget is spent."""
        return self._left <= 0

    def on_report(self, trial: TrialRecord) -> None:
        """Take out what the trial's last period costs."""
        self._left -= trial.costs[len(trial.reports) - 1]


def _tournament(asked: Options, space: Space) -> _Tournament:
    """Return the tournament on this machine; its folder's name stands for all that the studies in it have in common."""
    device = find_device(asked.device)
    machine = this_machine(device, best_precision(device))
    costs = asdict(COEFFICIENTS[device_kind(machine.precision, on_gpu=machine.gpu is not None)])
    hardware = [machine.processor, machine.gpu, machine.precision, dict(machine.versions)]
    variables = {name: os.environ.get(name) for name in VARIABLES}
    common = [space.to_spec(), SLOTS, costs, TRAINER_REVISION, DRIVER_REVISION, hardware, variables]
    return _Tournament(
        asked=asked, space=space, machine=machine, unit=_training_cost(asked.space, costs),
        folder=asked.results / FOLDER / f"{space.name}-{canonical_json.sha256(common)[:8]}",
    )  # fmt: skip


def _training_cost(name: str, costs: Mapping[str, float]) -> int:
    """Return the mean logical cost of training a configuration drawn at random to its end."""
    unpruned = space_files.load(name, ["search.pruner=none"])
    return round(60e6 * overview.estimate(unpruned, costs, trials=1, workers=1).minutes)


def _runs(entrants: Sequence[Entrant], seeds: Sequence[int]) -> dict[Run, int]:
    """Return every search and the number of its budgets, seed by seed; entrants of one way share their searches."""
    runs: dict[Run, int] = {}
    for seed in seeds:
        for one in entrants:
            run = (one.sampler, one.pruner, seed)
            runs[run] = max(one.budgets, runs.get(run, 0))
    return runs


def _name(run: Run) -> str:
    return "-".join(map(str, run))


def _spent(study: StudyRecord | None) -> int:
    return sum(sum(trial.costs[: len(trial.reports)]) for trial in study.trials) if study else 0
