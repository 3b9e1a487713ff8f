"""The leaderboard of a study or several: trials in their order, with ranks, early stops and, of nets, ties.

`board_table` writes it: its figures are declared there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mnist_bench.config.json import from_json
from mnist_bench.data import openings
from mnist_bench.leaderboard.ranking import (
    SIGNIFICANCE,
    first_then,
    is_ahead,
    listed_trials,
    pareto_front,
    place_key,
    ties_of,
)
from mnist_bench.nets.summary import distinguishing
from mnist_bench.published import ComparedDigest, compared, is_same_everywhere
from mnist_bench.result_table import ShownAsTable, Table
from mnist_bench.value_kind import ValueKind, kind_of
from search.errors import UsageError
from search.event_log.records import EarlyStop, StudyRecord, TrialRecord
from search.hashed import Order, State, repeats
from search.messages import joined
from search.study.studies import StoredStudy

CURVE_COLUMNS = ("study", "number", "period", "value", "seconds")
"""Columns of a learning curve next to those that the trainer measured."""
HASH_DIGITS = 8
"""Digits of a hash that a sentence shows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LeaderboardRow:
    """One trial on the leaderboard; `board_table.figures_of` explains its figures."""

    study: str
    trial: TrialRecord
    rank: int | None
    p_value: float | None
    """Of the paired test against the first; None without a test, as of other trainers."""
    cost: float | None
    on_front: bool | None
    first_then: float | None
    ahead: bool
    settings: Mapping[str, str]
    """The settings of nets in which the rows differ, as compact cells by heading: for display only."""

    @property
    def tied(self) -> bool:
        """Whether the trial is a net that the paired test cannot distinguish from the first."""
        return self.p_value is not None and self.p_value > SIGNIFICANCE

    @property
    def excess(self) -> dict[str, float]:
        """By how much the trial is over each limit that it exceeds; empty unless it is infeasible."""
        return excess_of(self.trial)


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Leaderboard(ShownAsTable):
    """A study's rows, best first, and the figures around them; `board_table.STUDY_FIGURES` explains most of them."""

    study: str
    kind: ValueKind
    digest: str
    totals: tuple[int, ...]
    counts: Mapping[str, int]
    external: int
    saved: float
    budget: float
    live: bool
    rows: tuple[LeaderboardRow, ...]
    hidden: int
    order: Order
    cost: str | None
    front: tuple[int, ...]
    parameters: tuple[str, ...]
    metrics: tuple[str, ...]
    """Names of the metrics that trials of another trainer report, without that of the value; empty for nets."""
    limits: tuple[str, ...]
    """A limit of the study: `macs`, `parameters`, or a constraint."""
    has_curves: bool
    """Whether the learning curves are wanted."""
    has_infeasible: bool
    """Whether infeasible trials have rows."""
    first: int | None
    """Number of the trial of rank 1, if there is one."""
    stop: EarlyStop | None
    ahead: tuple[int, ...]
    tied: int
    test_openings: int
    portable: bool = False
    """Whether the search has the same digest on every processor."""
    published: ComparedDigest | None = None
    boards: tuple[Leaderboard, ...] = ()
    """The leaderboard of each study, if the rows are those of several; else empty."""

    @property
    def goal(self) -> int:
        """The current goal, in trained trials."""
        return self.totals[-1]

    @property
    def value_name(self) -> str:
        """What a value is called."""
        return self.kind.name

    @property
    def minimized(self) -> bool:
        """Whether smaller values are better."""
        return self.kind.minimized

    @property
    def ended(self) -> int:
        """Number of trained trials that have ended."""
        return sum(self.counts[name] for name in ("complete", "pruned", "failed"))

    def _table(self) -> Table[LeaderboardRow]:
        from mnist_bench.leaderboard.board_table import table_of  # its module imports this one

        return table_of(self)

    def _finding(self) -> str:
        return "" if self.boards else f"digest {self.digest}"


