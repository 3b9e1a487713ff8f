"""Write contests of search methods down: a page to read, their figures as JSON, and a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

from mnist_bench.cli import output
from mnist_bench.experiments.contest import Contest, tables_of
from mnist_bench.plots.experiments import contest as picture
from mnist_bench.plots.style import save
from search import canonical_json
from search.files import atomic_write, make_folder


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
    text = StringIO()
    with redirect_stdout(text):
        output.print_result("markdown", *results)
    whole = {**{key: value for table in results for key, value in table.document.items()}, **document}
    write_page(target, title, [*paragraphs, text.getvalue().rstrip("\n")], picture.rows(contests), whole)


def write_page(
    target: Path, title: str, paragraphs: Sequence[str], panels: picture.Panels, document: Mapping[str, Any]
) -> None:
    """Write a page of paragraphs alone, above a picture; `document` is the whole JSON."""
    said = "\n\n".join([f"# {title}", *paragraphs])
    make_folder(target.parent)
    atomic_write(
        target.with_suffix(".md"), f"{said}\n\n![Error of the choice by what was spent]({target.name}.png)\n".encode()
    )
    atomic_write(target.with_suffix(".json"), (canonical_json.dumps(document) + "\n").encode())
    save(partial(picture.draw, panels), target, ["png"])
