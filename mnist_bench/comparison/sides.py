"""The sides of a comparison: studies, trials and records, each with its trained run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mnist_bench.config.values import from_json
from mnist_bench.statistics import wilson
from mnist_bench.studies import record as records
from mnist_bench.studies.checked import find_trial, open_any
from mnist_bench.studies.record import PeriodResult, Record, record_of
from mnist_bench.value_kind import NETS, ValueKind, correct_bits, kind_of
from search import canonical_json
from search.errors import UsageError
from search.event_log.records import TrialRecord
from search.study.folder import StudyFolder
from search.study.studies import StoredStudy

RECORD = "RECORD.json"
"""The record in the folder of an export."""

_TRIAL = re.compile(r"(.+)/([0-9]{1,9})")


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
