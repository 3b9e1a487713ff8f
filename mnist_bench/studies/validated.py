"""Studies read from a database that others can write: believed only where they hold what a search of nets writes.

The search checks what it knows of itself (`search.event_log`); here is what only the trainer knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

from annotated_types import Ge
from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from mnist_bench.config import TrainConfig, every_setting, from_json, leaves
from mnist_bench.errors import ConfigError, UnknownSettingError
from mnist_bench.numerics import DeviceKind, Precision
from mnist_bench.studies.foreign import check_own, is_foreign
from mnist_bench.studies.record import Data
from search import canonical_json
from search.errors import NewerVersionError, StorageError
from search.event_log import StudyRecord, TrialRecord
from search.messages import in_a_sentence, show
from search.stored_fields import unknown, unknown_in
from search.study import studies
from search.trainer_api import Report

MAX_NUMBER = 2**53
"""Of whole numbers; larger ones are not exact in JSON."""
MAX_TIME = 253_402_300_799
"""Seconds since 1970: the end of the year 9999."""
COUNTED = ("epoch", "errors")
"""Metrics that count something."""


@with_config(ConfigDict(extra="ignore"))
@dataclass(frozen=True, kw_only=True, slots=True)
class Images:
    """How many images there are."""

    train: Annotated[int, Ge(1)]
    validation: Annotated[int, Ge(1)]


@with_config(ConfigDict(extra="ignore"))
@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """What the trials of a study were trained on."""

    data: Data
    images: Images
    trainer_revision: int


@with_config(ConfigDict(extra="ignore"))
@dataclass(frozen=True, kw_only=True, slots=True)
class Numerics:
    """What the bits of a study depend on; the rest is shown as it stands."""

    canary: str
    kind: DeviceKind
    precision: Precision
    trainer_revision: int


@with_config(ConfigDict(extra="ignore"))
@dataclass(frozen=True, kw_only=True, slots=True)
class Spec:
    """The part of a study's specification that is the trainer's."""

    context: Context
    numerics: Numerics


def open_study(results: Path, name: str | None, storage: str | None = None) -> StudyRecord:
    """Return a study, the one that was written last where no name is given.

    Raises:
        StudyNotFoundError: there is none of that name, or none at all.
        NewerVersionError: a newer version wrote it.
        StorageError: its database cannot be read, or holds what no search of nets writes.
        ForeignStudyError: another trainer's search made it.
    """
    return believed(studies.open_study(results, name, storage))


def open_any(results: Path, name: str | None, storage: str | None = None) -> StudyRecord:
    """Return a study of nets or of another trainer, of which only what the search itself writes is checked; otherwise
    as `open_study`."""
    read = studies.open_study(results, name, storage)
    return read if is_foreign(read.spec) else believed(read)


def believed(read: StudyRecord) -> StudyRecord:
    """Return the study if all that commands compute with is of the kind that a search writes.

    Raises:
        ForeignStudyError: another trainer's search made it.
        NewerVersionError: it has a setting that this version does not know.
        StorageError: it is not; the text names the study and the first fault.
    """
    check_own(read)
    try:
        _form().validate_json(canonical_json.dumps(read.spec), strict=True)
        _check_fields(read)
        for trial in read.trials:
            _check_trial(trial)
    except UnknownSettingError as error:
        raise NewerVersionError(f"Study {read.name}: {error}.") from error
    except ValidationError as error:
        if name := unknown_in(error):
            raise NewerVersionError(f"Study {read.name}: {unknown(name)}.") from error
        fault = error.errors(include_url=False, include_input=False)[0]
        raise _unbelievable(read, f"{'.'.join(map(show, fault['loc']))}: {fault['msg']}") from error
    except (ConfigError, ValueError) as error:
        raise _unbelievable(read, str(error)) from error
    return read


@cache
def _form() -> TypeAdapter[Spec]:
    return TypeAdapter(Spec)


def _check_fields(read: StudyRecord) -> None:
    """Check that every field of the space is one of the trainer's settings.

    Raises:
        UnknownSettingError: one is not.
    """
    known = dict(leaves(every_setting(TrainConfig())))
    for path, _ in read.spec["space"]["fields"]:
        if path not in known:
            raise UnknownSettingError(unknown(path))


def _check_trial(trial: TrialRecord) -> None:
    """Check what is not of a search's own making; by hand, since a study may have a hundred thousand periods."""
    from_json(trial.config)
    for name in ("parameters", "macs"):
        known = trial.facts.get(name)
        whole = isinstance(known, int) and 0 <= known <= MAX_NUMBER
        _demand(whole or (known is None and not trial.reports), trial, name)
    _demand(trial.state != "COMPLETE" or trial.value is not None, trial, "value")
    for report in trial.reports:
        _demand(report.value is None or 0 <= report.value <= 1, trial, "value")
        _demand(all(0 <= (report.metrics.get(name) or 0) <= MAX_NUMBER for name in COUNTED), trial, "metrics")
        _demand(all(0 <= time <= MAX_TIME for time in _times(report)), trial, "times")


def _times(report: Report) -> tuple[float, ...]:
    return report.seconds, report.started or 0.0, report.handled or 0.0


def _demand(holds: bool, trial: TrialRecord, what: str) -> None:
    if not holds:
        raise ValueError(f"trial {trial.number}: {what}")


def _unbelievable(read: StudyRecord, fault: str) -> StorageError:
    return StorageError(
        f"Study {read.name} holds what no search writes ({in_a_sentence(fault)}); restore its database."
    )
