"""The study that is logged, and the protocol of the programs that take it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from search.event_log import StudyRecord, TrialRecord
from search.space import metric_of
from search.study import StudyLocation
from search.trainer_api import Report

VALUE = "value"
"""Name of the value of a trial if the space does not name it."""
SECONDS = "seconds"
"""Name of the time that a report took. Each report has it, so that it shows which reports are logged."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A study that is logged."""

    location: StudyLocation
    spec: Mapping[str, Any]
    """Its stored specification."""

    def figures(self, report: Report) -> dict[str, float]:
        """Return the figures of a report by name: its metrics, its value and its time."""
        named = {**report.metrics, metric_of(self.spec["space"]["settings"]) or VALUE: report.value}
        return {
            name: float(figure) for name, figure in {**named, SECONDS: report.seconds}.items() if figure is not None
        }


class Sink(Protocol):
    """A program to which a study is logged; one thread uses it."""

    def write(self, trial: TrialRecord) -> None:
        """Log the part of a trial that is not logged yet. Called again with the same trial, it adds nothing."""

    def finish(self, study: StudyRecord) -> None:
        """Log the result of a study that has ended or was stopped."""


def time_of(report: Report) -> float:
    """Return when a report was made, in seconds since 1970; 0 for one that does not say it."""
    return report.handled or report.started or 0.0


def begin_of(trial: TrialRecord) -> float:
    """Return when a trial with a report began, in seconds since 1970."""
    first = trial.reports[0]
    return time_of(first) if first.started is None else first.started
