"""Write pages of contests between search methods: Markdown, the figures as JSON, and a plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pages

from mnist_bench.experiments.contest import Contest, tables_of
from mnist_bench.plots.experiments import contest as picture
from mnist_bench.plots.style import save
from mnist_bench.result_table import markdown
from search import canonical_json


def write(
    target: Path, title: str, paragraphs: Sequence[str], contests: Sequence[Contest], document: Mapping[str, Any]
) -> None:
    """Write `target`.md, .json and .png.

    Args:
        target: the files' path without its suffix.
        title: the page's heading.
        paragraphs: text above the tables, in Markdown.
        contests: shown as tables, and drawn.
        document: goes into the JSON, next to the contests' own.
    """
    results = tables_of(contests)
    whole = {**{key: value for table in results for key, value in table.document.items()}, **document}
    write_page(target, title, [*paragraphs, markdown(*results)], picture.rows(contests), whole)


def write_page(
    target: Path, title: str, paragraphs: Sequence[str], panels: picture.Panels, document: Mapping[str, Any]
) -> None:
    """Write a page of paragraphs with a plot below them; `document` is the whole JSON file."""
    shown = f"![Error of the choice by what was spent]({target.name}.png)"
    page = "\n\n".join([f"# {title}", *paragraphs, shown])
    pages.write(target.parent, target.name, f"{page}\n", f"{canonical_json.dumps(document)}\n")
    save(partial(picture.draw, panels), target, ["png"])
