"""The simplest executor: periods are trained in this process, one after the other."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from search.errors import FOREIGN, PluginError, SearchError, UsageError, WorkerError
from search.executors.protocol import Done, Executor, Failed, Job, Outcome
from search.loading import load_object
from search.messages import command_line, shortened
from search.trainer_api import Json, Report, Trainer, TrainerSpec

ERROR_LINES = 15  # lines of a traceback that are kept
ERROR_WIDTH = 2000  # characters of each that are kept: a text may hold all data that an objective works with


def build_trainer(spec: TrainerSpec) -> Trainer[Any]:
    """Call the factory that a specification names; UsageError if there is no factory of that name, or it cannot be
    loaded."""
    return cast(Callable[..., Trainer[Any]], load_object(spec.factory, "trainer"))(**spec.options)


def error_text(error: BaseException) -> str:
    """Return the last lines of an exception's traceback.

    For a PluginError these are the lines of the error that the user's code raised, followed by the PluginError's text.
    """
    raised = error.__cause__ if isinstance(error, PluginError) else None
    lines = "".join(traceback.format_exception(raised or error)).rstrip().splitlines()
    sentence = [str(error)] if raised else []
    text = "\n".join(shortened(line, ERROR_WIDTH) for line in [*lines, *sentence][-ERROR_LINES:])
    # The name of a file may hold bytes that are not UTF-8, and a log must be UTF-8.
    return text.encode("utf-8", "backslashreplace").decode()


def advanced(
    trainer: Trainer[Any], config: Mapping[str, Json], seed: int, period: int, state: bytes | None
) -> tuple[bytes, Report]:
    """Let a trainer train a period of a configuration, as its codec reads it; return its answer, with the time it took.

    TypeError if that is not a state and a report; the text is for the trainer's author.
    """
    read, began = trainer.codec.from_json(config), time.perf_counter()
    answer: object = trainer.advance(read, seed, period, state)
    took = time.perf_counter() - began
    match answer:
        case (bytes() as after, Report() as report):
            return after, replace(report, measured={"seconds": took, **report.measured})
        case _:
            kinds = [type(part).__name__ for part in answer] if isinstance(answer, tuple) else [type(answer).__name__]
            raise TypeError(f"a trainer returns (state, report), of bytes and a Report; this one: {', '.join(kinds)}")


class InProcessExecutor(Executor):
    """One worker: this process."""

    workers = 1

    def __init__(self, spec: TrainerSpec) -> None:
        self._spec = spec
        self._trainer: Trainer[Any] | None = None
        self._job: Job | None = None

    def start(self) -> Mapping[str, Any]:
        needed = self._spec.environment
        if unset := [f"{name}={value}" for name, value in needed.items() if os.environ.get(name) != value]:
            raise UsageError(
                f"This trainer needs a process that was started with {command_line(unset)}; use worker processes, "
                "or start this process with these variables."
            )
        try:
            self._trainer = build_trainer(self._spec)
            return dict(self._trainer.numerics)
        except SearchError:
            raise
        except FOREIGN as error:
            raise WorkerError(f"The trainer cannot start: {error_text(error)}") from error

    def idle(self) -> int:
        return 0 if self._job else 1

    def submit(self, job: Job) -> None:
        self._job = job

    def wait(self, timeout: float) -> list[Outcome]:
        """Train the submitted period; the timeout does not interrupt it."""
        job, self._job = self._job, None
        if job is None or self._trainer is None:
            return []
        started = time.time()
        try:
            state, report = advanced(self._trainer, job.config, job.seed, job.period, job.state)
        except FOREIGN as error:  # whatever a configuration makes the trainer raise is a result about it
            return [Failed(job=job, cause="raised", reason=error_text(error))]
        return [Done(job=job, report=replace(report, worker=0, started=started), state=state)]

    def stop(self) -> None:
        self._job = None
