"""The report of a study: its findings in words and the figures behind them; one HTML page that needs nothing else."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mnist_bench import cells
from mnist_bench.config.values import flattened, from_json
from mnist_bench.data.idx import close_test_set
from mnist_bench.export.drawing_page import Drawing, drawing
from mnist_bench.export.winner import kept_net
from mnist_bench.leaderboard.board import Leaderboard, digest_lines, grouped, table_of, test_set_line
from mnist_bench.leaderboard.ranking import leaderboard_of
from mnist_bench.nets.summary import line as summary_line
from mnist_bench.plots.kinds import KINDS, Picture, draw_kinds, kinds_of
from mnist_bench.plots.subject import Subject
from mnist_bench.rendering import render as render_template
from mnist_bench.report import about
from mnist_bench.report.about import Range, ranges_table
from mnist_bench.report.commands import commands, commands_for_values
from mnist_bench.report.findings import Sections, findings, sections_of
from mnist_bench.result_table import Figure, Row, Table
from mnist_bench.studies.record import data_of, recipe_text
from mnist_bench.value_kind import kind_of
from search.errors import SearchError, StudyNotFoundError, UsageError
from search.event_log.records import StudyRecord, TrialRecord
from search.files import atomic_write, check_target, write_named
from search.study.invocation_log import Invocation, invocations, typed_commands
from search.study.spec import fingerprint
from search.study.studies import StoredStudy

LISTED = 200  # largest number of trials on the report's leaderboard


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportPage:
    """The content of a study's report."""

    study: str
    date: str | None
    """Day on which the last period was handled (UTC, ISO 8601); None if no period was trained."""
    title: str  # the number of trials and the data: `50 trials on MNIST`
    about: str  # the hyperparameters, the time, the machine and the place of the weights, in one line
    finding: tuple[str, ...]  # sentences, the most important first; text between backticks is code
    board: Leaderboard
    sections: Sections
    pictures: tuple[Picture, ...]  # one per kind; those that could not be drawn have an error
    chosen: TrialRecord | None  # the trial that `confirm` chose, or else the first complete one
    summary: str  # the settings of the chosen network in one line
    recipe: str | None  # its recipe in YAML, for `mnist-bench train`; None without a network
    ranges: Table[Range] | None
    """The ranges that were searched, with the values of the chosen trial; None if there are no ranges or no trial."""
    space: str  # YAML for `mnist-bench search`
    typed: tuple[str, ...]  # the commands that searched, as they were typed, each once; empty if they were not kept
    commands: Mapping[str, str]  # commands that reproduce the study, and the purpose of each
    facts: Mapping[str, Mapping[str, str]]  # groups of facts by name: search, data or trainer, numerics, versions
    failures: Mapping[int, str]  # errors of failed trials by number


def gather(
    study: StudyRecord,
    *,
    sections: Sections,
    pictures: Sequence[Picture],
    invocations: Sequence[Invocation] = (),
    weights: Path | None = None,
) -> ReportPage:
    """Return the report of a study; `weights` is the folder with those of its best trials, None if none are kept."""
    kind, board = kind_of(study.spec), leaderboard_of(study, top=LISTED)
    handled = [report.handled for trial in study.trials for report in trial.reports if report.handled is not None]
    space = study.space
    chosen = next((trial for trial in study.trials if trial.number == sections.winner), study.best)
    ranges = ranges_table(space, chosen, kind) if chosen else None
    net = chosen if kind.of_nets else None
    return ReportPage(
        study=study.name,
        date=f"{datetime.fromtimestamp(max(handled), UTC):%Y-%m-%d}" if handled else None,
        title=about.title(study),
        about=about.line(study, space, weights),
        finding=tuple(findings(board.studies[0], sections)),
        board=board,
        sections=sections,
        pictures=tuple(pictures),
        chosen=chosen,
        summary=summary_line(from_json(net.config)) if net else "",
        recipe=recipe_text(study, net) if net else None,
        ranges=ranges if ranges and ranges.rows else None,
        space=space.to_yaml(),
        typed=tuple(dict.fromkeys(typed_commands(invocations))),
        commands=(
            commands(study, chosen, sections.commands, invocations)
            if kind.of_nets
            else commands_for_values(sections.commands, chosen)
        ),
        facts=_facts(study),
        failures={trial.number: trial.error for trial in study.trials if trial.error},
    )


def missing(pictures: Sequence[Picture]) -> dict[str, str]:
    """Return why pictures could not be drawn, by their kinds."""
    return {picture.kind: picture.reason for picture in pictures if picture.reason is not None}


