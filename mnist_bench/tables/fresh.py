"""Trains configurations that a table lacks, bit-identical to the row that recording them would have given."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any, get_args

from mnist_bench.config import TaskName
from mnist_bench.errors import NotInTableError
from mnist_bench.tables.stored import AboutTable
from search import canonical_json
from search.errors import UsageError, WorkerError
from search.messages import listing, show
from search.trainer_api import Plan, Planner, Report, Trainer

if TYPE_CHECKING:
    from mnist_bench.config import TrainConfig
    from search.space import Space

MAX_KEPT = 32
"""Trainings that are remembered, those that have not ended with their state: up to 4 MB for a net of conv."""


def task_of(about: AboutTable) -> TaskName:
    """Return the benchmark task of a table.

    Raises:
        UsageError: this version does not know it.
    """
    tasks: tuple[TaskName, ...] = get_args(TaskName)
    for task in tasks:
        if task == about.task:
            return task
    raise UsageError(f"Table {about.name} is of task {show(about.task)}; this version knows {listing(tasks)}.")


def planner(about: AboutTable, space: Space) -> Planner[TrainConfig]:
    """Return the planner of a table's space, with the table's own estimate of costs."""
    from mnist_bench.space_files import planner_on

    images = about.images
    return planner_on(space, about.coefficients, train_images=images["train"], validation_images=images["validation"])


@dataclass(kw_only=True, slots=True)
class StartedTraining:
    """A training as far as it has come."""

    plan: Plan[TrainConfig]
    seed: int
    reports: list[Report] = field(default_factory=list)
    state: bytes | None = None
    """After the last report; None before the first, and when training has ended."""

    @property
    def has_ended(self) -> bool:
        """Whether no period is left, or training diverged."""
        return len(self.reports) == len(self.plan.costs) or bool(self.reports and self.reports[-1].end)

    def go_on(self, trainer: Trainer[TrainConfig]) -> None:
        """Train one period more.

        Raises:
            WorkerError: this machine lacks the memory for it.
        """
        period = len(self.reports) + 1
        state, report = trainer.advance(self.plan.config, self.seed, period, self.state)
        if report.end == "out_of_memory":
            raise WorkerError(f"This machine lacks the memory to train {self.plan.facts['parameters']:,} parameters.")
        self.reports.append(report)
        self.state = None if self.has_ended else state


class Fresh:
    """Trains configurations of a table's space on the table's task."""

    def __init__(self, about: AboutTable, space: Space) -> None:
        self._about = about
        self._planner = planner(about, space)
        self._constraints = {constraint.text for constraint in space.constraints}
        self._kept: OrderedDict[str, StartedTraining] = OrderedDict()
        self._lock = Lock()  # Optuna's n_jobs are threads

    @cached_property
    def _trainer(self) -> Trainer[TrainConfig]:
        """The trainer of this process, on the kind of device that trained the table; closes the test set.

        Raises:
            UsageError, DataError, DeviceError: see `task_of`, `factory.make_trainer`.
        """
        from mnist_bench.training import factory

        on_cpu = all(str(numerics["kind"]).startswith("cpu") for numerics in self._about.numerics)
        return factory.make_trainer(
            device="cpu" if on_cpu else "auto", task=task_of(self._about), data_hash=self._about.data_hash
        )

    def __call__(self, params: Mapping[str, Any], seed: int, periods: int) -> StartedTraining:
        """Return a training of at least this number of periods, unless it diverged before.

        The last trainings are remembered: a longer one continues a shorter one, with the same bits.

        Raises:
            NotInTableError: no table can have it, because the space's limits are exceeded or the net cannot exist.
            WorkerError, UsageError, DataError, DeviceError: it cannot be trained here.
        """
        key = canonical_json.sha256([dict(params), seed])
        with self._lock:
            training = self._kept.pop(key, None) or StartedTraining(plan=self._feasible(params), seed=seed)
            self._kept[key] = training
            if len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
            while len(training.reports) < periods and not training.has_ended:
                training.go_on(self._trainer)
            return training

    def _feasible(self, params: Mapping[str, Any]) -> Plan[TrainConfig]:
        plan = self._planner(params)
        if not plan.feasible:
            exceeded = [name for name, excess in plan.constraints.items() if excess > 0]
            missed = [name for name in exceeded if name in self._constraints]
            limits = ", ".join(name for name in exceeded if name not in missed)
            reason = f"more {limits} than the space allows" if limits else f"{' and '.join(missed)} is not met"
            reason = str(plan.facts.get("reason", reason))
            raise NotInTableError(
                f"This configuration is infeasible in the space of table {self._about.name}: {reason}."
            )
        return plan
