"""The best result of a search so far, over what it has spent on training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mnist_bench.studies import is_foreign
from search import canonical_json
from search.event_log import StudyRecord, TrialRecord

CostUnit = Literal["estimated", "measured"]
"""In what cost is counted: estimated seconds of training, which are the same in every run, or seconds as measured."""
READ = 5
"""Points of the smaller cost at which a table reads the curves."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Improvement:
    """A complete trial that was better than all complete ones before it."""

    cost: float
    """Seconds of training of all trials until then, added up over the workers."""
    trial: int
    value: float


@dataclass(frozen=True, kw_only=True, slots=True)
class CostCurve:
    """The best value so far of one search."""

    label: str
    improvements: tuple[Improvement, ...]
    total: float
    """Seconds of training in all."""

    def value_at(self, cost: float) -> float | None:
        """Return the best value that was known once this much was spent; None if no trial was complete yet."""
        known = [step.value for step in self.improvements if step.cost <= cost]
        return known[-1] if known else None

    def cost_of(self, score: float, *, minimized: bool) -> float | None:
        """Return what had been spent when the best value was first as good as `score`; None if it never was."""
        reached = (
            step.cost for step in self.improvements if (step.value <= score if minimized else step.value >= score)
        )
        return next(reached, None)


@dataclass(frozen=True, kw_only=True, slots=True)
class CostCurves:
    """The curves of several searches, in one unit."""

    unit: CostUnit
    minimized: bool
    """Whether smaller values are better."""
    of_nets: bool
    """Whether the values are accuracies, 0..1."""
    curves: tuple[CostCurve, ...]

    @property
    def read_at(self) -> tuple[float, ...]:
        """Costs at which a table reads the curves: parts of the smallest total, up to that total."""
        least = min(curve.total for curve in self.curves)
        return tuple(least * part / READ for part in range(1, READ + 1))


def cost_curves(studies: Sequence[tuple[str, StudyRecord]]) -> CostCurves | None:
    """Return the curves of searches, by label; None if there are fewer than two, one is without a complete trial, or
    they do not have the same objective."""
    records = [study for _, study in studies]
    objectives = {(study.metric, study.direction) for study in records}
    if len(records) < 2 or len(objectives) > 1 or any(study.best is None for study in records):
        return None
    estimates = {canonical_json.dumps(study.spec["context"].get("costs")) for study in records}
    # Estimates by other coefficients, as of another kind of device, are not in one unit.
    unit: CostUnit = "estimated" if len(estimates) == 1 else "measured"
    curves = tuple(_curve(label, study, unit) for label, study in studies)
    return CostCurves(
        unit=unit, minimized=records[0].direction == "minimize", of_nets=not is_foreign(records[0].spec), curves=curves
    )  # fmt: skip


def _curve(label: str, study: StudyRecord, unit: CostUnit) -> CostCurve:
    spent = 0.0
    best: TrialRecord | None = None
    improvements: list[Improvement] = []
    for _, _, number, period in sorted(_periods(study)):
        trial = study.trials[number]
        spent += trial.reports[period - 1].seconds if unit == "measured" else trial.costs[period - 1] / 1e6
        ends = period == len(trial.reports) and trial.state == "COMPLETE"
        if ends and trial.value is not None and (best is None or trial.rank_key() < best.rank_key()):
            best = trial
            improvements.append(Improvement(cost=spent, trial=number, value=trial.value))
    return CostCurve(label=label, improvements=tuple(improvements), total=spent)


def _periods(study: StudyRecord) -> list[tuple[int, int, int, int]]:
    """Return (logical time, slot, trial, period) of each report."""
    return [
        (trial.end_of(period), trial.slot, place, period)
        for place, trial in enumerate(study.trials)
        for period in range(1, len(trial.reports) + 1)
    ]
