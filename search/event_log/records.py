"""Plain records of a trial and a study, which everything downstream reads, and the study's digest."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple

from search import hashed
from search.hashed import EndReason, Order, Reason, State
from search.messages import assigned, duration, html_table, number, number_of, short, shortened
from search.space.space import Aim, Direction, Space, score
from search.trainer_api import Report

StopRule = Literal["patience", "target"]
"""The rules that end a search before its trial budget; see `search.event_log.history`."""


LINE = 100  # characters of a line of `repr`; a longer one is cut
TOP = 5  # trials of a study that a notebook shows


class End(NamedTuple):
    """What a trial's reason to end implies."""

    state: State
    external: bool = False  # the machine decides it; another one, or the same on another day, may decide otherwise
    counts_against: bool = False  # its settings are to blame: samplers learn it as a constraint


ENDS: Mapping[Reason, End] = {
    "complete": End("COMPLETE"),
    "pruned": End("PRUNED"),
    "infeasible": End("PRUNED"),
    "diverged": End("PRUNED", counts_against=True),
    "out_of_memory": End("PRUNED", external=True, counts_against=True),
    "timed_out": End("PRUNED", external=True, counts_against=True),
    "crashed": End("FAIL"),
}
"""Every reason for which a trial ends; `running` and `paused` are none."""


def reason_of(end: EndReason | None) -> Reason:
    """Return how a trial ends whose last report names this end; without one it has made all its reports."""
    match end:
        case "diverged" | "out_of_memory":
            return end
        case "finished" | None:
            return "complete"


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class TrialRecord:
    """One trial of a study, finished or not."""

    number: int
    state: State
    reason: Reason
    params: Mapping[str, Any]
    """Sampled values by name (`section.field`)."""
    config: Mapping[str, Any]
    """The whole configuration, as the planner's codec writes it."""
    seed: int
    slot: int
    """Its index among the concurrent trials."""
    logical_start: int
    costs: tuple[int, ...]
    """Logical costs of the periods; their number is the full budget."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """The facts of the plan to show, such as `parameters` and `macs`."""
    constraints: Mapping[str, float] = field(default_factory=dict)
    reports: tuple[Report, ...] = ()
    """One report a finished period; the last one holds the details."""
    error: str | None = None
    """Last lines of the exception of a crashed trial, or whether memory or time ran out."""
    external: bool = False
    """Whether the machine, not the configuration, decided the end."""
    direction: Direction = "maximize"
    """Whether a lower or a higher value is better, as the study's space says."""

    @property
    def is_trained(self) -> bool:
        """Whether it counts as trained, ended or not: it is not infeasible."""
        return self.reason != "infeasible"

    @property
    def value(self) -> float | None:
        """The last period's value, never the best one's."""
        return self.reports[-1].value if self.reports else None

    @property
    def score(self) -> float | None:
        """The last period's value with the sign with which a higher one is better."""
        return None if self.value is None else score(self.value, self.direction)

    @property
    def cause(self) -> str | None:
        """The last line of its error, without a full stop; None if it has none."""
        return self.error.splitlines()[-1].rstrip(".") if self.error else None

    @property
    def seconds(self) -> float:
        """Training time of all periods, in seconds."""
        return sum(report.seconds for report in self.reports)

    @property
    def user_attrs(self) -> Mapping[str, Any]:
        """What an objective that is written for Optuna has kept with `set_user_attr`."""
        found: Mapping[str, Any] = self.reports[-1].details.get("user_attrs", {}) if self.reports else {}
        return found

    @property
    def next_period(self) -> int:
        """The period after its last report, from 1."""
        return len(self.reports) + 1

    def end_of(self, period: int) -> int:
        """Return the logical time at which a period ends, from 1; of period 0, at which the trial begins."""
        return self.logical_start + sum(self.costs[:period])

    def rank_key(self) -> tuple[float, float, float, int]:
        """Sort key, best first: score, then errors, then validation loss, then number."""
        metrics, reached = self.reports[-1].metrics if self.reports else {}, self.score
        figures = None if reached is None else -reached, metrics.get("errors"), metrics.get("val_loss")
        lost, errors, val_loss = (math.inf if figure is None else figure for figure in figures)
        return (lost, errors, val_loss, self.number)

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def _repr_html_(self) -> str:
        """Return the trial for a notebook."""
        rows = [[path, short(given)] for path, given in self.params.items()]
        title, _, last = self._lines()
        return html_table(title, ["parameter", "value"], rows, [last])

    def _lines(self) -> list[str]:
        """Return three lines: the end and the value, the parameters, the reports or the error."""
        trained = f"{number(self.value)} after {len(self.reports)} of {number_of(len(self.costs), 'period')}"
        reports = ", ".join(number(report.value) for report in self.reports) or "none"
        return [
            f"trial #{self.number}: {self.reason.replace('_', ' ')}, {trained} in {duration(self.seconds)}",
            shortened(f"params: {assigned(self.params)}", LINE),
            shortened(f"error: {self.cause}" if self.cause else f"reports: {reports}", LINE),
        ]


@dataclass(frozen=True, kw_only=True, slots=True)
class EarlyStop:
    """Why a search ended before its trial budget."""

    rule: StopRule
    limit: float
    """The patience, in trials, or the value that was to be reached."""
    best: int
    """Number of the complete trial that reached it, or than which none was better since."""
    value: float
    """Its value."""
    since: int
    """Trained trials that had ended since a complete one was last better than all before it."""
    two_objectives: bool = False
    """Whether a trial was better if none before was as good in both."""
    on_time: bool = True
    """Whether the rule was there from the start, as far as the trials show: any search with it stops here. It was not
    if it would have ended the search before: one that was stopped, or had no rule, and continued with this one."""


