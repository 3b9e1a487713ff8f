"""The notebooks of docs/notebooks are the pages that they were made from, and run."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from support.paths import ROOT
from support.sources import refuse

FOLDER = ROOT / "docs" / "notebooks"
PAGE = """\
# Title

Words, and [a page](other.md#part).

<!-- notebook: leave out -->
```sh
make prove
```
<!-- notebook: continue -->
```sh
mnist-bench studies
```
```text
one study
```

More words.

<!-- notebook: minutes -->
```sh
mnist-bench search conv
```

```python
# file: mine.py
VALUE = 1
```
"""


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("notebooks", ROOT / "docs" / "notebooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_notebook_is_up_to_date(maker: ModuleType) -> None:
    made = {page.with_suffix(".ipynb").name: maker.notebook(page) for page in maker.PAGES}
    found = {path.name: path.read_text() for path in FOLDER.glob("*.ipynb")}
    stale = sorted(name for name in made.keys() | found.keys() if made.get(name) != found.get(name))
    assert not stale, f"`make notebooks` writes {', '.join(stale)} from the pages"


@pytest.fixture
def cells(maker: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return the cells of the page above, in a folder like docs."""
    monkeypatch.setattr(maker, "FOLDER", tmp_path / "notebooks")
    page = tmp_path / "start" / "page.md"
    page.parent.mkdir()
    page.write_text(PAGE)
    made: list[dict[str, Any]] = json.loads(maker.notebook(page))["cells"]
    return made


def test_a_page_becomes_cells(cells: list[dict[str, Any]]) -> None:
    assert [cell["cell_type"] for cell in cells] == ["markdown", "code", "markdown", "code", "markdown", "code", "code"]
    title, first, words, listing, _, long, file = ("".join(cell["source"]) for cell in cells)
    assert title.startswith("# Title\n")
    assert "(../start/page.md)" in title
    assert "chdir" in first
    assert words == "Words, and [a page](../start/other.md#part)."
    assert listing == "%%bash -e\nmnist-bench studies"
    assert long.startswith('%%bash -e\n[ "$MINUTES" ] || ')
    assert long.endswith("\nmnist-bench search conv")
    assert file == "%%writefile mine.py\nVALUE = 1"


def test_the_text_below_a_command_is_its_output(cells: list[dict[str, Any]]) -> None:
    outputs = ["".join(output["text"]) for cell in cells for output in cell.get("outputs", [])]
    assert outputs == ["one study\n"]


@pytest.mark.integration
@pytest.mark.timeout(900)
@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_runs_and_prints_what_it_shows(path: Path) -> None:
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    shown, done = (nbformat.read(path, as_version=4) for _ in range(2))
    nbformat.validate(shown)
    nbclient.NotebookClient(done, timeout=600, kernel_name="python3").execute()
    for before, now in zip(shown.cells, done.cells, strict=True):
        lines = outputs_of(now)
        refuse(f"{path.name}: {line}" for line in outputs_of(before) if not any(shows(line, found) for found in lines))


def outputs_of(cell: Any) -> list[str]:
    """Return the lines that a cell printed, without differences in times and blanks."""
    text = "\n".join(output.get("text", "") for output in cell.get("outputs", []))
    return [
        re.sub(r"\d+(\.\d+)? s\b|\d+:\d\d\b", "TIME", " ".join(line.split()))
        for line in text.splitlines()
        if line.strip()
    ]


def shows(line: str, found: str) -> bool:
    """Return whether a line is another one, or that without the parts that `…` stands for."""
    return re.fullmatch(".*".join(map(re.escape, line.split("…"))), found) is not None
