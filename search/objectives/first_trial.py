"""The first trial of an objective that is written for Optuna: it finds the space, and the number of reports."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from search.driver.interrupts import interruptible
from search.errors import UsageError, WorkerError
from search.event_log.events import Reported
from search.executors.protocol import Done, Failed, Job
from search.files import make_folder
from search.hashed import derived_seed
from search.messages import number_of
from search.objectives.executor import ObjectiveExecutor, reports_in
from search.objectives.objective import Objective
from search.objectives.reports import Figures
from search.objectives.trial import middle
from search.space.space import Space, name_of
from search.study.folder import StudyFolder
from search.study.studies import read_events, specification
from search.trainer_api import MAX_PERIODS

POLL = 1.0  # seconds
TRIES = 5  # processes in a row that may be killed over the first trial


@dataclass(frozen=True, kw_only=True, slots=True)
class FirstTrial:
    """What a search takes from it."""

    space: Space
    periods: int  # the most reports of a trial
    middle: Mapping[str, Any]  # its parameters, by path
    reports: Sequence[Figures] = ()  # its own; none if the study has begun
    notices: Sequence[str] = ()


def blank_space(objective: Objective) -> Space:
    """Return the space in which an objective's ranges will be, named after the file or the function."""
    place, _, function = objective.name.rpartition(":")
    stem = PurePath(place).stem if place.endswith(".py") else place.rpartition(".")[2] or function
    return Space(name_of(stem), "space", {}, ())


def first_trial(objective: Objective, files: StudyFolder, *, seed: int, periods: int | None) -> FirstTrial:
    """Run the first trial with the middle of each range, or read what it has found from a study that has begun.

    Args:
        objective: what is called.
        files: the folder of the study.
        seed: the seed of the search.
        periods: the most reports; None if the trial is to find it.

    Raises:
        UsageError: the objective is not one of Optuna's kind, asks for no range, or raises.
        WorkerError: the trial's process is killed again and again.
        Interrupted: Ctrl-C ended it.
    """
    stored = specification(files)
    if stored is not None and any(isinstance(event, Reported) for event in read_events(files)):
        # Without the direction, which the call gives each time.
        settings = {name: value for name, value in stored["space"]["settings"].items() if name != "direction"}
        space = Space.from_spec({**stored["space"], "settings": settings})
        begun_with = [*stored.get("enqueued", ()), {}]  # another processor may compute another middle
        return FirstTrial(space=space, periods=periods or stored["periods"], middle=begun_with[0])
    make_folder(files.path)
    most = periods or MAX_PERIODS
    executor = ObjectiveExecutor(objective, 1, files.workers_log, periods=most, space=None, checked=False)
    try:
        with interruptible(lambda text: None):
            done = _done(objective, executor, derived_seed(seed, "trial", 0))
    finally:
        executor.stop()
    details, reports = done.report.details, reports_in(done.state)
    settings = {} if details["asks_pruner"] else {"search": {"pruner": "none"}}
    space = Space.from_spec({"name": blank_space(objective).name, "settings": settings, "fields": details["fields"]})
    if not space.fields:
        raise UsageError(f"{objective.name} asks for no range; call trial.suggest_float in it, or give a space.")
    found = f"{number_of(len(space.fields), 'range')} and {number_of(len(reports), 'report')}"
    notice = f"The first trial, with the middle of each range, has {found}: all others have the same."
    given = {path: middle(span) for path, span in space.distributions.items()}
    periods = periods or len(reports)
    return FirstTrial(space=space, periods=periods, middle=given, reports=reports, notices=[notice])


def _done(objective: Objective, executor: ObjectiveExecutor, seed: int) -> Done:
    """Let an executor run the trial to its end."""
    executor.start()
    job = Job(trial=0, period=MAX_PERIODS, config={}, seed=seed, state=None, stall_seconds=math.inf)
    died = 0
    while True:
        executor.submit(job)
        while not (outcomes := executor.wait(POLL)):
            pass
        (outcome,) = outcomes
        if isinstance(outcome, Done):
            return outcome
        if outcome.cause == "raised":
            raise _raised(objective, outcome)
        if (died := died + 1) == TRIES:
            raise WorkerError(f"{TRIES} processes in a row died over the first trial: {outcome.reason}.")


def _raised(objective: Objective, failed: Failed) -> UsageError:
    error = UsageError(
        f"The first trial of {objective.name} raised {failed.last_line.rstrip('.')}; if only its parameters are the "
        "cause, the middle of each range, give a space."
    )
    error.add_note(failed.reason)  # for those who ask for the traceback
    return error
