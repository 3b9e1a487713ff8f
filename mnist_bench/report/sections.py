"""The optional sections of a report: the confirmation, of a front too, and the ablation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, assert_never

from mnist_bench.experiments.ablation import ablation_table, path as ablation_path
from mnist_bench.experiments.ablation.path import Ablation
from mnist_bench.experiments.confirm import result_tables
from mnist_bench.experiments.confirm.results import Confirmed, ConfirmedValues, Front, load
from mnist_bench.next_commands import NextCommands
from mnist_bench.report import test_results
from mnist_bench.result_table import Table
from mnist_bench.studies.compatibility import commands_of
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
    """Number of the trial that the race selected; None if the study was searched further since."""
    test_results: Table[Any] | None = None
    """The test results of the study as it is now, in short: of a confirmed race, else of a confirmed front."""
    confirmed: Section | None = None
    """A race whose selected configuration was evaluated on the test images."""
    raced: Section | None = None
    """A race without an evaluation on the test set, without a statistical test, or of an earlier state of the study."""
    front: Section | None = None
    """The front on the test images, if a cost was minimised, too."""
    ablation: Section | None = None
    outdated: bool = False
    """Whether every confirmation is of an earlier state of the study."""
    commands: NextCommands
    """Builds the next commands about the study."""

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
    if not kind_of(study.spec).of_nets:
        values = load(ConfirmedValues, folder)
        outdated = values is not None and values.digest != study.digest
        return Sections(
            raced=of_result(values, study.digest, commands) if values else None, outdated=outdated, commands=commands
        )
    race, path = load(Confirmed, folder), ablation_path.load(folder)
    front = load(Front, folder)
    raced = of_result(race, study.digest, commands) if race else None
    is_current = race is not None and race.digest == study.digest
    is_confirmed = race is not None and is_current and race.judged and bool(race.finals)
    found = [each for each in (race, front) if each is not None]
    is_current_front = front is not None and front.digest == study.digest
    results: list[Table[Any]] = [
        *([test_results.table_of_race(race)] if race and is_confirmed else []),
        *([test_results.table_of_front(front)] if front and is_current_front else []),
    ]
    return Sections(
        test_results=results[0] if results else None,
        winner=race.winner if race and is_current else None,
        outdated=bool(found) and all(each.digest != study.digest for each in found),
        confirmed=raced if is_confirmed else None,
        raced=None if is_confirmed else raced,
        front=of_result(front, study.digest, commands) if front else None,
        ablation=of_ablation(path) if path else None,
        commands=commands,
    )


def of_result(found: Confirmed | ConfirmedValues | Front, digest: str, commands: NextCommands) -> Section:
    """Return the section about a race or a confirmed front; `digest` is the study's current one."""
    table = result_tables.table_of(found, commands)
    what, caption = "race", table.caption
    match found:
        case Confirmed():
            finding, what = _finding(found, commands), "confirmation" if found.judged and found.finals else "race"
        case ConfirmedValues():
            finding = result_tables.finding_of_values(found)
        case Front():
            finding, what, caption = test_results.sentence_of_front(found), "confirmation", table.caption[1:]
        case _:
            assert_never(found)
    if found.digest != digest:
        finding += f" The study was searched further since; the {what} is of its earlier state."
    return Section(lines=(finding, *caption), table=table)


def _finding(race: Confirmed, commands: NextCommands) -> str:
    """Return the finding of a race in a sentence; only a statistical test selects a configuration."""
    if race.judged and race.finals:
        return test_results.sentence_of_race(race)
    tested, number = race.test(race.first), race.first
    seeds = f"mean of {tested.seeds} fresh seeds" if tested else "no run finished"
    right = result_tables.accuracy(tested) if tested else "an unknown share"
    figure = f"the configuration of trial {number} gets {right} of the test images right ({seeds})"
    if race.finals:
        return f"Not confirmed, because no test was made: trial {number} led with one fresh seed; {figure}."
    if race.judged:
        selected = f"Selected with fresh seeds: trial {number}, not evaluated on the test set yet."
        return f"{selected} `{result_tables.command(race, commands)}` evaluates it once."
    return (
        f"Not confirmed, because no test was made: trial {number} leads with one fresh seed. "
        f"`{result_tables.command(race, commands)}` continues, then evaluates once on the test set."
    )


def of_ablation(path: Ablation) -> Section:
    """Return the section about an ablation: the path from the baseline to the trial."""
    table = ablation_table.table_of(path)
    return Section(lines=tuple(table.caption), table=table)
