"""A stand-in of a table as a task of replayed searches."""

from __future__ import annotations

from mnist_bench.experiments.contest.baselines import Ended, Params
from mnist_bench.experiments.contest.contest_record import NO_LISTS, StartListsByNames
from mnist_bench.experiments.contest.replayed.replayed_table import ReplayedTable
from mnist_bench.experiments.contest.replayed.replayed_task import Scored
from mnist_bench.stand_ins import FRESH, StandIn, StandInPlanner, StandInTrainer
from search.executors import Job
from search.proposals import Prospects
from search.study import StudySpec

MAX_SEEDS = 2**31


class ReplayedStandIn:
    """A stand-in prepared for replayed searches; each of them sees trainings with its own seed."""

    def __init__(self, stand_in: StandIn, *, starts: StartListsByNames = NO_LISTS) -> None:
        """`starts` are the start lists of the entrants that have one."""
        table = stand_in.table
        self.stand_in = stand_in
        self.starts = starts
        self.unit = ReplayedTable(table).unit
        self.name, self.space = stand_in.name, table.space
        self.epochs, self.periods = table.about.epochs, len(table.about.epochs)
        self.seeds = range(MAX_SEEDS)
        self.planner, self.space_planner = StandInPlanner(stand_in), table.planner
        self.configurations = None
        self.numerics = table.about.numerics[0]
        self.scored = Scored(
            instrument="stand-in", measure="error", training_seconds=self.unit / 1e6,
            seen_images=table.about.images["validation"], unseen_images=table.about.images["unseen"],
        )  # fmt: skip

    def trainer(self, seen: int) -> StandInTrainer:
        """See `Replayed.trainer`."""
        return StandInTrainer(self.stand_in, seen)

    def moved(self, params: Params, taken: set[int]) -> Params:
        """See `Replayed.moved`: a stand-in answers any configuration."""
        return params

    def prospects(self, spec: StudySpec) -> Prospects:
        """See `Replayed.prospects`: those of a search that trains."""
        return Prospects(spec.space, self.space_planner, spec.seed)

    def ended(self, params: Params, seen: int, spent: float, trial: int) -> Ended:
        """See `Replayed.ended`; the score is the mean with fresh seeds."""
        return Ended(
            trial=trial,
            params=params,
            spent=spent / self.unit,
            seen=self.stand_in.curve(params, seen)[-1] / self.scored.seen_images,
            unseen=sum(self.stand_in.unseen_error(params, seed) for seed in FRESH) / len(FRESH),
        )

    def seconds(self, job: Job) -> float:
        """See `Replayed.seconds`: as estimated, at the pace of the machine that trained the table."""
        costs = self.planner(job.config).costs
        return costs[job.period - 1] / 1e6 * float(self.stand_in.table.about.pace["scale"])