def _facts(study: StudyRecord) -> dict[str, dict[str, str]]:
    spec = study.spec
    numerics = {name: value for name, value in spec["numerics"].items() if value not in (None, {}, [])}
    options = {name: spec[name] for name in ("seed", "concurrent_trials", "sampler", "pruner") if name in spec}
    if (begins := about.begins_with(study)) is not None:
        options["trials"] = begins
    groups: dict[str, Mapping[str, Any]] = {"search": {"fingerprint": fingerprint(spec), **options}}
    if kind_of(spec).of_nets:
        data = spec["context"]["data"]
        groups["data"] = {**data, "dataset": "your own"} if data_of(spec["context"]).is_own else data
    elif isinstance(trainer := spec["context"].get("trainer"), Mapping):
        groups["trainer"] = trainer
    groups |= {"numerics": numerics, "versions": spec["versions"]}
    return {group: {name: _text(value) for name, value in flattened(values)} for group, values in groups.items()}


def _text(value: object) -> str:
    if value is None:
        return "–"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenReport:
    """A report on disk, and the parts that it lacks."""

    file: Path
    pictures: tuple[Picture, ...]
    """Its pictures, one per kind, with the errors of those that could not be drawn."""
    no_drawing: str | None
    """Why the page has no drawing area; None if it has one, or if the study has no network."""

    @property
    def missing(self) -> Mapping[str, str]:
        """The reasons why pictures are not in it, by kind."""
        return missing(self.pictures)


def write(
    study: StoredStudy,
    *,
    to: Path | None = None,
    data_dir: Path | None = None,
    begins: Callable[[str], None] = lambda kind: None,
) -> WrittenReport:
    """Write a study's results into one HTML file; the same study always gives the same file.

    `to` is report.html in the study's folder if it is None; `begins` is called with the kind of each plot.
    """
    close_test_set()
    if not study.finished():
        raise StudyNotFoundError(f"Study {study.name} has no finished trial yet.")
    files = study.files
    file = to or files.report
    check_target(file, folder=False)
    sections, searched = sections_of(study), invocations(files)
    weights = files.weights if files.kept_weights() else None
    subject = Subject(study=study, data_dir=data_dir)
    # Last, after everything that may be refused: this takes seconds.
    pictures = tuple(draw_kinds(kinds_of(study), subject, ("svg", "png"), narrow=True, begins=begins))
    gathered = gather(study, sections=sections, pictures=pictures, invocations=searched, weights=weights)
    drawn, reason = _drawing(study, gathered, data_dir)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        (atomic_write if to is None else write_named)(file, render(gathered, drawn).encode())
    except OSError as error:
        raise UsageError(f"{file}: cannot be written ({error.strerror}).") from error
    return WrittenReport(file=file, pictures=pictures, no_drawing=reason)


def _drawing(study: StoredStudy, gathered: ReportPage, data_dir: Path | None) -> tuple[Drawing | None, str | None]:
    """Return the drawing area of the page, or the reason why there is none; both are None without a network."""
    if gathered.chosen is None or gathered.recipe is None:
        return None, None
    try:
        return drawing(kept_net(study, gathered.chosen, data_dir=data_dir)), None
    except SearchError as error:
        return None, str(error)


SMALL_SVG = 120_000
"""Bytes. Up to this size a picture is embedded as SVG, which stays sharp; above it, the smaller of SVG and PNG is."""


def render(report: ReportPage, drawing: Drawing | None = None) -> str:
    """Return the page, with a drawing area for the chosen trial if there is one; text from outside is escaped."""
    commands = report.sections.commands
    board = table_of(report.board, retrained=report.sections.retrained, commands=commands)
    ranked = report.board.studies[0]
    test_set = test_set_line(ranked.test_evaluations) if ranked.kind.of_nets else None
    complete = [row for row in board.rows if row.rank is not None]
    shown = complete or board.rows
    return render_template(
        "report.html.j2",
        report=report,
        commands=commands,
        drawing=drawing,
        ranked=ranked,
        counted=cells.counted(ranked.counts, live=ranked.record.live),
        digest_promise=digest_lines(ranked, commands)[1].strip(" ()"),
        board=replace(board, rows=shown, footnotes=[line for line in board.footnotes if line != test_set]),
        unfinished=replace(board, rows=board.rows[len(shown) :]),
        settings=sum(column.is_setting for column in board.columns),
        test_set=test_set,
        facts_title="Data, hardware and versions" if "data" in report.facts else "Trainer and versions",
        sort_key=_sort_key,
        kind=_kind,
        data_uri=data_uri,
        grouped=grouped,
        kinds=KINDS,
        pictures=[picture for picture in report.pictures if picture.error is None],
        missing=missing(report.pictures),
    )


def data_uri(picture: Picture) -> str:
    """Return the address of a picture that is embedded in the page."""
    svg, png = picture.content["svg"], picture.content["png"]
    kind, content = ("svg+xml", svg) if len(svg) <= max(SMALL_SVG, len(png)) else ("png", png)
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _kind(column: Figure[Any]) -> str:
    return f"{column.align} setting" if column.is_setting else column.align


def _sort_key(column: Figure[Row], row: Row) -> str | None:
    """Return the number that a cell is sorted by; empty if it has none, None if it is sorted by its text."""
    value = column.value(row)
    if value is None:
        return ""
    return repr(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
