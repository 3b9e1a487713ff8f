"""The sides of a comparison: studies, trials and records, each with its trained run; and the settings that differ."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mnist_bench.config.catalogue import all_settings
from mnist_bench.config.json import every_setting, from_json
from mnist_bench.config.settings import TrainConfig
from mnist_bench.leaderboard.ranking import correct_bits
from mnist_bench.nets import summary
from mnist_bench.statistics.inference import wilson
from mnist_bench.studies import record as records
from mnist_bench.studies.record import PeriodResult, Record, record_of
from mnist_bench.studies.validated import find_trial, open_any
from mnist_bench.value_kind import NETS, ValueKind, kind_of
from search import canonical_json
from search.differences import ABSENT, differences
from search.errors import UsageError
from search.event_log.records import TrialRecord
from search.messages import listing, show
from search.space.ranges import Choice
from search.stored_fields import stored
from search.study.folder import StudyFolder
from search.study.studies import StoredStudy

RECORD = "RECORD.json"
"""The record in the folder of an export."""
_TRIAL = re.compile(r"(.+)/([0-9]{1,9})")
FOLLOWING = (
    "context.costs", "driver_arithmetic", "portable",
    "numerics.kind", "numerics.trainer_revision",
)  # fmt: skip
"""Entries of a specification that follow from others: from the precision, the versions and the kind of device."""
KIND, REVISION = "numerics.kind", "trainer_revision"
"""Each kind of device has revisions of its own."""
PREFIXES = ("space.fields.", "space.settings.", "context.", "recipe.")
FIELD = re.compile(r"space\.fields\.([^.]+\.[^.]+)(?!\.when\b)(?:\.|$)")
"""The path of a field of a space, or of a part of its range; its condition has a row of its own."""
Rows = dict[str, tuple[str, str]]
"""The values of the two sides, by path."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One trained configuration."""

    label: str
    """`conv-0/48`, or the file of its record."""
    number: int
    """Of the trial."""
    config: Mapping[str, Any]
    """The whole configuration as plain values: of nets a TrainConfig, of another trainer whatever it takes."""
    seed: int
    value: float | None
    """The last value: of nets the validation accuracy, 0..1."""
    reports: tuple[PeriodResult, ...]
    record: Record | None
    """None for a trial of another trainer, or one that has not reported yet."""
    images: int | None
    """Number of validation images; None if it is not known, or the run is none of nets."""

    @property
    def identity(self) -> str:
        """Equal for runs of the same configuration and seed."""
        return f"{self.configuration} {self.seed}"

    @property
    def configuration(self) -> str:
        """Equal for runs of the same configuration."""
        return canonical_json.dumps(dict(self.config))

    @property
    def errors(self) -> int | None:
        """Number of misclassified validation images."""
        errors = self.reports[-1].metrics.get("errors") if self.reports else None
        return None if errors is None else int(errors)

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's 95% interval of the accuracy; None if it is not known on how many images."""
        return wilson(self.images - self.errors, self.images) if self.images and self.errors is not None else None

    @property
    def was_trained_on_its_images(self) -> bool:
        """Whether the validation images were among the training images, so that its accuracy shows little."""
        return self.record is not None and from_json(self.record.recipe).train_on == "all"


@dataclass(frozen=True, kw_only=True)  # with slots, nothing could be kept
class Side:
    """One side of a comparison."""

    label: str
    """As the user named it, or the name of a study that was given as such."""
    study: StoredStudy | None
    """None for a record."""
    run: Run | None
    """The trial that was named, the record, or the best trial of a study; None for a study without a complete one."""
    is_study: bool
    """Whether the whole study is compared, not one run."""

    @cached_property
    def kind(self) -> ValueKind:
        """The kind of the values."""
        return NETS if self.study is None else kind_of(self.study.spec)

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """All runs of this side that have reported: those of the study, or the one run."""
        if not self.is_study or self.study is None:
            return () if self.run is None else (self.run,)
        return tuple(_run_of(self.study, trial, self.label) for trial in self.study.trials if trial.reports)

    @property
    def specification(self) -> Mapping[str, Any]:
        """The specification of the study, as it was stored."""
        return {} if self.study is None else self.study.spec


def side_of(target: StoredStudy | str | Path, results: Path) -> Side:
    """Return a side by its name.

    Args:
        target: a study; or a text: `conv-0`, `conv-0/48`, the folder of a study on another machine with or without
            `/48`, the file of a record, or the folder of an export.
        results: the folder of the studies.

    Raises:
        StudyNotFoundError: there is no such study, or no such trial.
        UsageError: the text names nothing that can be compared, or a record cannot be read.
        StorageError: a database cannot be read.
    """
    if isinstance(target, StoredStudy):
        return _study_side(target, target.name)
    path, label = Path(target), str(target)
    if path.is_file() or label.endswith(".json"):
        return _record_side(path, label)
    if label and (path / RECORD).is_file():
        return _record_side(path / RECORD, label)
    named = None if _is_study(path) else _TRIAL.fullmatch(label)  # a folder may have a number for a name
    name = named[1] if named else label
    study = _study_at(name, results)
    return _study_side(study, label) if named is None else _trial_side(study, int(named[2]), label)


def _study_at(name: str, results: Path) -> StoredStudy:
    """Return the study of a name, or in a folder wherever it lies, such as one copied from another machine."""
    folder = Path(name)
    if len(folder.parts) < 2 or not folder.is_dir():  # a name is looked up among the studies
        return open_any(results, name)
    if not _is_study(folder):
        raise UsageError(
            f"{folder}: holds neither a study nor a {RECORD}; name a study, a trial (conv-0/17), a record or an export."
        )
    return open_any(folder.parent, folder.name)


