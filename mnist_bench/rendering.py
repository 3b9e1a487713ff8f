"""Renders the templates of the pages, of the card and of an export's program; in HTML, text from outside is escaped."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import resources
from math import prod
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from mnist_bench.cells import safe, safe_lines
from search.messages import quoted

MARKDOWN_SIGNS = "\\`*_[]<>|~&$#"
"""Characters that may have a meaning in Markdown."""


def render(template: str, **values: Any) -> str:
    """Return the text of a file in `templates`, filled in, without a line break at its end.

    Printed values have neither control characters nor text-direction marks.
    """
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("mnist_bench"), autoescape=select_autoescape(["html.j2"]), finalize=_visible,
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.globals["file"] = _file
    environment.filters |= {
        "by_channel": _by_channel, "code": _code, "csp_hash": _csp_hash, "in_a_cell": _in_a_cell,
        "paragraphs": _paragraphs, "product": prod, "quoted": quoted, "repr": repr, "thousands": "{:,}".format,
    }  # fmt: skip
    return environment


def _visible(value: Any) -> Any:
    return value if isinstance(value, Markup) else safe_lines(value)


def _file(name: str) -> Markup:
    """Return a style sheet or a script, for one element of a page."""
    return Markup((resources.files("mnist_bench") / "templates" / name).read_text("utf-8"))  # noqa: S704 - ours


def _csp_hash(text: str) -> str:
    """Return the source expression that allows exactly this inline text (Content Security Policy, level 2)."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _code(text: str) -> Markup:
    """Return a sentence with text between backticks as code."""
    parts = safe(text).split("`")
    marked = [Markup("<code>{}</code>").format(part) if index % 2 else part for index, part in enumerate(parts)]
    return Markup("").join(marked)


def _paragraphs(lines: Iterable[str]) -> list[list[str]]:
    """Return the lines that are not empty in groups: a line that begins with a space belongs to the one before it."""
    groups: list[list[str]] = []
    for line in filter(None, lines):
        if groups and line.startswith(" "):
            groups[-1].append(line)
        else:
            groups.append([line])
    return groups


def _by_channel(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.9g}" for value in values)


def _in_a_cell(name: str) -> str:
    """Return a name that Markdown shows as it is in a cell of a table."""
    return "".join(f"\\{sign}" if sign in MARKDOWN_SIGNS else sign for sign in name)
