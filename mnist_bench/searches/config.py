"""The options of a search: the declarations of which `mnist-bench search` and `mnist_bench.search` are made."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from mnist_bench import options
from mnist_bench.options import BUDGET, FILES, OWN_WORK, REPRODUCIBILITY, RUNNING, STRATEGIES, Kind, argument, option
from search.arguments import CONCURRENT_TRIALS, MAX_BUDGET, MAX_SEED, is_number
from search.defaults import results_in_force
from search.errors import UsageError
from search.executors.protocol import ExecutorName
from search.hashed import Order
from search.messages import joined, show
from search.strategies import pruners, samplers
from search.trainer_api import MAX_PERIODS

if TYPE_CHECKING:
    from mnist_bench.space_files.space_sources import Source
    from search.driver.progress import Observer
    from search.event_log.history import StopRules
    from search.event_log.records import StudyRecord, TrialRecord

Strategy = str | Mapping[str, Any] | None
"""A sampler or pruner: a name, or a mapping of a name and options; None for the space's."""
WITH_OPTIONS = "With options: {name: NAME, option: 5}"


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchConfig:
    """The options of a search, of networks or of your own function or program."""

    space: Annotated[
        "Source | None",
        argument(
            "A space file, the name of a bundled space, or - for stdin.",
            "SPACE",
            typed=str,
            python="Also a mapping.",
            default="with an objective written for Optuna, the ranges of its first trial",
        ),
    ] = field(default=None, kw_only=False)
    trials: Annotated[
        int,
        option(
            "Total number of trained trials; infeasible ones do not count. A larger number continues a finished study.",
            "N",
            names=("--trials", "-n"),
            panel=BUDGET,
            least=1,
            most=MAX_BUDGET,
        ),
    ] = 50
    patience: Annotated[int | None, option("Stop after N trials without improvement.", "N", panel=BUDGET, least=1)] = (
        None
    )
    target: Annotated[
        float | None,
        option(
            "Stop once a complete trial reaches this validation accuracy (99.4%), or value of your objective.",
            "VALUE",
            panel=BUDGET,
            read=options.share_or_number,
        ),
    ] = None
    timeout: Annotated[
        float | None,
        options.duration("Pause after this time (90s, 15m, 1h).", panel=BUDGET),
    ] = None
    trial_timeout: Annotated[
        float | None,
        options.duration(
            "Stop any trial that trains longer than this. The result then depends on the machine's speed.",
            panel=BUDGET,
            least=1,
        ),
    ] = None
    concurrent_trials: options.ConcurrentTrials = CONCURRENT_TRIALS
    order: Annotated[
        Order,
        option(
            "Order of events. deterministic gives the same result with any number of workers. With as-completed, no "
            "worker waits, two runs may differ, and your own code is not checked for differences.",
            panel=REPRODUCIBILITY,
        ),
    ] = "deterministic"
    seed: Annotated[int, option("Seed of the search.", "N", panel=REPRODUCIBILITY, least=0, most=MAX_SEED)] = 0
    sampler: Annotated[
        Strategy,
        option(
            f"Sampler, which proposes trials: {', '.join(samplers.SAMPLERS)}, any of Optuna's (optuna:GPSampler) or "
            f"your own (file.py:Name or package.module:Name). {WITH_OPTIONS}.",
            "NAME",
            panel=STRATEGIES,
            read=options.strategy,
            default="the space file's, else curves",
        ),
    ] = None
    pruner: Annotated[
        Strategy,
        option(
            f"Pruner, which stops trials early: {', '.join(pruners.PRUNERS)}, any of Optuna's (optuna:HyperbandPruner) "
            "or your own, as with --sampler.",
            "NAME",
            panel=STRATEGIES,
            read=options.strategy,
            default="the space file's, else asha",
        ),
    ] = None
    workers: options.Workers = None
    device: options.Device = "auto"
    executor: Annotated[
        ExecutorName,
        option(
            "Where trials train: in worker processes of this machine, in this process alone, or in a Ray cluster (at "
            "$RAY_ADDRESS, else a new one on this machine).",
            panel=RUNNING,
            of="nets",
        ),
    ] = "local"
    overrides: options.Overrides = ()
    net: options.Net = None
    enqueue: Annotated[
        "Sequence[Source | StudyRecord]",
        option(
            "Train this recipe first, or the ten best trials of a study that lie in the space. Repeatable.",
            "RECIPE|STUDY",
            typed=Sequence[str],
        ),
    ] = ()
    study_name: Annotated[
        str | None, option("Name of the study.", "NAME", panel=FILES, default="the space's name and the seed")
    ] = None
    results: options.Results = None
    data: options.Data = None
    objective: Annotated[
        str | None,
        option(
            "Your own function (file.py:function or package.module:function), which returns or yields the value. A "
            "function written for Optuna needs no SPACE.",
            "NAME",
            panel=OWN_WORK,
        ),
    ] = None
    command: Annotated[
        str | None,
        option(
            "Your own program with its arguments. A field's name in braces is its value in the trial.",
            "TEXT",
            panel=OWN_WORK,
        ),
    ] = None
    periods: Annotated[
        int | None,
        option(
            "Largest number of reports per trial. A pruner can stop the trial after each.",
            "N",
            panel=OWN_WORK,
            least=1,
            most=MAX_PERIODS,
            default="1; without SPACE, the number of the first trial",
            of="own work",
        ),
    ] = None
    stall: Annotated[
        float | None,
        options.duration(
            "Restart a trial that does not report for this time.",
            default="no limit",
            least=0.001,
            panel=OWN_WORK,
            of="own work",
        ),
    ] = None
    callbacks: Annotated[
        Sequence[Callable[["TrialRecord"], object]],
        options.in_python("Functions that are called with each trial that has ended, a `search.TrialRecord`."),
    ] = ()
    observer: Annotated[
        "Observer | None",
        options.in_python("Called on every trial, report and end while the search runs.", raises=options.INTERRUPTED),
    ] = None
    progress: options.Progress = None

    def __post_init__(self) -> None:
        options.check(self)
        for name in ("overrides", "enqueue", "callbacks"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for name, one in (("sampler", self.sampler), ("pruner", self.pruner)):
            if not isinstance(one, str | None) and not (isinstance(one, Mapping) and isinstance(one.get("name"), str)):
                raise UsageError(f"{name}={show(repr(one))}: give a name, or a mapping of name and options.")
        self._check_kind()
        if self.target is not None and not is_number(self.target):
            raise UsageError(f"target={self.target!r}: give a number.")
        if self.target is not None and self.kind == "nets" and not 0 < self.target <= 1:
            raise UsageError(f"target={self.target!r}: give a validation accuracy, above 0 and up to 1.")

    def _check_kind(self) -> None:
        """Refuse options of the other kind of search."""
        if self.objective is not None and self.command is not None:
            raise UsageError("Give either --objective, a function, or --command, a program.")
        wrong = [
            known.words(parameter)[0]
            for name, (parameter, known) in options.declared(SearchConfig).items()
            if known.of not in (None, self.kind) and getattr(self, name) != parameter.default
        ]
        if wrong and self.kind == "nets":
            raise UsageError(f"{joined(wrong)}: only with --objective or --command.")
        if wrong:
            raise UsageError(f"{joined(wrong)}: only for networks, not with --objective or --command.")
        if self.space is None and self.objective is None:
            raise UsageError("Give a SPACE: a file, or the name of a bundled space (mnist-bench space list).")

    @property
    def kind(self) -> Kind:
        """What the search trains."""
        return "nets" if self.objective is None and self.command is None else "own work"

    @property
    def source(self) -> "Source":
        """The space of networks, of which a path is the name of a file."""
        return self.space if isinstance(self.space, Mapping) else str(self.space)

    @property
    def strategies(self) -> dict[str, tuple[str, Mapping[str, Any]]]:
        """The names and options of the sampler and pruner that replace the space's, by "sampler" and "pruner"."""
        given = {"sampler": self.sampler, "pruner": self.pruner}
        named = {
            kind: {"name": one} if isinstance(one, str) else dict(one) for kind, one in given.items() if one is not None
        }
        return {kind: (str(options.pop("name")), options) for kind, options in named.items()}

    @property
    def folder(self) -> Path:
        """The folder of the studies."""
        return results_in_force(self.results)

    @property
    def data_dir(self) -> Path | None:
        """Your own data."""
        return None if self.data is None else Path(self.data)

    @property
    def net_name(self) -> str | None:
        """Your own network, whose code is loaded."""
        return options.loaded_net(self.net)

    @property
    def stop_rules(self) -> "StopRules":
        """The rules that end the search before its trial budget."""
        from search.event_log.history import StopRules

        return StopRules(patience=self.patience, target=None if self.target is None else float(self.target))

    def until_timeout(self, stopping: Callable[[], bool]) -> Callable[[], bool]:
        """Return a function that says to stop if `stopping` says so, or once `timeout` has passed from now."""
        deadline = math.inf if self.timeout is None else time.monotonic() + self.timeout
        return lambda: stopping() or time.monotonic() >= deadline

    @property
    def processes(self) -> int:
        """The number of workers that train: the in-process executor is one, however many are asked for."""
        if self.executor == "in-process":
            return 1
        return options.workers_for(self.device if self.kind == "nets" else "cpu", self.workers)
