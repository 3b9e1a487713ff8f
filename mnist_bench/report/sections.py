"""The optional sections of a report: the confirmation, of a front too, and the ablation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mnist_bench.experiments import (
    ablation as ablation_path,
    ablation as ablation_table,
    confirmed_table as result_tables,
)
from mnist_bench.experiments.ablation import Ablation
from mnist_bench.experiments.confirmed import Confirmed, Front, load
from mnist_bench.next_commands import NextCommands
from mnist_bench.report import test_results
from mnist_bench.result_table import Table
from mnist_bench.studies.checked import commands_of
from mnist_bench.value_kind import kind_of
from search.study.studies import StoredStudy


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """Sentences, the summary first, and a table of the figures behind them, which has footnotes of its own."""

    lines: tuple[str, ...]
    table: Table[Any] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Sections:
    """The sections of a report; None for the sections that the study does not have."""

    winner: int | None = None
    """Number of the trial that the confirmation selected; None if the study was searched further since."""
    test_results: Table[Any] | None = None
    """The test results of the study as it is now, in short: of the selected configurations, else of a front."""
    confirmed: Section | None = None  # a confirmation whose selected configuration was evaluated on the test images
    retrained: Section | None = None
    """A confirmation without an evaluation on the test set, or of an earlier state of the study."""
    front: Section | None = None  # the front on the test images, if a cost was minimised, too
    ablation: Section | None = None
    outdated: bool = False  # whether every confirmation is of an earlier state of the study
    commands: NextCommands  # builds the next commands about the study

    @property
    def tested(self) -> Section | None:
        """The section about the test results; None without `test_results`."""
        return (self.confirmed or self.front) if self.test_results else None


def read(study: StoredStudy) -> Sections:
    """Return the sections whose results are in the study's folder.

    Raises:
        UsageError: the files in that folder are another study's.
        StorageError: a file cannot be read.
    """
    folder, commands = study.files.path, commands_of(study)
    found, front = load(Confirmed, folder), load(Front, folder)
    path = ablation_path.load(folder) if kind_of(study.spec).of_nets else None
    is_current = found is not None and found.digest == study.digest
    is_confirmed = found is not None and is_current and bool(found.finals)
    section = of_result(found, study.digest, commands) if found else None
    kept = [each for each in (found, front) if each is not None]
    is_current_front = front is not None and front.digest == study.digest
    results: list[Table[Any]] = [
        *([test_results.table_of_selected(found)] if found and is_confirmed else []),
        *([test_results.table_of_front(front)] if front and is_current_front else []),
    ]
    return Sections(
        test_results=results[0] if results else None,
        winner=found.winner if found and is_current else None,
        outdated=bool(kept) and all(each.digest != study.digest for each in kept),
        confirmed=section if is_confirmed else None,
        retrained=None if is_confirmed else section,
        front=of_result(front, study.digest, commands) if front else None,
        ablation=of_ablation(path) if path else None,
        commands=commands,
    )


def of_result(found: Confirmed | Front, digest: str, commands: NextCommands) -> Section:
    """Return the section about a confirmation; `digest` is the study's current one."""
    table = result_tables.table_of(found, commands)
    caption = table.caption
    if isinstance(found, Front):
        finding, caption = test_results.sentence_of_front(found), table.caption[1:]
    elif not found.of_nets:
        finding = result_tables.finding_of_values(found)
    elif found.finals:
        finding = test_results.sentence_of_selected(found)
    else:
        selected = f"Selected with fresh seeds: trial {found.winner}, not evaluated on the test set yet."
        finding = f"{selected} `{result_tables.command(found, commands)}` evaluates it once."
    if found.digest != digest:
        finding += " The study was searched further since; the confirmation is of its earlier state."
    return Section(lines=(finding, *caption), table=table)


def of_ablation(path: Ablation) -> Section:
    """Return the section about an ablation: the path from the baseline to the trial."""
    table = ablation_table.table_of(path)
    return Section(lines=tuple(table.caption), table=table)
