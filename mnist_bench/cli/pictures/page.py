"""A report as one HTML page that needs nothing else: no network, no other file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mnist_bench.cli import cells
from mnist_bench.cli.output import Column, safe, safe_lines
from mnist_bench.cli.views import board
from mnist_bench.leaderboard import Row, grouped
from mnist_bench.report import Report

SORT_KEYS: Mapping[str, Callable[[Row], float | None]] = MappingProxyType(
    {
        "rank": lambda row: row.rank,
        "trial": lambda row: row.number,
        "validation": lambda row: row.accuracy,
        "epochs": lambda row: row.epochs,
        "params": lambda row: row.parameters,
        "MACs": lambda row: row.macs,
        "time": lambda row: row.seconds,
    }
)
"""What a column is sorted by where its cells do not begin with the number; by heading."""


def render(report: Report) -> str:
    """Return the page; text from outside is escaped, without control characters and text-direction marks."""
    environment = Environment(
        loader=PackageLoader("mnist_bench.report"),
        autoescape=True,
        finalize=_visible,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"code": _code, "csp_hash": _csp_hash, "grouped": grouped}
    test_set = board.test_set_line(report.board.test_openings)
    return environment.get_template("report.html.j2").render(
        report=report,
        counted=cells.counted(report.board.counts, live=report.board.live),
        digest_promise=board.digest_lines(report.board)[1].strip(" ()"),
        footnotes=[line for line in board.footnotes(report.board) if line != test_set],
        test_set=test_set,
        columns=board.columns(report.board),
        sort_key=_sort_key,
    )


def _visible(value: Any) -> Any:
    """Return what an expression of the template prints."""
    return value if isinstance(value, Markup) else safe_lines(value)


def _code(text: str) -> Markup:
    """Return a sentence in which what stands between backticks is code, and no percent sign begins a line."""
    parts = safe(text).replace(" %", "\u00a0%").split("`")
    marked = [Markup("<code>{}</code>").format(part) if index % 2 else part for index, part in enumerate(parts)]
    return Markup("").join(marked)


def _csp_hash(text: str) -> str:
    """Return the source expression that allows exactly this inline text (Content Security Policy, level 2)."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _sort_key(column: Column, row: Row) -> str | None:
    """Return the number that a cell is sorted by; empty where it has none, None where its text tells."""
    if column.header not in SORT_KEYS:
        return None
    value = SORT_KEYS[column.header](row)
    return "" if value is None else repr(value)
