"""Renders the templates of an export's files; in HTML, text from outside is escaped."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from math import prod
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from search.messages import quoted

MARKDOWN_SIGNS = "\\`*_[]<>|~&$#"
"""Characters that may have a meaning in Markdown."""


def render(template: str, **values: Any) -> str:
    """Return the text of a file in `templates`, filled in, without a line break at its end."""
    return _environment().get_template(template).render(**values)


def csp_hash(text: str) -> str:
    """Return the source expression that allows exactly this inline text (Content Security Policy, level 2)."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("mnist_bench.export"), autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {
        "by_channel": _by_channel, "csp_hash": csp_hash, "in_a_cell": _in_a_cell, "product": prod, "quoted": quoted,
        "repr": repr, "thousands": "{:,}".format,
    }  # fmt: skip
    return environment


def _by_channel(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.9g}" for value in values)


def _in_a_cell(name: str) -> str:
    """Return a name that Markdown shows as it is in a cell of a table."""
    return "".join(f"\\{sign}" if sign in MARKDOWN_SIGNS else sign for sign in name)
