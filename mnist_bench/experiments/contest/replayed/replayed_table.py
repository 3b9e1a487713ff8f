"""A table as a task of replayed searches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mnist_bench.experiments.contest.baselines import Ended, Params
from mnist_bench.experiments.contest.replayed.replayed_task import Scored
from mnist_bench.statistics.by_seed import reference
from mnist_bench.tables.points import Nearest, cells
from mnist_bench.tables.recorded_benchmark import RecordedBenchmark
from mnist_bench.tables.table_trainer import POINT, TablePlanner, TableTrainer
from search.executors.protocol import Job
from search.proposals.coordinates import Candidate
from search.proposals.curves import Curve
from search.proposals.prospects import Prospects
from search.study.spec import StudySpec


class ReplayedTable:
    """A table prepared for replayed searches: the seed that a search sees, and the score of its choice."""

    def __init__(self, table: RecordedBenchmark) -> None:
        self.table = table
        self.points = np.array(sorted(table.seeds), np.intp)
        self.unit = float(table.arrays.costs[self.points].sum(axis=1).mean())
        """Logical cost of a training of an average configuration."""
        self.name, self.space = table.name, table.space
        self.epochs, self.periods = table.about.epochs, len(table.about.epochs)
        self.planner, self.space_planner = TablePlanner(table), table.planner
        self.configurations = len(self.points)

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        """The seeds with which all points were trained; a search sees one of them."""
        common = set.intersection(*(set(self.table.seeds[point]) for point in self.points.tolist()))
        return tuple(sorted(common))

    @property
    def develops(self) -> bool:
        """Whether choices are scored with the very seed that the search saw, because there is no other."""
        return len(self.seeds) == 1

    @property
    def scored(self) -> Scored:
        """See `Replayed.scored`."""
        images, seeds = self.table.about.images, self.table.seeds
        errors = [[self.table.unseen_error(point, seed) for seed in seeds[point]] for point in self.points.tolist()]
        best = reference(errors) if any(len(one) > 1 for one in errors) else None
        return Scored(
            measure="error", training_seconds=self.unit / 1e6, seen_images=images["validation"],
            unseen_images=images["unseen"], develops=self.develops,
            reference=None if best is None else (best.mean, best.error),
        )  # fmt: skip

    @cached_property
    def nearest(self) -> Nearest | None:
        """Finds the point next to a proposal; None if the table holds all configurations of its space."""
        space = self.table.space
        has_all = not any(span.is_real for span in space.distributions.values())
        return None if has_all and len(cells(space)) == len(self.points) else Nearest(self.table, self.points)

    def unseen(self, point: int, seen: int) -> float:
        """Return the error (0..1) by which a choice is scored that was made with the seed `seen`."""
        scored = self.seeds if self.develops else [seed for seed in self.seeds if seed != seen]
        return sum(self.table.unseen_error(point, seed) for seed in scored) / len(scored)

    def trainer(self, seen: int) -> TableTrainer:
        """See `Replayed.trainer`."""
        return TableTrainer(self.table, seen)

    def moved(self, params: Params, taken: set[int]) -> Params:
        """See `Replayed.moved`: to the nearest point that is not taken."""
        if self.nearest is None or not self.table.planner(params).feasible:
            return params
        point = self.nearest(params, taken)
        taken.add(point)
        return self.table.points[point]

    def prospects(self, spec: StudySpec) -> Prospects:
        """See `Replayed.prospects`."""
        return _TableProspects(spec, self)

    def ended(self, params: Params, seen: int, spent: float, trial: int) -> Ended:
        """See `Replayed.ended`."""
        point = self.table.point_of(params)
        curve = self.table.curve(point, seen)
        ended = Ended(trial=trial, params=self.table.points[point], spent=spent / self.unit)
        if curve.diverged:
            return ended
        share = curve.errors[-1] / curve.images
        return replace(ended, seen=share, val_loss=curve.val_loss[-1], unseen=self.unseen(point, seen))

    def seconds(self, job: Job) -> float:
        """Return how long a worker takes for a job, modelled: as estimated, and off by as much as measured ones are."""
        point = POINT.from_json(job.config)
        return float(self.table.arrays.costs[point, job.period - 1]) / 1e6 * float(self._paces[point])

    @cached_property
    def _paces(self) -> NDArray[np.float64]:
        pace = self.table.about.pace
        off = np.random.default_rng(0).standard_normal(len(self.table))
        return np.asarray(pace["scale"] * np.exp(pace["deviation"] * off))


class _TableProspects(Prospects):
    """The configurations to try on a table: its points alone, so that no proposal has to be moved far."""

    def __init__(self, spec: StudySpec, replayed: ReplayedTable) -> None:
        super().__init__(spec.space, replayed.table.planner, spec.seed)
        self._points = [self.coordinates.candidate(replayed.table.points[point]) for point in replayed.points.tolist()]

    def candidates(self, curves: Sequence[Curve], draws: np.random.Generator) -> list[Candidate]:
        tried = [curve.params for curve in curves]
        return [candidate for candidate in self._points if candidate.params not in tried] or self._points

    def feasible(self, params: Params) -> bool:
        return True  # else it would be in no table
