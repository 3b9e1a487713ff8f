"""A report as one HTML page that needs nothing else: no network, no other file."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mnist_bench import cells
from mnist_bench.cells import safe, safe_lines
from mnist_bench.export.drawing_page import Drawing
from mnist_bench.export.rendering import csp_hash
from mnist_bench.leaderboard.board import digest_lines, grouped, table_of, test_set_line
from mnist_bench.plots.kinds import KINDS, Picture
from mnist_bench.report.report_page import ReportPage, missing
from mnist_bench.result_table import Figure, Row

SMALL_SVG = 120_000
"""Bytes. Up to this size a picture is embedded as SVG, which stays sharp; above it, the smaller of SVG and PNG is."""


def render(report: ReportPage, drawing: Drawing | None = None) -> str:
    """Return the page; text from outside is escaped, without control characters and text-direction marks.

    Args:
        report: the content of the page.
        drawing: a drawing area with the network of the chosen trial; None if there is none.
    """
    environment = Environment(
        loader=PackageLoader("mnist_bench.report"),
        autoescape=True,
        finalize=_visible,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "code": _code,
        "csp_hash": csp_hash,
        "data_uri": data_uri,
        "grouped": grouped,
        "kind": _kind,
        "paragraphs": _paragraphs,
    }
    commands = report.sections.commands
    retrained = bool(report.sections.confirmed or report.sections.retrained)
    board = table_of(report.board, retrained=retrained, commands=commands)
    test_set = None if not report.board.kind.of_nets else test_set_line(report.board.test_openings)
    complete = [row for row in board.rows if row.rank is not None]
    shown = complete or board.rows
    return environment.get_template("report.html.j2").render(
        report=report,
        commands=commands,
        drawing=drawing,
        counted=cells.counted(report.board.counts, live=report.board.live),
        digest_promise=digest_lines(report.board, commands)[1].strip(" ()"),
        board=replace(board, rows=shown, footnotes=[line for line in board.footnotes if line != test_set]),
        unfinished=replace(board, rows=board.rows[len(shown) :]),
        settings=sum(column.is_setting for column in board.columns),
        test_set=test_set,
        facts_title="Data, hardware and versions" if "data" in report.facts else "Trainer and versions",
        sort_key=_sort_key,
        kinds=KINDS,
        pictures=[picture for picture in report.pictures if picture.error is None],
        missing=missing(report.pictures),
    )


def data_uri(picture: Picture) -> str:
    """Return the address of a picture that is embedded in the page."""
    svg, png = picture.content["svg"], picture.content["png"]
    kind, content = ("svg+xml", svg) if len(svg) <= max(SMALL_SVG, len(png)) else ("png", png)
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _visible(value: Any) -> Any:
    """Return the printed value of an expression in the template."""
    return value if isinstance(value, Markup) else safe_lines(value)


def _paragraphs(lines: Iterable[str]) -> list[list[str]]:
    """Return the lines that are not empty in groups: a line that begins with a space belongs to the one before it."""
    groups: list[list[str]] = []
    for line in filter(None, lines):
        if groups and line.startswith(" "):
            groups[-1].append(line)
        else:
            groups.append([line])
    return groups


def _code(text: str) -> Markup:
    """Return a sentence with text between backticks as code."""
    parts = safe(text).split("`")
    marked = [Markup("<code>{}</code>").format(part) if index % 2 else part for index, part in enumerate(parts)]
    return Markup("").join(marked)


def _kind(column: Figure[Any]) -> str:
    """Return the classes of a column's cells."""
    return f"{column.align} setting" if column.is_setting else column.align


def _sort_key(column: Figure[Row], row: Row) -> str | None:
    """Return the number that a cell is sorted by; empty if it has none, None if it is sorted by its text."""
    value = column.value(row)
    if value is None:
        return ""
    return repr(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
