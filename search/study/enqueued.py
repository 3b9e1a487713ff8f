"""Trials of another study that a search begins with: its best ones that lie in the space, trained again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search import canonical_json
from search.errors import UsageError
from search.event_log.records import StudyRecord, TrialRecord
from search.messages import number_of, show
from search.space.ranges import Distribution, same
from search.space.space import Space, constrained
from search.study import studies
from search.study.folder import StudyFolder
from search.trainer_api import Planner

MOST = 10  # trials of one study that a search begins with

SettingsOf = Callable[[Space, Mapping[str, Any], Mapping[str, Any]], Mapping[str, Any]]
"""Returns every setting of a trial by its path, given its space, its parameters and its stored configuration."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Enqueued:
    """A configuration that a search begins with."""

    params: Mapping[str, Any]
    trial: str | None = None  # the trial of another study that has it, such as "conv-0/17"; None if it was given itself


Source = StudyRecord | tuple[Enqueued, ...]
"""A study whose best trials come first, or those that the search took from it when it began."""


def resolved(space: Space, params: Mapping[str, Any], config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the settings that a space names, constants among them; without those that did not apply."""
    return space.resolve(params)


def source(study: StudyRecord | str | Path, files: StudyFolder) -> Source:
    """Return the study that a search names, or what its folder has kept of that, so that it may have changed since.

    `study` is a study, its name, or its folder.

    StudyNotFoundError if there is no such study; UsageError if the name cannot be that of a study; StorageError if a
    database cannot be read.
    """
    if isinstance(study, StudyRecord):
        return _kept(files, study.name) or study
    folder = Path(study)
    in_folder = len(folder.parts) > 1 and folder.is_dir()
    results, name = (folder.parent, folder.name) if in_folder else (files.path.parent, str(study))
    return _kept(files, name) or studies.open_study(results, name)


def first_trials(
    study: Source,
    space: Space,
    planner: Planner[Any],
    notice: Callable[[str], object],
    settings_of: SettingsOf = resolved,
) -> tuple[Enqueued, ...]:
    """Return the best complete trials of a study that lie in a space, best first; `notice` is told how many.

    A trial lies in a space if that has all its parameters, with their values, and gets a value for each of its ranges.
    Of those with the same parameters in the space, only the best is among them.

    UsageError if there is none; the message says why the best trial is not.
    """
    if isinstance(study, tuple):
        return study
    plan, complete = constrained(planner, space), study.complete()
    taken: dict[str, Enqueued] = {}
    misfits: list[str] = []
    for trial in complete:
        name = f"{study.name}/{trial.number}"
        try:
            params = _params(study.space, trial, space, plan, settings_of)
        except _MisfitError as misfit:
            misfits.append(f"{name} {misfit}")
        else:
            taken.setdefault(canonical_json.dumps(params), Enqueued(params=params, trial=name))
        if len(taken) == MOST:
            break
    of = number_of(len(complete), "complete trial")
    if not complete:
        raise UsageError(f"--enqueue {study.name}: the study has no complete trial to begin with.")
    if not taken:
        raise UsageError(f"--enqueue {study.name}: none of its {of} lies in this space; the best one, {misfits[0]}.")
    notice(f"Begins with {len(taken)} of {of} of {study.name}: the best that lie in this space, trained again.")
    return tuple(taken.values())


def origins_of(enqueued: Sequence[Enqueued]) -> tuple[str | None, ...]:
    """Return the trial of another study that each configuration is of; nothing if none is of one."""
    trials = tuple(each.trial for each in enqueued)
    return trials if any(trials) else ()


class _MisfitError(Exception):
    """A trial does not lie in a space; the text says why, and follows the trial's name."""


def _params(
    its_space: Space, trial: TrialRecord, space: Space, plan: Planner[Any], settings_of: SettingsOf
) -> Mapping[str, Any]:
    """Return the parameters of a space that give a trial's values."""
    settings = settings_of(its_space, trial.params, trial.config)
    params = space.sample(lambda path, values: _value(path, values, settings))
    planned = plan(params)
    there = settings_of(space, params, plan.codec.to_json(planned.config))
    for path, value in trial.params.items():
        if path not in there:
            raise _MisfitError(f"has {path} {show(value)}, which this space does not have")
        if not same(there[path], value):
            raise _MisfitError(f"has {path} {show(value)}, and this space {show(there[path])}")
    if not planned.feasible:
        raise _MisfitError("exceeds a limit or violates a constraint")
    return params


def _value(path: str, values: Distribution, settings: Mapping[str, Any]) -> Any:
    """Return the value of a range that equals a setting, as a search draws it."""
    if path not in settings:
        raise _MisfitError(f"has no {path}")
    value = settings[path]
    if not values.contains(value):
        raise _MisfitError(f"has {path} {show(value)}, which is outside the range")
    return float(value) if values.is_real else values.decode(values.encode(value))


def _kept(files: StudyFolder, name: str) -> tuple[Enqueued, ...]:
    """Return the trials of the named study that the study in a folder began with; none if it has not begun."""
    begun = studies.specification(files) or {}
    trials = zip(begun.get("enqueued_from", ()), begun.get("enqueued", ()), strict=False)
    return tuple(
        Enqueued(params=params, trial=trial)
        for trial, params in trials
        if trial is not None and trial.rpartition("/")[0] == name
    )
