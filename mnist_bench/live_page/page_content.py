"""What the page of a running search says: figures, trials in progress, leaderboard, and how fresh it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from mnist_bench import cells
from mnist_bench.leaderboard import (
    LeaderboardRow,
    accuracy_interval,
    leaderboard_of,
    stop_line,
    table_of,
    validation_images,
    value_name,
)
from mnist_bench.result_table import Table
from mnist_bench.studies import commands_of, is_foreign
from mnist_bench.trial_charts import LISTED, ChartsBlock, charts_of, summary_of
from search.driver import Progress
from search.event_log import StudyRecord, TrialRecord
from search.messages import number_of
from search.study import StoredStudy, all_failed, invocations

PageState = Literal["running", "paused", "drawing", "ended"]
"""Whether the search runs, was stopped and can be resumed, has ended while plots are being drawn, or has ended."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Freshness:
    """When a page was written, and when a reader may expect the next one."""

    written: float
    """Seconds since 1970."""
    every: float
    """Seconds after which a browser loads the page again."""
    quiet: float
    """Seconds without a new page after which it says that the search was stopped, or that it is a copy."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InProgress:
    """One trial in progress."""

    number: int
    curve: str
    """Its values so far as a line of bars."""
    trained: str
    value: str
    doing: str
    """Whether a worker trains it, or for what it waits."""
    settings: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveContent:
    """The content of the page."""

    study: str
    space: str
    state: PageState
    freshness: Freshness
    finished: int
    goal: int
    counts: str
    time: str
    """How long the search has run, and about how long it still takes; empty if it does not run."""
    best: str
    best_settings: str
    remarks: tuple[str, ...]
    in_progress: tuple[InProgress, ...]
    charts: ChartsBlock
    board: Table[LeaderboardRow]
    resume: str | None
    """The command that resumes a search that was stopped, if it is known."""


def content_of(study: StoredStudy, progress: Progress, state: PageState, freshness: Freshness) -> LiveContent:
    """Return the page of a study at the moment of `progress`."""
    foreign = is_foreign(study.spec)
    board = leaderboard_of(study, of_nets=not foreign, top=LISTED)
    first = progress.best or progress.best_unfinished
    return LiveContent(
        study=study.name,
        space=study.space.name,
        state=state,
        freshness=freshness,
        finished=progress.finished,
        goal=progress.goal,
        counts=cells.counted(board.counts, live=state == "running"),
        time=cells.gone_and_left(progress.seconds, progress.seconds_left) if state == "running" else "",
        best="No trial has reported yet." if first is None else _first(study, first, foreign=foreign),
        best_settings="" if first is None else summary_of(first, foreign=foreign),
        remarks=tuple(_remarks(study, progress, foreign=foreign)),
        in_progress=tuple(_in_progress(progress, foreign=foreign, runs=state == "running")),
        charts=charts_of(study),
        board=replace(table_of(board, commands=commands_of(study)), caption=()),
        resume=_resume(study),
    )


def _first(study: StudyRecord, trial: TrialRecord, *, foreign: bool) -> str:
    now = "Best so far" if trial.state == "COMPLETE" else "No trial is complete yet; ahead"
    if foreign:
        return f"{now}: #{trial.number}, {value_name(study.spec)} {cells.value(trial.value)}"
    ends = accuracy_interval(trial, validation_images(study.spec["context"])) or (None, None)
    return f"{now}: #{trial.number}, {cells.percent(trial.value)} {cells.interval(*ends)}".rstrip()


def _remarks(study: StoredStudy, progress: Progress, *, foreign: bool) -> list[str]:
    remarks = []
    if study.first_failed is not None:
        remarks.append(all_failed(study.location, study.first_failed))
    if study.stop is not None:
        remarks.append(stop_line(study.stop, foreign=foreign))
    if progress.saved_periods:
        saved = f"{progress.saved_periods} of {number_of(progress.total_periods, 'report')}"
        remarks.append(f"Pruning saved {saved} so far.")
    if progress.order_cost >= 0.001:
        remarks.append(f"Workers waited for the deterministic order {100 * progress.order_cost:.1f}% of the time.")
    return remarks


def _in_progress(progress: Progress, *, foreign: bool, runs: bool) -> list[InProgress]:
    values = [report.value for trial in progress.running for report in trial.reports if report.value is not None]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    return [
        InProgress(
            number=trial.number,
            curve=cells.sparkline([report.value for report in trial.reports], low, high),
            trained=f"{len(trial.reports)} of {len(trial.costs)}",
            value=(cells.value if foreign else cells.percent)(trial.value),
            doing=_doing(progress.waits_for(trial)) if runs else "paused",
            settings=summary_of(trial, foreign=foreign),
        )
        for trial in progress.running
    ]


def _doing(waits_for: str) -> str:
    return f"waits for {waits_for}" if waits_for else "trains"


def _resume(study: StoredStudy) -> str | None:
    """Return the command that searched last, if one did and the study's folder is its own."""
    typed: Sequence[str] = ()
    if study.owns_folder:
        typed = [made.command for made in invocations(study.files) if made.command is not None]
    return typed[-1] if typed else None
