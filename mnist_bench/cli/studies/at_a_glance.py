"""A study on one screen: finding, best trial and its place in the ranges, machine, time, files, commands."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, repeat

from mnist_bench import cells
from mnist_bench.cli import output
from mnist_bench.leaderboard.board import grouped, headline
from mnist_bench.leaderboard.ranking import leaderboard_of
from mnist_bench.report import about, ranges_table
from mnist_bench.report.findings import findings
from mnist_bench.report.sections import read
from mnist_bench.studies.checked import commands_of
from mnist_bench.value_kind import ValueKind, kind_of
from search.driver.progress import seconds_left
from search.event_log.records import StudyRecord, TrialRecord
from search.messages import number_of
from search.strategies import registry
from search.study.folder import StudyFolder
from search.study.invocation_log import invocations
from search.study.spec import StudySpec, stored_history
from search.study.studies import StoredStudy, all_failed, read_events

Entry = tuple[str, str]
"""A label and a text."""


def print_study(study: StoredStudy) -> None:
    """Print a study."""
    kind = kind_of(study.spec)
    board = leaderboard_of(study)
    sections = read(study)
    output.print_prose(headline(board))
    raced = [("", sections.retrained.lines[0])] if sections.retrained and not sections.outdated else []
    finding = _failure(study) or [("finding", next(findings(study, board, sections))), *raced]
    best = [] if study.best is None else _best(study, kind, study.best)
    files = _files(study, study.files)
    entries = [*_running(study), *finding, *best, *_search(study), *files]
    for label, text in [*entries, ("digest", grouped(study.digest))]:
        output.print_entry(label, text)
    typed = [made.command for made in invocations(study.files) if made.command is not None]
    for number, command in enumerate(typed):
        output.print_line(output.entry("" if number else "typed", command))
    if study.space.ranges:
        output.print_line()
        output.print_table(ranges_table.table_of(study.space, study.best, kind))
    output.print_prose(f"The whole specification: `{commands_of(study).line('show', '--all')}`.")


def _running(study: StoredStudy) -> Iterator[Entry]:
    """Yield the running trials of a study that is being searched, and about how long the search still takes."""
    if not study.live:
        return
    left = seconds_left(stored_history(read_events(study.files)), StudySpec.from_json(study.spec))
    if left is not None:
        yield "time left", f"about {cells.duration(left)}"
    kind = kind_of(study.spec)
    running = [trial for trial in study.trials if trial.state == "RUNNING"]
    for label, trial in zip(chain(["running"], repeat("")), running, strict=False):
        reached = "" if trial.value is None else f", {kind.text(trial.value)}"
        yield label, f"#{trial.number}  {len(trial.reports)} of {number_of(len(trial.costs), 'report')}{reached}"


def _failure(study: StoredStudy) -> list[Entry]:
    """Return that every trial failed, if that is so."""
    first = study.first_failed
    return [] if first is None else [("finding", all_failed(study.files, first))]


def _best(study: StudyRecord, kind: ValueKind, best: TrialRecord) -> Iterator[Entry]:
    if kind.of_nets:
        sizes = [f"{cells.count(best.facts.get(cost))} {cells.unit(cost)}" for cost in ("parameters", "macs")]
        interval = cells.interval(*(kind.interval(best) or (None, None)))
        yield "best", f"#{best.number}  {kind.text(best.value)} {interval}  {', '.join(sizes)}"
        yield "", kind.settings(best)
        return
    figures: dict[str, object] = {kind.name: best.value}
    if study.cost is not None:
        figures[study.cost] = best.facts.get(study.cost)
    measured = dict(best.reports[-1].metrics)
    figures |= {name: figure for name, figure in measured.items() if name not in figures}
    told = "  ".join(f"{name} {cells.value(figure)}" for name, figure in figures.items())
    yield "best", f"#{best.number}  {told}"


def _search(study: StudyRecord) -> Iterator[Entry]:
    """Yield how it was searched, on which data, and how long that took."""
    spec, numerics = study.spec, study.spec.get("numerics") or {}
    ways = " + ".join(way.describe(spec["periods"]) for way in registry.of_spec(spec))
    yield "search", f"{ways}, seed {spec['seed']}, {number_of(spec['concurrent_trials'], 'concurrent trial')}"
    if (begins := about.begins_with(study)) is not None:
        yield "", begins
    versions = [f"{name} {version}" for name, version in spec.get("versions", {}).items()]
    machine = [numerics.get("gpu") or numerics.get("cpu"), numerics.get("precision"), *versions]
    yield "machine", ", ".join(str(part) for part in machine if part)
    trained = f"{cells.duration(sum(trial.seconds for trial in study.trials))} of training"
    took = about.time_of(study)
    yield "time", trained if took is None else f"{took}; {trained}"


def _files(study: StudyRecord, files: StudyFolder) -> Iterator[Entry]:
    if study.best is not None and files.weights_of(study.best.number).exists():
        yield "weights", str(files.weights_of(study.best.number))
    if files.report.exists():
        yield "report", str(files.report)