def _is_study(folder: Path) -> bool:
    return folder.is_dir() and StudyFolder(folder).database.is_file()


def _study_side(study: StoredStudy, label: str) -> Side:
    best = study.best
    return Side(
        label=label,
        study=study,
        run=None if best is None else _run_of(study, best, label),
        is_study=True,
    )


def _trial_side(study: StoredStudy, number: int, label: str) -> Side:
    trial = find_trial(study, number)
    run = _run_of(study, trial, label.rpartition("/")[0])
    return Side(label=label, study=study, run=run, is_study=False)


def _record_side(file: Path, label: str) -> Side:
    record = records.read(file)
    run = Run(
        label=label, number=record.trial, config=record.recipe, seed=record.seed, value=record.curve[-1].value,
        reports=record.curve, record=record, images=_images_of(record),
    )  # fmt: skip
    return Side(label=label, study=None, run=run, is_study=False)


def _run_of(study: StoredStudy, trial: TrialRecord, label: str) -> Run:
    kind = kind_of(study.spec)
    return Run(
        label=f"{label}/{trial.number}", number=trial.number, config=trial.config, seed=trial.seed, value=trial.value,
        reports=tuple(map(records.period_of, trial.reports)),
        record=record_of(study, trial) if kind.of_nets and trial.reports else None,
        images=kind.images if kind.of_nets else None,
    )  # fmt: skip


def _images_of(record: Record) -> int | None:
    """Return the number of images that a record was judged on: those that were right, and those that were wrong."""
    errors = record.curve[-1].metrics.get("errors")
    if record.correct is None or errors is None:
        return None
    return int(np.count_nonzero(correct_bits(record.correct))) + int(errors)


@dataclass(frozen=True, kw_only=True, slots=True)
class SettingDifference:
    """One setting that is not the same on both sides."""

    path: str
    """Where it is stored: `space.fields.optim.lr.high`."""
    values: tuple[str, str]
    """Of both sides, as text; `–` for a setting without an effect."""
    follows: bool
    """Whether it only follows from other settings, as the cost estimates do from the kind of device."""

    @property
    def name(self) -> str:
        """The path as a person reads it: `optim.lr.high`."""
        prefix = next((prefix for prefix in PREFIXES if self.path.startswith(prefix)), "")
        return self.path.removeprefix(prefix)


def setting_differences(first: Side, second: Side) -> tuple[SettingDifference, ...]:
    """Return the settings in which two sides differ.

    Two studies are compared by their specifications. If a side is one run, both are compared by a run: a study by its
    best trial.
    """
    rows = (_rows_of_studies if first.is_study and second.is_study else _rows_of_runs)(first, second)
    return tuple(
        SettingDifference(
            path=path,
            values=values,
            follows=path.startswith(FOLLOWING) or (path.endswith(REVISION) and KIND in rows),
        )
        for path, values in rows.items()
    )


def _rows_of_studies(first: Side, second: Side) -> Rows:
    """Return the rows of two studies, those of one field's range as one row in words."""
    rows: Rows = {}
    for path, then, now in differences(_of_study(first), _of_study(second)):
        if (found := FIELD.match(path)) is None:
            rows[path] = (then, now)
        else:
            rows[f"space.fields.{found[1]}"] = (_range_of(first, found[1]), _range_of(second, found[1]))
    return rows


def _rows_of_runs(first: Side, second: Side) -> Rows:
    """Return the rows of runs, without settings of equal values that have no effect on one side."""
    differing = {
        path for path, *_ in differences(_of_run(first.run, every_setting), _of_run(second.run, every_setting))
    }
    rows = differences(_of_run(first.run, _with_effect), _of_run(second.run, _with_effect))
    return {path: (then, now) for path, then, now in rows if path in differing}


def _range_of(side: Side, path: str) -> str:
    """Return what a field of a study's space can be: `adam or sgd_nesterov`, `0.001 to 0.05, log`."""
    fields = () if side.study is None else side.study.space.fields
    field = next((field for field in fields if field.path == path), None)
    if field is None:
        return ABSENT
    match field.distribution:
        case None:
            return show(field.value)
        case Choice(options):
            return listing(options)
        case span:
            return span.text


def _of_study(side: Side) -> dict[str, Any]:
    totals = () if side.study is None else side.study.totals
    return {**side.specification, "trials": totals[-1] if totals else None}


def _of_run(run: Run | None, settings: Callable[[TrainConfig], dict[str, Any]]) -> dict[str, Any]:
    """Return what decides the result of a run, with the settings that a function tells of its configuration."""
    if run is None:
        return {}
    if run.record is None:
        return {"parameters": dict(run.config), "seed": run.seed}
    record = run.record
    data: Mapping[str, Any] = stored(record.data)
    return {
        "recipe": settings(from_json(record.recipe)), "seed": record.seed, "data": data,
        "numerics": dict(record.numerics), "trainer_revision": record.trainer_revision,
        "versions": dict(record.versions),
    }  # fmt: skip


def _with_effect(config: TrainConfig) -> dict[str, Any]:
    """Return every setting, also those with their default; a dash stands for one that has no effect."""
    told = every_setting(config)
    for path, declared in all_settings().items():
        if not declared.counts_in(config):
            section, _, name = path.rpartition(".")
            (told[section] if section else told)[name] = summary.NOTHING
    return told
