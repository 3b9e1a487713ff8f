"""Read studies of nets, and check them: the database may be damaged, or others may have written to it.

`search.event_log` checks the fields of the search; this module checks those that only the trainer knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, TypeVar

from annotated_types import Ge
from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from mnist_bench.config.json import every_setting, flattened, from_json
from mnist_bench.config.settings import TrainConfig
from mnist_bench.data.choice import Data
from mnist_bench.errors import ConfigError, UnknownSettingError
from mnist_bench.numerics.kinds import DeviceKind, Precision
from mnist_bench.value_kind import check_nets, kind_of
from search import canonical_json
from search.errors import OtherVersionError, StorageError, StudyNotFoundError
from search.event_log.records import StudyRecord, TrialRecord
from search.messages import first_fault, in_a_sentence
from search.stored_fields import unknown, unknown_in
from search.study import studies
from search.study.studies import StoredStudy

StudyT = TypeVar("StudyT", bound=StudyRecord)
MAX_NUMBER = 2**53
"""Largest whole number that is accepted; larger ones are not exact in JSON."""
MAX_TIME = 253_402_300_799
"""End of the year 9999 in seconds since 1970; Python's dates go no further."""
COUNTED = ("epoch", "errors")
"""Metrics that are counts."""


@with_config(ConfigDict(extra="ignore"))
@dataclass(frozen=True, kw_only=True, slots=True)
class ImageCounts:
    """Number of images in each part of the split."""

    train: Annotated[int, Ge(1)]
    validation: Annotated[int, Ge(1)]


@with_config(ConfigDict(extra="ignore"))
@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """The part of a study's context that is checked."""

    data: Data
    images: ImageCounts
    trainer_revision: int


@with_config(ConfigDict(extra="ignore"))
@dataclass(frozen=True, kw_only=True, slots=True)
class Numerics:
    """The part of a study's numerics with which commands compute; the rest is only shown."""

    check: str
    kind: DeviceKind
    precision: Precision
    trainer_revision: int


@with_config(ConfigDict(extra="ignore"))
@dataclass(frozen=True, kw_only=True, slots=True)
class Spec:
    """The part of a study's specification that belongs to the trainer."""

    context: Context
    numerics: Numerics


def open_study(results: Path, name: str | None) -> StoredStudy:
    """Return a study of nets; without a name, the one that was written last.

    Raises:
        StudyNotFoundError: there is no study of that name, or none at all.
        OtherVersionError: a newer version wrote the study.
        StorageError: the database cannot be read, or contains what no search of nets writes.
        ForeignStudyError: another trainer's search made the study.
    """
    return believed(studies.open_study(results, name))


def open_any(results: Path, name: str | None) -> StoredStudy:
    """Return a study of nets or of another trainer; without a name, the one that was written last.

    In another trainer's study, only the fields that the search itself writes are checked.

    Raises:
        StudyNotFoundError: there is no study of that name, or none at all.
        OtherVersionError: a newer version wrote the study.
        StorageError: the database cannot be read, or contains what no search writes.
    """
    read = studies.open_study(results, name)
    return believed(read) if kind_of(read.spec).of_nets else read


def find_trial(study: StudyRecord, number: int | None) -> TrialRecord:
    """Return the trial of that number, the study's best one without a number.

    Raises:
        StudyNotFoundError: there is no such trial, or none is complete.
    """
    if number is None:
        if study.best is None:
            raise StudyNotFoundError(
                f"Study {study.name} has no complete trial yet; name a trial, e.g. {study.name}/0."
            )
        return study.best
    for trial in study.trials:
        if trial.number == number:
            return trial
    last = f"its trials are 0 to {len(study.trials) - 1}" if study.trials else "it has no trials"
    raise StudyNotFoundError(f"Study {study.name} has no trial {number}; {last}.")


def believed(read: StudyT) -> StudyT:
    """Return the study after checking everything that commands compute with.

    Raises:
        ForeignStudyError: another trainer's search made the study.
        OtherVersionError: the study has a setting that this version does not know.
        StorageError: the study contains what no search of nets writes; the message names the first fault.
    """
    check_nets(read)
    try:
        _form().validate_json(canonical_json.dumps(read.spec), strict=True)
        _check_fields(read)
        for trial in read.trials:
            _check_trial(trial)
    except UnknownSettingError as error:
        raise OtherVersionError(f"Study {read.name}: {error}.") from error
    except ValidationError as error:
        if name := unknown_in(error):
            raise OtherVersionError(f"Study {read.name}: {unknown(name)}.") from error
        raise _unbelievable(read, first_fault(error)) from error
    except (ConfigError, ValueError) as error:
        raise _unbelievable(read, str(error)) from error
    return read


@cache
def _form() -> TypeAdapter[Spec]:
    return TypeAdapter(Spec)


def _check_fields(read: StudyRecord) -> None:
    """Check that every field of the space is one of the trainer's settings.

    Raises:
        UnknownSettingError: one of them is not.
    """
    settings = dict(flattened(every_setting(TrainConfig())))
    for path, _ in read.spec["space"]["fields"]:
        if path not in settings and not path.startswith("net."):
            raise UnknownSettingError(unknown(path))


def _check_trial(trial: TrialRecord) -> None:
    """Check the parts of a trial that come from the trainer.

    Plain comparisons, not pydantic: a study may have a hundred thousand periods.
    """
    from_json(trial.config)
    for name in ("parameters", "macs"):
        count = trial.facts.get(name)
        is_count = isinstance(count, int) and 0 <= count <= MAX_NUMBER
        # Impossible nets have no counts; they are never trained.
        _demand(is_count or (count is None and not trial.reports), trial, name)
    _demand(trial.state != "COMPLETE" or trial.value is not None, trial, "value")
    for report in trial.reports:
        _demand(report.value is None or 0 <= report.value <= 1, trial, "value")
        _demand(all(0 <= (report.metrics.get(name) or 0) <= MAX_NUMBER for name in COUNTED), trial, "metrics")
        times = (report.seconds, report.started or 0.0, report.handled or 0.0)
        _demand(all(0 <= time <= MAX_TIME for time in times), trial, "times")


def _demand(holds: bool, trial: TrialRecord, what: str) -> None:
    if not holds:
        raise ValueError(f"trial {trial.number}: {what}")


def _unbelievable(read: StudyRecord, fault: str) -> StorageError:
    return StorageError(
        f"Study {read.name} holds what no search writes ({in_a_sentence(fault)}); restore its database."
    )