def leaderboard_of(
    *studies: StudyRecord, top: int | None = None, infeasible: bool = False, curves: bool = False
) -> Leaderboard:
    """Return the leaderboard: complete trials best first, then those that may still continue, pruned, failed.

    With two objectives, the Pareto front comes first; ranks are by value even then. Infeasible trials are counted; with
    `infeasible` they also have a row, after all others. Nets are tied with the first if McNemar's exact test against
    it, Holm-adjusted for the number of complete trials, is not significant at 5%. Several studies are ordered by value,
    each trial with the rank and the signs of its own study.

    Args:
        studies: one or several.
        top: number of rows; None for all.
        infeasible: whether infeasible trials have rows.
        curves: whether programs get the learning curves.

    Raises:
        UsageError: the objectives of several differ, or the validation images of networks; or two have one name.
        StorageError: a study's database cannot be read, or stored correct images are damaged.
    """
    if len(studies) == 1:
        return _board(studies[0], top, infeasible, curves)
    # A front comes before better trials, so that not all of the best are among its first rows.
    boards = [_board(study, None if study.cost is not None else top, infeasible, curves) for study in studies]
    return _together(studies, boards, top)


def _board(study: StudyRecord, top: int | None, infeasible: bool, curves: bool) -> Leaderboard:
    kind, complete = kind_of(study.spec), study.complete()
    best = complete[0] if complete else None
    front = [trial.number for trial in pareto_front(study)]
    listed = listed_trials(study, {*front}, infeasible=infeasible)
    shown = listed[:top]
    ties = ties_of(complete) if kind.of_nets and complete else None
    p_values = ties.p_values if ties else {}
    ranks = {trial.number: rank for rank, trial in enumerate(complete, start=1)}
    rows = [
        LeaderboardRow(
            study=study.name,
            trial=trial,
            rank=ranks.get(trial.number),
            p_value=p_values.get(trial.number),
            cost=None if study.cost is None else trial.facts.get(study.cost),
            on_front=None if study.cost is None else trial.number in front,
            first_then=first_then(trial, best),
            ahead=is_ahead(trial, best),
            settings=settings,
        )
        for trial, settings in zip(shown, _settings(kind, shown), strict=True)
    ]
    ended = study.finished()
    opened = openings.for_study(study.files) if kind.of_nets and isinstance(study, StoredStudy) else 0
    return Leaderboard(
        study=study.name,
        kind=kind,
        digest=study.digest,
        totals=study.totals,
        counts=counts(study),
        external=sum(trial.external for trial in study.trials),
        saved=sum(kind.total(trial) - kind.done(trial) for trial in ended if trial.reason == "pruned"),
        budget=sum(map(kind.total, ended)),
        live=study.live,
        rows=tuple(rows),
        hidden=len(listed) - len(shown),
        order=study.order,
        cost=study.cost,
        front=tuple(front),
        parameters=_union([[field.path for field in study.space.ranges], *(trial.params for trial in study.trials)]),
        metrics=() if kind.of_nets else _measured(study, kind.name),
        limits=_union(trial.constraints for trial in study.trials),
        has_curves=curves,
        has_infeasible=infeasible,
        first=None if best is None else best.number,
        stop=study.stop,
        ahead=tuple(trial.number for trial in listed if is_ahead(trial, best)),
        tied=1 + len(ties.tied) if ties and p_values else 0,
        test_openings=opened,
        portable=is_same_everywhere(study.spec),
        published=compared(study),
    )


def _settings(kind: ValueKind, shown: Sequence[TrialRecord]) -> Sequence[Mapping[str, str]]:
    """Return the settings in which the shown nets differ; one that differs among other rows alone is not among them."""
    return distinguishing([from_json(trial.config) for trial in shown]) if kind.of_nets else [{}] * len(shown)


def _union(names: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for some in names for name in some))


def _measured(study: StudyRecord, value: str) -> tuple[str, ...]:
    names = _union(trial.reports[-1].metrics for trial in study.trials if trial.reports)
    return tuple(name for name in names if name != value)


