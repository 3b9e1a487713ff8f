"""Makes the notebooks from the pages that they are; `make notebooks` writes them, and a test finds a stale one.

A block of code of a page is a cell: `python` as it stands, `sh` in bash, and one that begins with `# file: NAME` writes
that file. A block of `text` and a picture in this folder's `notebooks` are output of the cell before. Comments of the
page, which no reader sees, say what the notebook does otherwise:

    <!-- notebook: leave out -->     what follows, up to `<!-- notebook: continue -->`, is on the page alone
    <!-- notebook: minutes -->       the next block takes minutes, and runs only if the notebook's user wants it
"""

from __future__ import annotations

import base64
import json
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FOLDER = HERE / "notebooks"
PAGES = tuple(HERE / "start" / f"{name}.md" for name in ("first_hour", "lessons", "notebook_2017"))
LEFT_OUT = re.compile(r"<!-- notebook: leave out -->.*?<!-- notebook: continue -->\n*", re.DOTALL)
BLOCK = re.compile(
    r"(<!-- notebook: minutes -->\n+)?^```(\w+)\n(.*?)^```$|^!\[[^\]]*\]\(\.\./notebooks/([^)]+)\)$",
    re.MULTILINE | re.DOTALL,
)
LINK = re.compile(r"(\]\()([^)#:]+)(?=[)#])")
FIRST = """\
import os
import sys
import tempfile
from pathlib import Path

os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # so that bash finds mnist-bench
for name in ("FORCE_COLOR", "CLICOLOR_FORCE", "COLUMNS"):
    os.environ.pop(name, None)  # else programs print as in a terminal: in color, and not all columns
os.environ["MINUTES"] = ""  # write "yes" here to run the steps that take minutes, too
os.chdir(tempfile.mkdtemp(prefix="mnist-bench-"))  # name your own folder here to keep the files"""
Cell = dict[str, Any]


def notebook(page: Path) -> str:
    """Return the notebook of a page, as JSON."""
    title, _, rest = LEFT_OUT.sub("", page.read_text()).partition("\n")
    about = f"{title}\n\nThis notebook is [this page]({_link(page, page.name)}). Run the first cell before all others."
    cells = [_cell("markdown", about), _cell("code", FIRST), *_cells(rest, page)]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    made = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(made, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _cells(text: str, page: Path) -> Iterator[Cell]:
    """Yield the cells of a page's text."""
    done, code = 0, _cell("code", "")
    for block in BLOCK.finditer(text):
        yield from _prose(text[done : block.start()], page)
        done = block.end()
        minutes, language, body, picture = block.groups()
        if picture:
            data = {"image/png": base64.b64encode((FOLDER / picture).read_bytes()).decode()}
            code["outputs"].append({"data": data, "metadata": {}, "output_type": "display_data"})
            continue
        if language == "text":
            code["outputs"].append({"name": "stdout", "output_type": "stream", "text": body.splitlines(keepends=True)})
            continue
        code = _cell("code", _source(language, body.rstrip(), takes_minutes=minutes is not None))
        yield code
    yield from _prose(text[done:], page)


def _prose(text: str, page: Path) -> Iterator[Cell]:
    if text.strip():
        yield _cell("markdown", LINK.sub(lambda link: link[1] + _link(page, link[2]), text.strip()))


def _link(page: Path, target: str) -> str:
    """Return a link of a page as it reads in the folder of notebooks."""
    return posixpath.relpath((page.parent / target).as_posix(), FOLDER.as_posix())


def _source(language: str, body: str, *, takes_minutes: bool) -> str:
    """Return the source of a cell."""
    if name := re.match(r"# file: (\S+)\n", body):
        return f"%%writefile {name[1]}\n{body[name.end() :]}"
    if language == "python":
        return body
    if takes_minutes:
        body = f'[ "$MINUTES" ] || {{ echo "Left out: it takes minutes."; exit 0; }}\n{body}'
    return f"%%bash -e\n{body}"


def _cell(kind: str, source: str) -> Cell:
    cell: Cell = {"cell_type": kind, "metadata": {}, "source": source.splitlines(keepends=True)}
    return {**cell, "execution_count": None, "outputs": []} if kind == "code" else cell


def main() -> None:
    """Write the notebooks."""
    FOLDER.mkdir(exist_ok=True)
    for page in PAGES:
        (FOLDER / page.with_suffix(".ipynb").name).write_text(notebook(page))


if __name__ == "__main__":
    main()
