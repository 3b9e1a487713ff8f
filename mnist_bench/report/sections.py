"""The optional sections of a report: the confirmation, the ablation and the audit of pruning."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnist_bench.experiments import Audit, ablation, audit, confirm
from mnist_bench.experiments.ablation import Ablation
from mnist_bench.experiments.confirm import Confirmed
from mnist_bench.result_table import Table
from search.event_log import StudyRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """Sentences, the summary first, and a table of the figures behind them, which has footnotes of its own."""

    lines: tuple[str, ...]
    table: Table[Any] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Sections:
    """The sections of a report; None for those that the study does not have."""

    winner: int | None = None
    """Number of the trial that won the confirmation."""
    confirmed: Section | None = None
    ablation: Section | None = None
    audit: Section | None = None


def read(study: StudyRecord, folder: Path) -> Sections:
    """Return the sections whose results are in the study's folder.

    Raises:
        StorageError: a file cannot be read.
    """
    race, path, pruning = confirm.load(folder), ablation.load(folder), audit.load(folder)
    return Sections(
        winner=race.winner if race else None,
        confirmed=of_race(race, study.digest) if race else None,
        ablation=of_ablation(path) if path else None,
        audit=of_audit(pruning) if pruning and pruning.trials else None,
    )


def of_race(race: Confirmed, digest: str) -> Section:
    """Return the section about a confirmation; `digest` is the study's now, which may have been searched further."""
    table, tested = confirm.table_of(race), race.test(race.winner)
    seeds = f"mean of {tested.seeds} fresh seeds" if tested else "no run came to its end"
    told = confirm.accuracy(tested) if tested else "no figure"
    lines = [
        f"Confirmed: the settings of #{race.winner} get {told} of the test images right ({seeds}).",
        *table.caption,
    ]
    if race.digest != digest:
        lines.append("The study was searched further since; the confirmation is of what it was then.")
    return Section(lines=tuple(lines), table=table)


def of_ablation(path: Ablation) -> Section:
    """Return the section about an ablation: the path from the baseline to the trial."""
    table = ablation.table_of(path)
    return Section(lines=tuple(table.caption), table=table)


def of_audit(pruning: Audit) -> Section:
    """Return the section about the pruned trials that were trained to the end afterwards."""
    table = audit.table_of(pruning)
    return Section(lines=tuple(table.caption), table=table)