def _together(studies: Sequence[StudyRecord], boards: Sequence[Leaderboard], top: int | None) -> Leaderboard:
    """Return the leaderboard of several studies from that of each, which has its `top` best rows."""
    _check_one_objective(studies, boards)
    first, every = boards[0], [row for board in boards for row in board.rows]
    every.sort(key=lambda row: (not row.trial.is_trained, place_key(row.trial)))
    shown, counted = every[:top], Counter[str]()
    for board in boards:
        counted.update(board.counts)
    settings = _settings(first.kind, [row.trial for row in shown])
    return replace(
        first,
        study=", ".join(board.study for board in boards),
        digest="",
        totals=(sum(board.goal for board in boards),),
        counts=counted,
        external=sum(board.external for board in boards),
        saved=sum(board.saved for board in boards),
        budget=sum(board.budget for board in boards),
        live=any(board.live for board in boards),
        rows=tuple(replace(row, settings=cells) for row, cells in zip(shown, settings, strict=True)),
        hidden=len(every) - len(shown) + sum(board.hidden for board in boards),
        order=next((board.order for board in boards if not repeats(board.order)), first.order),
        front=(),
        parameters=_union(board.parameters for board in boards),
        metrics=_union(board.metrics for board in boards),
        limits=_union(board.limits for board in boards),
        first=None,
        stop=None,
        ahead=(),
        tied=0,
        test_openings=sum(board.test_openings for board in boards),
        published=None,
        boards=tuple(boards),
    )


def _check_one_objective(studies: Sequence[StudyRecord], boards: Sequence[Leaderboard]) -> None:
    judged: dict[str, list[str]] = {}
    for study, board in zip(studies, boards, strict=True):
        judged.setdefault(_objective(study, board), []).append(study.name)
    if len(judged) > 1:
        told = "; ".join(f"{joined(names)}: {objective}" for objective, names in judged.items())
        raise UsageError(f"Studies of different objectives are not in one leaderboard. {told}.")
    name, times = Counter(study.name for study in studies).most_common(1)[0]
    if times > 1:
        raise UsageError(f"{times} studies have the name {name}; in one leaderboard each needs its own.")


def _objective(study: StudyRecord, board: Leaderboard) -> str:
    """Return what a study's trials are judged by, in words that are the same only if it is the same."""
    kind, cost = board.kind, "" if board.cost is None else f" and {board.cost}"
    if not kind.of_nets:
        return f"{kind.name}{cost}, {'smaller' if kind.minimized else 'larger'} is better"
    data = study.spec["context"]["data"]
    files, split = (data[key][:HASH_DIGITS] for key in ("data_hash", "split_hash"))
    dataset = data.get("dataset", "mnist")
    return f"accuracy{cost} on {kind.images:,} validation images of {dataset} (files {files}, split {split})"


def cut(board: Leaderboard, top: int) -> Leaderboard:
    """Return a board with its first `top` rows."""
    return replace(board, rows=board.rows[:top], hidden=board.hidden + max(0, len(board.rows) - top))


def excess_of(trial: TrialRecord) -> dict[str, float]:
    """Return by how much a trial is over each limit that it exceeds."""
    return {name: excess for name, excess in trial.constraints.items() if excess > 0}


def curve_of(trial: TrialRecord) -> list[dict[str, Any]]:
    """Return plain figures of each period: its number from 1 on, all that it measured, its value and its seconds.

    If a trainer measured something under the name of a column of curves, that figure is `metrics.NAME`.
    """
    return [
        {
            "period": number,
            **{f"metrics.{name}" if name in CURVE_COLUMNS else name: value for name, value in report.metrics.items()},
            "value": report.value,
            "seconds": report.seconds,
        }
        for number, report in enumerate(trial.reports, start=1)
    ]


def counts(study: StudyRecord) -> dict[str, int]:
    """Return the number of complete, pruned, failed, running and infeasible trials; the last do not count as pruned.

    Duplicates have a number of their own, if there are any.
    """
    states = Counter(trial.state for trial in study.trials if trial.is_trained)
    untrained = Counter(trial.reason for trial in study.trials if not trial.is_trained)
    names: dict[str, State] = {"complete": "COMPLETE", "pruned": "PRUNED", "failed": "FAIL", "running": "RUNNING"}
    return {name: states[state] for name, state in names.items()} | {"infeasible": 0, **untrained}


def grouped(digest: str) -> str:
    """Return a digest in groups of four digits."""
    return " ".join(digest[start : start + 4] for start in range(0, len(digest), 4))
