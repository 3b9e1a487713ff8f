"""A table of values as a task of replayed searches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mnist_bench.experiments.contest.baselines import Ended, Params
from mnist_bench.experiments.contest.replayed.replayed_task import Scored
from mnist_bench.value_tables.value_table import ValuePlanner, ValueTable, ValueTrainer
from search.executors.protocol import Job
from search.proposals.prospects import Prospects
from search.study.spec import StudySpec


class ReplayedValues:
    """A table of values prepared for replayed searches, whose errors are normalized regrets."""

    def __init__(self, table: ValueTable) -> None:
        """A search sees the mean over the table's seeds."""
        self.table = table
        self.name, self.space, self.periods, self.seeds = table.name, table.space, table.periods, (0,)
        self.epochs = range(1, table.periods + 1)
        self.planner = self.space_planner = ValuePlanner(table)
        self.scored = Scored(measure="regret", training_seconds=float(table.mean_seconds.mean()))
        self.configurations = len(table.values)
        self.unit = float(sum(self.planner({}).costs))
        self._trainer = ValueTrainer(table)

    def trainer(self, seen: int) -> ValueTrainer:
        """See `Replayed.trainer`."""
        return self._trainer

    def moved(self, params: Params, taken: set[int]) -> Params:
        """See `Replayed.moved`: the table holds all configurations."""
        return params

    def prospects(self, spec: StudySpec) -> Prospects:
        """See `Replayed.prospects`."""
        return Prospects(spec.space, self.planner, spec.seed)

    def ended(self, params: Params, seen: int, spent: float, trial: int) -> Ended:
        """See `Replayed.ended`."""
        point = self.table.point_of(params)
        ended = Ended(trial=trial, params=params, spent=spent / self.unit)
        if not np.isfinite(self.table.means[point, -1]):
            return ended
        regret = float(self.table.regrets[point])
        # Of two that are both as bad as the median one, the better one is chosen.
        return replace(ended, seen=regret, val_loss=float(self.table.losses[point]), unseen=regret)

    def seconds(self, job: Job) -> float:
        """See `Replayed.seconds`: an equal part of the time of the whole training, mean over the seeds."""
        return float(self.table.mean_seconds[self.table.point_of(job.config)]) / self.periods
