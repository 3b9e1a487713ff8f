"""The sides of a comparison: studies, trials and records, each with its trained run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mnist_bench.studies import record as records
from mnist_bench.studies.checked import find_trial, open_any
from mnist_bench.studies.claims import Claim, claim_of, recorded
from mnist_bench.value_kind import NETS, ValueKind, kind_of
from search.errors import UsageError
from search.study.folder import StudyFolder
from search.study.studies import StoredStudy

RECORD = "RECORD.json"  # the record in the folder of an export

_TRIAL = re.compile(r"(.+)/([0-9]{1,9})")


@dataclass(frozen=True, kw_only=True)  # with slots, nothing could be kept
class Side:
    """One side of a comparison."""

    label: str  # as the user named it, or the name of a study that was given as such
    study: StoredStudy | None  # None for a record
    run: Claim | None  # the trial that was named, the record, or the best trial of a study; None if none is complete
    is_study: bool  # whether the whole study is compared, not one run

    @cached_property
    def kind(self) -> ValueKind:
        """The kind of the values."""
        return NETS if self.study is None else kind_of(self.study.spec)

    @cached_property
    def runs(self) -> tuple[Claim, ...]:
        """All runs of this side that have reported: those of the study, or the one run."""
        if not self.is_study or self.study is None:
            return () if self.run is None else (self.run,)
        return tuple(claim_of(self.study, trial, self.label) for trial in self.study.trials if trial.reports)


def side_of(target: StoredStudy | str | Path, results: Path) -> Side:
    """Return a side by its name.

    Args:
        target: a study; or a text: `conv-0`, `conv-0/48`, the folder of a study on another machine with or without
            `/48`, the file of a record, or the folder of an export.
        results: the folder of the studies.
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
    if named is None:
        return _study_side(study, label)
    return Side(label=label, study=study, run=claim_of(study, find_trial(study, int(named[2])), name), is_study=False)


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
    run = None if best is None else claim_of(study, best, label)
    return Side(label=label, study=study, run=run, is_study=True)


def _record_side(file: Path, label: str) -> Side:
    return Side(label=label, study=None, run=recorded(records.read(file), label), is_study=False)
