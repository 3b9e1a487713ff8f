"""The result of a period, and checks of it: is it the same as before, and can the event log hold it?"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from search.driver.retry_policy import End, Key
from search.errors import WorkerError
from search.event_log import History, Reported, codec
from search.executors import Outcome, Raised
from search.trainer_api import Report, finite


@dataclass(frozen=True, slots=True)
class GivenUp:
    """The period will not be trained, and ends its trial."""

    reason: End
    error: str
    """Last lines of the traceback, the signal's name, or a sentence."""


Result = Report | GivenUp


def take_all(outcomes: Sequence[Outcome], take: Callable[[Outcome], None]) -> None:
    """Take all outcomes that arrived together, also if one of them ends the work.

    Raises:
        WorkerError: the first one raised by `take`.
    """
    errors: list[WorkerError] = []
    for outcome in outcomes:
        try:
            take(outcome)
        except WorkerError as error:
            errors.append(error)
    if errors:
        raise errors[0]


def check_never_trained(key: Key, raised: Raised, history: History) -> None:
    """Check that a period that raises was not trained before.

    Raises:
        WorkerError: it was.
    """
    trial, period = key
    if period <= len(history.trials[trial].reports):
        raise WorkerError(f"Trial {trial} trained period {period} before and cannot now: {raised.error}")


def check_same_weights(trial: int, period: int, before: Report, now: Report) -> None:
    """Check that a period that was trained again has the same weights as before.

    Raises:
        WorkerError: the weights differ.
    """
    if before.weights != now.weights:
        raise WorkerError(
            f"Trial {trial} trained period {period} again and got other weights "
            f"({before.weights[:8]} then, {now.weights[:8]} now): this machine does not compute reproducibly."
        )


def as_stored(report: Report, *, with_details: bool) -> Report:
    """Return a report as the log has it: metrics that are not finite become None, because JSON has no NaN."""
    metrics = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in report.metrics.items()
    }
    return replace(report, metrics=metrics, details=report.details if with_details else {})


def can_be_stored(report: Report, key: Key) -> bool:
    """Return whether the event log can hold the report of a trial's period, which may be the trial's last."""
    trial, period = key
    try:
        stored = as_stored(finite(report), with_details=True)
        event = Reported(trial=trial, period=period, report=stored, prune=False, verdict=True, attributes={})
        codec.text_of(codec.to_row(event))
    except (TypeError, ValueError):
        return False
    return True
