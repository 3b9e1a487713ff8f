"""RECORD.json: everything that is needed to train one trial again elsewhere and to compare it bit for bit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Le, Len, Lt
from pydantic import TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from mnist_bench.config.schedule import Schedule
from mnist_bench.config.settings import TrainConfig
from mnist_bench.config.values import from_json, recipe_yaml, to_json as config_to_json
from mnist_bench.data.choice import Data
from mnist_bench.errors import ArchitectureError, ConfigError, UnknownSettingError
from mnist_bench.nets.planner import plan_layers
from mnist_bench.result_table import OLDEST_READ, SCHEMA_VERSION
from mnist_bench.studies.kept_files import seal, unseal
from mnist_bench.value_kind import correct_bits
from search import files
from search.errors import OtherVersionError, StorageError, StudyNotFoundError, UsageError
from search.event_log.records import StudyRecord, TrialRecord
from search.hashed import EndReason, State
from search.messages import first_fault, in_a_sentence
from search.stored_fields import STRICT, check_format, stored, unknown, unknown_in
from search.trainer_api import Report

MAX_BYTES = 4_000_000  # of a record that is read; one of a thousand periods has a tenth of it


@with_config(STRICT)
@dataclass(frozen=True, kw_only=True, slots=True)
class PeriodResult:
    """The results of one period that are the same in every run."""

    value: float | None  # validation accuracy, 0..1
    metrics: dict[str, float | Annotated[int, Ge(-(2**53)), Le(2**53)] | None]  # epoch, train_loss, val_loss, errors
    weights: str  # SHA-256 of the weights after the period
    end: EndReason | None = None  # why the trial could not continue after this period; None if it could


@with_config(STRICT)
@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One trial, ready to be reproduced."""

    schema_version: int
    study: Annotated[str, Len(1, 64)]
    trial: Annotated[int, Ge(0)]
    state: State
    reason: Annotated[str, Len(1, 64)]
    recipe: dict[str, Any]  # the configuration as plain JSON values: settings that differ from their defaults
    seed: Annotated[int, Ge(0), Lt(2**64)]
    data: Data
    numerics: dict[str, Any]  # its checks decide whether two machines agree; the rest explains a difference
    trainer_revision: int
    versions: dict[str, str]
    curve: Annotated[tuple[PeriodResult, ...], Len(1)]
    correct: str | None = None  # which validation images the last period's net got right: base64 of packed bits
    net_text: str | None = None  # the source of your own network, for people: nothing runs it


class Version(TypedDict):
    """The version of a record, which is read first: of another one nothing else can be checked."""

    schema_version: int


def recipe_text(study: StudyRecord, trial: TrialRecord) -> str:
    """Return the recipe of a trial as a file for `mnist-bench train`: its configuration, data set and subset."""
    values, data = config_to_json(from_json(trial.config)), data_of(study.spec["context"])
    return recipe_yaml(
        values, name=study.spec["space"]["name"], data=data.settings,
        is_portable=is_portable(study.spec["numerics"]),
    )  # fmt: skip


def is_portable(numerics: Mapping[str, Any]) -> bool:
    """Return whether a study or a record with these numerics was trained in portable precision."""
    return bool(numerics.get("precision") == "portable")


def data_of(context: Mapping[str, Any]) -> Data:
    """Return the data set in a study's context, which has been checked."""
    return Data.read(context["data"])


def record_of(study: StudyRecord, trial: TrialRecord) -> Record:
    """Return the record of a trial; StudyNotFoundError if it has not trained a single period."""
    check_has_reports(study, trial)
    context = study.spec["context"]
    return Record(
        schema_version=SCHEMA_VERSION,
        study=study.name,
        trial=trial.number,
        state=trial.state,
        reason=trial.reason,
        recipe=dict(trial.config),
        seed=trial.seed,
        data=data_of(context),
        numerics=dict(study.spec["numerics"]),
        trainer_revision=context["trainer_revision"],
        versions=dict(study.spec["versions"]),
        curve=tuple(period_of(report) for report in trial.reports),
        correct=trial.reports[-1].details.get("correct"),
        net_text=context.get("net", {}).get("text"),
    )


def check_has_reports(study: StudyRecord, trial: TrialRecord) -> None:
    """Check that a trial has something to reproduce."""
    if not trial.reports:
        raise StudyNotFoundError(f"Trial {study.name}/{trial.number} ({trial.reason}) has no report yet.")


def period_of(report: Report) -> PeriodResult:
    """Return the part of a report that is the same in every run; infinite metrics and NaN become None."""
    metrics = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in report.metrics.items()
    }
    return PeriodResult(value=report.value, metrics=metrics, weights=report.weights, end=report.end)


def to_json(record: Record) -> dict[str, Any]:
    """Return a record as plain values for JSON, with its SHA-256; `parse` reads it back."""
    return seal(stored(record))


def parse(text: bytes | str, source: str) -> Record:
    """Parse a record from an untrusted source, which errors name with the first fault; OtherVersionError if another
    version wrote it, else UsageError."""
    if len(text) > MAX_BYTES:
        raise UsageError(f"{source}: larger than any record ({len(text):,} bytes, at most {MAX_BYTES:,}).")
    try:
        content = unseal(text)
        # The version first: every other check would call another version's record damaged.
        check_format(
            _version().validate_json(content, strict=True)["schema_version"], source, SCHEMA_VERSION, OLDEST_READ
        )
        record = _adapter().validate_json(content, strict=True)
        _check_trainable(record, from_json(record.recipe))
    except OtherVersionError:
        raise
    except UnknownSettingError as error:
        raise OtherVersionError(f"{source}: {error}.") from error
    except ValidationError as error:
        is_one = all(fault["type"] != "missing" for fault in error.errors(include_url=False, include_input=False))
        if is_one and (name := unknown_in(error)):
            raise OtherVersionError(f"{source}: {unknown(name)}.") from None
        raise _no_record(source, first_fault(error)) from None
    except (ConfigError, ArchitectureError) as error:
        raise UsageError(f"{source}: the recipe cannot be trained: {in_a_sentence(error)}.") from None
    except (ValueError, StorageError) as error:
        raise _no_record(source, error) from None
    return record


def _no_record(source: str, fault: object) -> UsageError:
    return UsageError(
        f"{source}: not a record of a trial ({in_a_sentence(fault)}); `mnist-bench show STUDY/17 --json` prints one."
    )


def _check_trainable(record: Record, config: TrainConfig) -> None:
    """Check values that would otherwise fail only during or after training."""
    if config.net_code is None:  # your own code is not known before it is named
        plan_layers(config.model, record.data.form)
    periods = len(Schedule(config=config, images=config.optim.batch_size).period_ends)
    if len(record.curve) > periods:
        raise ValueError(f"its curve has {len(record.curve)} periods, its recipe {periods}")
    for period in record.curve:
        if (errors := period.metrics.get("errors")) is not None and errors < 0:
            raise ValueError(f"errors: {errors} is not a number of images")
    if record.correct is not None:
        correct_bits(record.correct)


def read(path: Path) -> Record:
    """Read a record from an untrusted file; errors as in `parse`, or UsageError if the file cannot be read."""
    try:
        text = files.read(path, MAX_BYTES)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}).") from error
    return parse(text, str(path))


@cache
def _adapter() -> TypeAdapter[Record]:
    return TypeAdapter(Record)


@cache
def _version() -> TypeAdapter[Version]:
    return TypeAdapter(Version)
