"""The options of a search, as they were given."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, assert_never, get_args

from mnist_bench.config.settings import DatasetName
from mnist_bench.numerics.kinds import PrecisionName
from mnist_bench.space_files import space_sources
from search.arguments import check_choice, check_seconds, check_text, check_utf8, is_number
from search.driver.run import check_search_arguments
from search.errors import UsageError
from search.event_log.history import StopRules
from search.event_log.records import StudyRecord
from search.executors.protocol import ExecutorName
from search.hashed import Order
from search.messages import show


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchConfig:
    """The options of a search."""

    space: space_sources.Source
    """A file, the name of a shipped space, - for standard input, or a mapping equivalent to a file."""
    overrides: tuple[str, ...] = ()  # `field=value`, each of which replaces a value of the file
    sampler: str | None = None
    """Replaces the file's: the name of a built-in one, or your own code, `package.module:Name` or `file.py:Name`."""
    sampler_options: Mapping[str, Any] = field(default_factory=dict)
    pruner: str | None = None  # as `sampler`
    pruner_options: Mapping[str, Any] = field(default_factory=dict)
    trials: int = 50  # number of trained trials at which the study is complete
    patience: int | None = None
    """Trained trials without a better complete one among them after which the search ends before that; see
    `search.event_log.history.StopRules`."""
    target: float | None = None
    """Validation accuracy, above 0 and up to 1, at which the search ends: as soon as a complete trial reaches it."""
    timeout: float | None = None  # seconds after which the search stops; it can be resumed
    trial_timeout: float | None = None
    """Seconds that a trial may train. Worker processes stop it within a period; the in-process executor only between
    two periods."""
    workers: int = 1
    concurrent_trials: int = 8
    order: Order = "deterministic"
    """The order in which events are handled: "deterministic", which can be repeated, or "as-completed"."""
    seed: int = 0
    enqueue: tuple[space_sources.Source | StudyRecord, ...] = ()
    """What is trained first: recipes, as files, names of shipped ones, mappings or configurations; and the best trials
    of studies, of which each is one, its name or its folder."""
    start: bool = True  # whether the search begins with a start list if the space names tables for one
    device: str = "auto"
    precision: PrecisionName = "auto"  # replaces the space's, unless it is auto
    study_name: str | None = None  # name of the study; None for SPACE-SEED
    results: Path = Path("results")
    data_dir: Path | None = None  # an .npz file, a folder of pictures or one of IDX files; see `mnist_bench.data.own`
    dataset: DatasetName | None = None  # None for the one that the space names
    net: str | None = None
    """Your own net instead of a built-in one: `package.module:Name` or `file.py:Name`; see docs/guides/own_nets.md."""
    executor: ExecutorName = "local"
    address: str | None = None
    """Address of a Ray cluster: host:port, or auto for the one on this machine; None to start Ray here."""
    gpus_per_worker: float = 0.0  # share of a GPU that Ray reserves for each worker
    command: str | None = field(default=None, compare=False)
    """The command line as it was typed; kept with the study, for people."""

    def __post_init__(self) -> None:
        check_search_arguments(
            trials=self.trials, concurrent_trials=self.concurrent_trials, order=self.order, seed=self.seed
        )
        check_utf8("results", self.results)
        check_utf8("space", self.space)
        check_utf8("enqueue", *self.enqueue)
        check_utf8("data", self.data_dir)
        check_choice("executor", self.executor, get_args(ExecutorName))
        for kind, way in (("sampler", self.sampler), ("pruner", self.pruner)):
            if way is not None:
                check_text(kind, way, "the name of a built-in one, or of your own code: file.py:Name")
        for kind, options in (("sampler_options", self.sampler_options), ("pruner_options", self.pruner_options)):
            if not isinstance(options, Mapping):
                raise UsageError(f"{kind}={show(repr(options))}: give a mapping of option names to values.")
        for change in self.overrides:
            check_text("overrides", change, "field=value")
        check_text("device", self.device, "auto, cpu, cuda or cuda:1")
        check_choice("precision", self.precision, get_args(PrecisionName))
        if self.study_name is not None:
            check_text("study_name", self.study_name, "the study's name")
        for name, seconds in (("timeout", self.timeout), ("trial_timeout", self.trial_timeout)):
            if seconds is not None:
                check_seconds(name, seconds)
        if not is_number(self.gpus_per_worker) or not 0 <= self.gpus_per_worker <= 1:
            raise UsageError(f"gpus_per_worker={show(self.gpus_per_worker)}: give a share of a GPU, from 0 to 1.")
        if self.executor != "ray" and (self.address is not None or self.gpus_per_worker):
            raise UsageError("--address and --gpus-per-worker are for --executor ray.")
        if self.target is not None and not (is_number(self.target) and 0 < self.target <= 1):
            raise UsageError(f"target={self.target!r}: give a validation accuracy, above 0 and up to 1.")
        if (self.sampler_options and self.sampler is None) or (self.pruner_options and self.pruner is None):
            raise UsageError("--sampler-option and --pruner-option need --sampler and --pruner; give these, too.")

    @property
    def stop_rules(self) -> StopRules:
        """The rules that end the search before its goal.

        Raises:
            UsageError: the patience is below 1.
        """
        return StopRules(patience=self.patience, target=None if self.target is None else float(self.target))

    def until_timeout(self, stopping: Callable[[], bool]) -> Callable[[], bool]:
        """Return a function that says to stop if `stopping` says so, or once `timeout` has passed from now."""
        deadline = math.inf if self.timeout is None else time.monotonic() + self.timeout
        return lambda: stopping() or time.monotonic() >= deadline

    @property
    def training_workers(self) -> int:
        """Number of workers that train: the in-process executor is one, however many are asked for."""
        match self.executor:
            case "local" | "ray":
                return self.workers
            case "in-process":
                return 1
            case _:
                assert_never(self.executor)
