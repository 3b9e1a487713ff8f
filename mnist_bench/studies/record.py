"""RECORD.json: all that a stranger needs to train one trial again and to check it bit for bit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le, Len, Lt
from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from mnist_bench.config import DatasetName, Schedule, TrainConfig, from_json
from mnist_bench.errors import ArchitectureError, ConfigError, UnknownSettingError
from mnist_bench.leaderboard import correct_bits
from mnist_bench.nets import plan_layers
from mnist_bench.studies.sealed_json import seal, unseal
from search import files
from search.errors import NewerVersionError, StorageError, StudyNotFoundError, UsageError
from search.event_log import State, StudyRecord, TrialRecord
from search.messages import in_a_sentence
from search.stored_fields import First, check_format, stored, unknown, unknown_in
from search.trainer_api import EndReason, Report

MAX_BYTES = 4_000_000
"""Bytes; a record of a thousand periods has a tenth of it."""

Hash = Annotated[str, Len(64, 64)]
Finite = ConfigDict(extra="forbid", allow_inf_nan=False)


@with_config(Finite)
@dataclass(frozen=True, kw_only=True, slots=True)
class Period:
    """What one period brought, as far as it is the same on every run."""

    value: float | None
    """Validation accuracy, 0..1."""
    metrics: dict[str, float | Annotated[int, Ge(-(2**53)), Le(2**53)] | None]
    """epoch, train_loss, val_loss, errors."""
    weights: str
    """SHA-256 of the weights after the period."""
    end: EndReason | None = None
    """Set where the trial could not go on."""


@with_config(Finite)
@dataclass(frozen=True, kw_only=True, slots=True)
class Data:
    """The data set that the trial was trained on."""

    dataset: DatasetName = "mnist"
    subset: Annotated[int, Ge(1)] | None = None
    """Only this many of the training images; None for all."""
    data_hash: Hash
    """Of the training files."""
    split_hash: Hash
    """Of the validation split's indices."""


@with_config(Finite)
@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One trial, ready to be reproduced."""

    schema_version: Literal[1] = 1
    study: Annotated[str, Len(1, 64)]
    trial: Annotated[int, Ge(0)]
    state: State
    reason: Annotated[str, Len(1, 64)]
    recipe: dict[str, Any]
    """The whole configuration: TrainConfig as plain JSON values."""
    seed: Annotated[int, Ge(0), Lt(2**64)]
    data: Data
    numerics: dict[str, Any]
    """What the bits depend on; `canary` decides, the rest names a difference."""
    trainer_revision: int
    versions: dict[str, str]
    curve: Annotated[tuple[Period, ...], Len(1)]
    correct: str | None = None
    """Which validation images were right after the last period: base64 of packed bits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Version:
    """What is read of a record before anything else is believed of it."""

    schema_version: int = 1


FIRST: First = {Record: ("schema_version", "correct"), Data: ("dataset", "subset"), Period: ("end",)}
"""See `search.stored_fields`; a new field is not added."""


def record_of(study: StudyRecord, trial: TrialRecord) -> Record:
    """Return the record of a trial that trained at least one period.

    Raises:
        StudyNotFoundError: it trained none, so there is nothing to reproduce.
    """
    if not trial.reports:
        raise StudyNotFoundError(f"Trial {study.name}/{trial.number} ({trial.reason}) has no trained period.")
    context = study.spec["context"]
    return Record(
        study=study.name,
        trial=trial.number,
        state=trial.state,
        reason=trial.reason,
        recipe=dict(trial.config),
        seed=trial.seed,
        data=Data(**context["data"]),
        numerics=dict(study.spec["numerics"]),
        trainer_revision=context["trainer_revision"],
        versions=dict(study.spec["versions"]),
        curve=tuple(period_of(report) for report in trial.reports),
        correct=trial.reports[-1].details.get("correct"),
    )


def period_of(report: Report) -> Period:
    """Return the part of a report that is the same on every run; figures that are not finite become None."""
    metrics = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in report.metrics.items()
    }
    return Period(value=report.value, metrics=metrics, weights=report.weights, end=report.end)


def to_json(record: Record) -> dict[str, Any]:
    """Return plain values for a JSON text that `parse` reads, sealed."""
    return seal(stored(record, FIRST))


def parse(text: bytes | str, source: str) -> Record:
    """Read a record, trusting nothing in it.

    Raises:
        NewerVersionError: a newer version wrote it.
        UsageError: it is too large, no JSON, or no record; the text names `source` and the first fault.
    """
    if len(text) > MAX_BYTES:
        raise UsageError(f"{source}: larger than any record ({len(text):,} bytes, at most {MAX_BYTES:,}).")
    try:
        content = unseal(text)
        check_format(_versions().validate_json(content, strict=True).schema_version, source, newest=1)
        record = _adapter().validate_json(content, strict=True)
        _check_trainable(record, from_json(record.recipe))
    except NewerVersionError:
        raise
    except UnknownSettingError as error:
        raise NewerVersionError(f"{source}: {error}.") from error
    except ValidationError as error:
        if name := unknown_in(error):
            raise NewerVersionError(f"{source}: {unknown(name)}.") from None
        raise UsageError(f"{source}: no record of a trial ({in_a_sentence(_first_fault(error))}).") from None
    except (ConfigError, ArchitectureError) as error:
        raise UsageError(f"{source}: the recipe cannot be trained: {in_a_sentence(error)}.") from None
    except (ValueError, StorageError) as error:
        raise UsageError(f"{source}: no record of a trial ({in_a_sentence(error)}).") from None
    return record


def _check_trainable(record: Record, config: TrainConfig) -> None:
    """Check before any training what would fail after it.

    Raises:
        ArchitectureError: the net cannot exist.
        ValueError: there are more periods than the recipe has.
        StorageError: the bits of `correct` cannot be read.
    """
    plan_layers(config.model)
    periods = len(Schedule(config=config, images=config.optim.batch_size).period_ends)
    if len(record.curve) > periods:
        raise ValueError(f"its curve has {len(record.curve)} periods, its recipe {periods}")
    if record.correct is not None:
        correct_bits(record.correct)


def read(path: Path) -> Record:
    """Read a record from a file; errors as in `parse`."""
    try:
        text = files.read(path, MAX_BYTES)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}).") from error
    return parse(text, str(path))


@cache
def _adapter() -> TypeAdapter[Record]:
    return TypeAdapter(Record)


@cache
def _versions() -> TypeAdapter[_Version]:
    return TypeAdapter(_Version)


def _first_fault(error: ValidationError) -> str:
    fault: Mapping[str, Any] = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, fault["loc"]))
    return f"{place}: {fault['msg']}" if place else str(fault["msg"])
