"""What training a period came to, and whether it is what it came to before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from search.driver.retry_policy import Key
from search.errors import WorkerError
from search.event_log import History
from search.executors import Outcome, Raised
from search.trainer_api import Report


@dataclass(frozen=True, slots=True)
class Trained:
    """The period was trained."""

    report: Report


@dataclass(frozen=True, slots=True)
class Crashed:
    """The configuration makes the trainer fail."""

    error: str
    """Last lines of the traceback, or the signal's name."""


@dataclass(frozen=True, slots=True)
class Exhausted:
    """The trial asked for more than the machine has, or may give it."""

    reason: Literal["out_of_memory", "timed_out"]
    error: str
    """What happened, in a sentence."""


Result = Trained | Crashed | Exhausted


def take_all(outcomes: Sequence[Outcome], take: Callable[[Outcome], None]) -> None:
    """Take what came back together; one that ends the work does not keep the others from being taken.

    Raises:
        WorkerError: the first that came up.
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
    """Compare a period that raises with what is known of it.

    Raises:
        WorkerError: it was trained before.
    """
    trial, period = key
    if period <= len(history.trials[trial].reports):
        raise WorkerError(f"Trial {trial} trained period {period} before and cannot now: {raised.error}")


def check_same_weights(trial: int, period: int, before: Report, now: Report) -> None:
    """Compare a period that was trained once more with what it brought before.

    Raises:
        WorkerError: the weights differ.
    """
    if before.weights != now.weights:
        raise WorkerError(
            f"Trial {trial} trained period {period} again and got other weights "
            f"({before.weights[:8]} then, {now.weights[:8]} now): this machine does not compute reproducibly."
        )
