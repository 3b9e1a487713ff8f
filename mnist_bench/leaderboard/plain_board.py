"""The leaderboard of a study that another trainer made: only what the search itself knows, nothing about nets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mnist_bench.leaderboard.board import counts, curve_of, excess_of, limits_of
from mnist_bench.leaderboard.early_stop import first_then, is_ahead
from mnist_bench.leaderboard.ranking import listed_trials, pareto_front
from search.event_log import EarlyStop, Order, StudyRecord, TrialRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class PlainRow:
    """One trial."""

    rank: int | None
    """1 for the best complete trial; None if the trial is not complete."""
    number: int
    value: float | None
    """Value of the last period, in the trainer's own unit."""
    state: str
    reason: str
    periods: int
    """Periods trained."""
    total_periods: int
    seconds: float
    params: Mapping[str, Any]
    """Values of all parameters that occur in the study; None for those that this trial lacks."""
    excess: Mapping[str, float]
    """By how much the trial is over each limit that it exceeds; empty unless it is infeasible."""
    seed: int
    """Seed of the training."""
    curve: tuple[Mapping[str, Any], ...]
    """The figures of each period, see `curve_of`; empty where the board has no curves."""
    first_then: float | None
    """Value that the trial of rank 1 had when it had trained as long as this one, which stopped early; None if this one
    is complete, still trains, or ended without a value."""
    ahead: bool
    """Whether the trial stopped early with a higher value than that."""
    cost: float | None
    """What the study minimises, of this trial; None with one objective, and where it is not known."""
    on_front: bool | None
    """Whether no complete trial dominates this one; None in a study with one objective."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlainBoard:
    """A study's rows, best first, and the figures around them."""

    study: str
    digest: str
    totals: tuple[int, ...]
    counts: Mapping[str, int]
    external: int
    """Number of trials that the machine ended, not their configuration: out of memory or out of time."""
    saved_periods: int
    """Periods that pruning saved."""
    budget_periods: int
    """Periods that all ended trials would have trained without pruning."""
    live: bool
    rows: tuple[PlainRow, ...]
    hidden: int
    """Number of rows that `top` leaves out."""
    order: Order
    limits: tuple[str, ...]
    """What the study limits."""
    has_curves: bool
    """Whether the rows have their learning curves."""
    has_infeasible: bool
    """Whether infeasible trials have rows."""
    first: int | None
    """Number of the trial of rank 1, if there is one."""
    stop: EarlyStop | None
    """Why the search ended before its goal, where it did."""
    ahead: tuple[int, ...]
    """Numbers of all trials that stopped early ahead of the first after as many periods, in the leaderboard's order."""
    cost: str | None
    """The fact of a trial that is minimised beside its value; None in a study with one objective."""
    front: tuple[int, ...]
    """Numbers of the trials on the Pareto front, those with the highest value first; empty with one objective."""

    @property
    def goal(self) -> int:
        """The current goal, in trained trials."""
        return self.totals[-1]


def plain_board(
    study: StudyRecord, *, top: int | None = None, infeasible: bool = False, curves: bool = False
) -> PlainBoard:
    """Return the leaderboard: complete trials best first, then those that may still continue, pruned, failed.

    With two objectives, the Pareto front comes first; ranks are by value even then. Infeasible trials have a row, after
    all others, where `infeasible` asks for it, and rows their learning curves where `curves` does.
    """
    front = [trial.number for trial in pareto_front(study)]
    on_front = set(front)
    listed = listed_trials(study, on_front, infeasible=infeasible)
    ranks = {trial.number: rank for rank, trial in enumerate(study.complete(), start=1)}
    names = dict.fromkeys(name for trial in study.trials for name in trial.params)
    ended = study.finished()
    return PlainBoard(
        study=study.name,
        digest=study.digest,
        totals=study.totals,
        counts=counts(study),
        external=sum(trial.external for trial in study.trials),
        saved_periods=sum(len(trial.costs) - len(trial.reports) for trial in ended if trial.reason == "pruned"),
        budget_periods=sum(len(trial.costs) for trial in ended),
        live=study.live,
        rows=tuple(
            _row(
                trial, ranks.get(trial.number), [*names], curves=curves, first=study.best,
                cost=None if study.cost is None else trial.facts.get(study.cost),
                on_front=None if study.cost is None else trial.number in on_front,
            )
            for trial in listed[:top]
        ),
        hidden=len(listed) - len(listed[:top]),
        order=study.order,
        limits=limits_of(study),
        has_curves=curves,
        has_infeasible=infeasible,
        first=None if study.best is None else study.best.number,
        stop=study.stop,
        ahead=tuple(trial.number for trial in listed if is_ahead(trial, study.best)),
        cost=study.cost,
        front=tuple(front),
    )  # fmt: skip


def _row(
    trial: TrialRecord,
    rank: int | None,
    names: list[str],
    *,
    curves: bool,
    first: TrialRecord | None,
    cost: float | None,
    on_front: bool | None,
) -> PlainRow:
    return PlainRow(
        rank=rank,
        number=trial.number,
        value=trial.value,
        state=trial.state,
        reason=trial.reason,
        periods=len(trial.reports),
        total_periods=len(trial.costs),
        seconds=trial.seconds,
        params={name: trial.params.get(name) for name in names},
        excess=excess_of(trial),
        seed=trial.seed,
        curve=curve_of(trial) if curves else (),
        first_then=first_then(trial, first),
        ahead=is_ahead(trial, first),
        cost=cost,
        on_front=on_front,
    )
