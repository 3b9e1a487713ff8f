"""The page of a running search as HTML that needs nothing else: no network, no other file."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mnist_bench.cells import safe, safe_lines
from mnist_bench.export import csp_hash
from mnist_bench.live_page.page_content import LiveContent


def render(content: LiveContent) -> str:
    """Return the page; text from outside is escaped, without control characters and text-direction marks."""
    return (
        _environment()
        .get_template("live.html.j2")
        .render(
            content=content,
            style=_part("live.css") + content.charts.style,
            scripts=[content.charts.script, _part("live.js")],
            written=f"{datetime.fromtimestamp(content.freshness.written, UTC):%Y-%m-%d %H:%M:%S} UTC",
            settings=sum(column.is_setting for column in content.board.columns),
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("mnist_bench.live_page"),
        autoescape=True,
        finalize=lambda value: value if isinstance(value, Markup) else safe_lines(value),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"csp_hash": csp_hash, "code": _code, "kind": _kind}
    return environment


def _code(text: str) -> Markup:
    """Return a sentence with text between backticks as code."""
    parts = safe(text).split("`")
    marked = [Markup("<code>{}</code>").format(part) if index % 2 else part for index, part in enumerate(parts)]
    return Markup("").join(marked)


def _kind(column: Any) -> str:
    """Return the classes of a column's cells."""
    return f"{column.align} setting" if column.is_setting else str(column.align)


@cache
def _part(name: str) -> Markup:
    text = resources.files("mnist_bench.live_page").joinpath("templates", name).read_text()
    return Markup(text.strip())  # noqa: S704 - ours