@dataclass(frozen=True, kw_only=True, repr=False)  # with slots, what is read of the specification could not be kept
class StudyRecord:
    """A whole study, as its event log has it."""

    name: str
    """The name of its folder, which may have been renamed since the study was begun."""
    spec: Mapping[str, Any]
    """The study's specification: space, seed, sampler, pruner, context (data, numerics, revisions, versions) ..."""
    totals: tuple[int, ...]
    """Trained trials asked for, one number a segment; the last is the trial budget."""
    trials: tuple[TrialRecord, ...]
    live: bool = False
    """Whether a driver is at work on it now."""
    stop: EarlyStop | None = None
    """Why the search ended before its trial budget, if it did."""

    @cached_property
    def space(self) -> Space:
        """The space that was searched, without its file's text."""
        return Space.from_spec(self.spec["space"])

    @property
    def order(self) -> Order:
        """Whether periods were taken up in logical order, so that the search repeats, or as they arrived."""
        order: Order = self.spec["order"]
        return order

    @cached_property
    def _aim(self) -> Aim:
        return Aim.of(self.spec["space"]["settings"])

    @property
    def cost(self) -> str | None:
        """The name of the fact that is minimized in addition to the value; None with one objective."""
        return self._aim.cost

    @property
    def direction(self) -> Direction:
        """Whether the search minimizes or maximizes its value."""
        return self._aim.direction

    @property
    def metric(self) -> str | None:
        """The name of the value, if the space names it."""
        return self._aim.metric

    def finished(self) -> list[TrialRecord]:
        """Trained trials that have ended: complete, pruned or failed; infeasible ones are not among them."""
        return [t for t in self.trials if t.state != "RUNNING" and t.is_trained]

    def complete(self) -> list[TrialRecord]:
        """Complete trials, best first."""
        return sorted((t for t in self.trials if t.state == "COMPLETE"), key=TrialRecord.rank_key)

    @property
    def best(self) -> TrialRecord | None:
        """The complete trial with the best value, if there is one; with two objectives, too."""
        return min((t for t in self.trials if t.state == "COMPLETE"), key=TrialRecord.rank_key, default=None)

    @property
    def first_failed(self) -> TrialRecord | None:
        """The first trial that failed, if every trained trial that has ended failed or was pruned; None if one is
        complete, or none failed."""
        ended = self.finished()
        failed = [trial for trial in ended if trial.state == "FAIL"]
        return failed[0] if failed and all(trial.reason in ("crashed", "pruned") for trial in ended) else None

    @cached_property
    def digest(self) -> str:
        """See `hashed.digest`."""
        return hashed.digest(map(_hashed, self.trials))

    def __repr__(self) -> str:
        best = self.best
        words = "no complete trial"
        if best is not None:
            words = f"best #{best.number}: {number(best.value)}  {assigned(best.params)}"
        return f"{self._title()}\n{shortened(words, LINE)}\ndigest {self.digest}"

    def _repr_html_(self) -> str:
        """Return the best trials for a notebook."""
        complete = self.complete()
        paths = list(dict.fromkeys(path for trial in complete[:TOP] for path in trial.params))
        rows = [
            [
                f"#{trial.number}",
                number(trial.value),
                *(short(trial.params[path]) if path in trial.params else "" for path in paths),
            ]
            for trial in complete[:TOP]
        ]
        more = f"and {number_of(len(complete) - TOP, 'more complete trial')}" if len(complete) > TOP else ""
        return html_table(self._title(), ["trial", "value", *paths], rows, [more, f"digest {self.digest}"])

    def _title(self) -> str:
        """Return the study's name and how far it is: `study mine-0: 4 of 4 trials: 3 complete, 1 pruned`."""
        ended = Counter(trial.state for trial in self.finished())
        counts = {
            "complete": ended["COMPLETE"],
            "pruned": ended["PRUNED"],
            "failed": ended["FAIL"],
            "running" if self.live else "unfinished": sum(trial.state == "RUNNING" for trial in self.trials),
        }
        told = ", ".join(f"{count} {word}" for word, count in counts.items() if count) or "none has begun"
        told += besides(Counter(trial.reason for trial in self.trials))
        budget = max(self.totals, default=0)
        return f"study {self.name}: {ended.total()} of {number_of(budget, 'trial')}: {told}"


def besides(counts: Mapping[str, int]) -> str:
    """Return how many trials were infeasible, given counts by reason; nothing if none was.

    >>> besides({"complete": 3, "infeasible": 2}), besides({"infeasible": 0})
    (' (and 2 infeasible)', '')
    """
    return f" (and {count} infeasible)" if (count := counts.get("infeasible")) else ""


def _hashed(trial: TrialRecord) -> hashed.Row:
    curve = (
        hashed.Point(value=report.value, metrics=dict(report.metrics), weights=report.weights, end=report.end)
        for report in trial.reports
    )
    return hashed.Row(
        number=trial.number,
        params=dict(trial.params),
        seed=trial.seed,
        curve=tuple(curve),
        state=trial.state,
        reason="running" if trial.state == "RUNNING" else trial.reason,
        external=trial.external,
    )
