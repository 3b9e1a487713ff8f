"""Ending a search before its goal: by rules that its user gives, decided from the history alone.

A rule does not decide about any trial, and is not part of the study's specification. It says how far the search goes
now, as the goal does: if it is resumed later, a search that stopped has the same trials as one that never did.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import assert_never

from search.arguments import check_whole, is_number
from search.errors import UsageError
from search.event_log.events import Stopped
from search.event_log.history import History
from search.event_log.records import TrialRecord
from search.space.objective import score


@dataclass(frozen=True, kw_only=True, slots=True)
class StopRules:
    """When a search ends before its goal; without a rule it does not.

    Raises:
        UsageError: a rule that no search can follow.
    """

    patience: int | None = None
    """Trained trials, complete, pruned or failed, that may end without a better complete one among them. They count
    from the end of the complete trial that was the last to be better than all before it; before any is complete, none
    counts. Infeasible trials never do. With two objectives a trial is better if none before was as good in both."""
    target: float | None = None
    """Value that a complete trial has to reach: at least this one, or at most, if the search minimizes."""

    @classmethod
    def of(cls, stopped: Stopped) -> StopRules:
        """Return the rule by which a search ended."""
        match stopped.rule:
            case "patience":
                return cls(patience=int(stopped.limit))
            case "target":
                return cls(target=stopped.limit)
            case _:
                assert_never(stopped.rule)

    def __post_init__(self) -> None:
        if self.patience is not None:
            check_whole("patience", self.patience)
            if self.patience < 1:
                raise UsageError(f"A patience of {self.patience} trials is too small; give 1 or more.")
        if self.target is not None and not (is_number(self.target) and abs(self.target) <= sys.float_info.max):
            raise UsageError(f"A target of {self.target} cannot be reached; give a number.")

    def verdict(self, history: History) -> Stopped | None:
        """Return the event with which a search ends here; None if no rule ends it, or its goal is reached."""
        if history.finished >= history.goal:
            return None
        time, best = history.time, history.best
        if self.target is not None and best is not None and _reaches(best, self.target):
            return Stopped(time=time, rule="target", limit=self.target, best=best.number)
        if self.patience is not None and history.improved is not None and history.since_improved >= self.patience:
            return Stopped(time=time, rule="patience", limit=self.patience, best=history.improved)
        return None


def _reaches(trial: TrialRecord, target: float) -> bool:
    return trial.score is not None and trial.score >= score(target, trial.direction)
