"""A search of your own function or program, which needs no network: its options, its setup, and running it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from mnist_bench.searches.config import SearchConfig
from search import repeatability
from search.arguments import check_count, is_number
from search.driver.progress import Observer
from search.driver.run import Run, Search
from search.errors import UsageError
from search.event_log.records import StudyRecord
from search.messages import show
from search.objectives.objective import FLAT, Objective
from search.objectives.search import begun_again, planned
from search.space import yaml_text
from search.space.settings import override
from search.space.space import Space
from search.strategies import registry
from search.study.invocation_log import Invocation


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectiveConfig:
    """The options of a search of a function or a program."""

    shared: SearchConfig
    """Those that every search has; without those of networks and of their data, and without a target."""
    function: str | None = None  # the name of a function: `file.py:function` or `package.module:function`
    program: str | None = None  # a program with its arguments, in which `{lr}` is the value of the field `lr`
    periods: int = 1  # the most reports of a trial
    target: float | None = None  # value at which the search ends: as soon as a complete trial reaches it
    checked: bool = True  # whether the first report of the first trial is made twice, and compared
    stall: float | None = None  # seconds without a report after which a trial's process is replaced; None for no limit

    def __post_init__(self) -> None:
        if (self.function is None) == (self.program is None):
            raise UsageError("Give either --objective, a function, or --command, a program.")
        check_count("periods", self.periods)
        if self.target is not None and not is_number(self.target):
            raise UsageError(f"target={show(self.target)}: give a number.")

    @property
    def objective(self) -> Objective:
        """What is searched; nothing is loaded yet.

        Raises:
            UsageError: there is no such file, or the command cannot be read.
        """
        if self.program is not None:
            return Objective.of_command(self.program)
        return Objective.of(str(self.function))


def search_of_objective(config: ObjectiveConfig) -> Search:
    """Return the search with these options; `run_objective` does it.

    Raises:
        SpaceError: the space has faults.
        UsageError: an option is wrong, or a file cannot be read.
    """
    shared = config.shared
    sampler = None if shared.sampler is None else registry.named_sampler(shared.sampler, shared.sampler_options)
    pruner = None if shared.pruner is None else registry.named_pruner(shared.pruner, shared.pruner_options)
    search = planned(
        config.objective, _space(shared), trials=shared.trials, periods=config.periods, seed=shared.seed,
        workers=shared.workers, concurrent_trials=shared.concurrent_trials, order=shared.order, sampler=sampler,
        pruner=pruner, checked=config.checked, stall=config.stall, trial_timeout=shared.trial_timeout,
        stop_rules=replace(shared.stop_rules, target=config.target), name=shared.study_name, results=shared.results,
        enqueued=_studies(shared),
    )  # fmt: skip
    return replace(search, invocation=Invocation(command=shared.command))


def run_objective(config: ObjectiveConfig, observer: Observer, stopping: Callable[[], bool]) -> Run:
    """Run a search of a function or a program, or resume one that was stopped.

    Args:
        config: the options of the search.
        observer: receives the progress.
        stopping: is asked regularly whether to stop.

    Raises:
        SearchError: as `search.driver.run.Search.run` and `search_of_objective`.
    """
    ready = search_of_objective(config)
    search = replace(ready, observer=observer, stopping=config.shared.until_timeout(stopping))
    repeatability.require_repeatable(search)
    return begun_again(search).run()


def _studies(shared: SearchConfig) -> list[StudyRecord | str | Path]:
    """Return the studies with which the search begins.

    Raises:
        UsageError: something else is to be enqueued.
    """
    studies = [each for each in shared.enqueue if isinstance(each, StudyRecord | str | Path)]
    if len(studies) < len(shared.enqueue):
        raise UsageError("--enqueue takes studies of your own function or program, not recipes of networks.")
    return studies


def _space(shared: SearchConfig) -> Space:
    document = (
        yaml_text.parse(sys.stdin.buffer.read(yaml_text.MAX_BYTES + 1), "stdin")
        if shared.space == "-"
        else yaml_text.load(Path(str(shared.space)))
    )
    return override(Space.from_document(document, FLAT), shared.overrides, FLAT)
