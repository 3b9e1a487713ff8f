"""The results of searches that were killed again and again, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pages
from killing import Kills

from mnist_bench.cells import duration

ALONE = "Optuna alone"
"""The title of Optuna's own search."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tables:
    """The content of Optuna's tables when a search is done."""

    ended: int
    """Trained trials that are complete or pruned."""
    failed: int
    running: int
    """Trials that still seem to run, but no process works on them."""
    periods: int
    """Of the trials that ended."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """The result of a search that was killed again and again."""

    kills: Kills
    tables: Tables
    lost: int
    """What was in the database at some moment, and later was not, or not the same: events of ours, ended trials of
    Optuna's."""
    raised: int
    """Processes that ended by an exception."""
    begun: int
    """Periods whose training was begun, counted each time that it was."""
    seconds: float
    undisturbed: float | None = None
    """Seconds of the same search left alone."""
    same: bool | None = None
    """Whether digest and kept weights are those of the search left alone; None if no two searches are alike."""
    left: int = 0
    """Worker processes that outlived the search."""

    def keeps_promise(self, trials: int) -> bool:
        """Return whether the search has the result of an undisturbed one, and left nothing behind."""
        exact = self.tables.ended == trials and not self.tables.failed and not self.tables.running
        return exact and bool(self.same) and not (self.lost or self.raised or self.left)


def row(outcome: Outcome) -> dict[str, str]:
    """Return an outcome's cells by their titles."""
    kills, tables = outcome.kills, outcome.tables
    alike = {True: "yes", False: "no", None: "no two are alike"}
    by_kind = ", ".join(f"{kind} {number}" for kind, number in sorted(kills.kinds.items()))
    alone = "" if outcome.undisturbed is None else f" (undisturbed {duration(outcome.undisturbed)})"
    return {
        "kills": f"{kills.number} ({by_kind})",
        "of these at work, not while starting": str(kills.at_work),
        "trials complete or pruned": str(tables.ended),
        "trials failed by a kill": str(tables.failed),
        "trials left RUNNING": str(tables.running),
        "finished, then lost": str(outcome.lost),
        "processes that ended by an exception": str(outcome.raised),
        "workers that outlived the search": str(outcome.left),
        "digest and weights of the undisturbed search": alike[outcome.same],
        "periods begun, and in the trials that ended": f"{outcome.begun}, {tables.periods}",
        "time": duration(outcome.seconds) + alone,
    }  # fmt: skip


def _alone(trials: int) -> list[str]:
    return [
        f"{ALONE} is `optimize` in two processes on one SQLite file: heartbeat 1 s, grace period 3 s,",
        "`RetryHeartbeatStaleTrialCallback` (once `RetryFailedTrialCallback`),",
        f"`MaxTrialsCallback({trials})` over complete and pruned trials; the same trainer, space and pruner.",
    ]


def page(outcomes: Mapping[str, Outcome], trials: int, done: str) -> str:
    """Return the table as Markdown, below a paragraph, `done`, about the runs."""
    rows = {name: row(outcome) for name, outcome in outcomes.items()}
    table = [[title, *(cells[title] for cells in rows.values())] for title in next(iter(rows.values()))]
    return "\n".join(
        [
            "# Searches that are killed again and again",
            "",
            done,
            "",
            "Processes are killed by SIGKILL at random moments and started again each time.",
            *(_alone(trials) if ALONE in outcomes else ()),
            "",
            *pages.table(["", *(f"{name}:" for name in rows)], table),
            "",
        ]
    )
