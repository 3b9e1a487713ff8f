"""The notebooks of docs/notebooks are the pages that they were made from, and run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from support import sources
from support.paths import ROOT
from support.sources import execute, refuse

FOLDER = ROOT / "docs" / "notebooks"


def test_every_notebook_is_up_to_date() -> None:
    maker = sources.docs_script("notebooks")
    made = {page.with_suffix(".ipynb").name: maker.notebook(page) for page in maker.PAGES}
    found = {path.name: path.read_text() for path in FOLDER.glob("*.ipynb")}
    stale = sorted(name for name in made.keys() | found.keys() if made.get(name) != found.get(name))
    assert not stale, f"`make notebooks` writes {', '.join(stale)} from the pages"


@pytest.mark.cold
@pytest.mark.integration
@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_runs_and_prints_what_it_shows(path: Path, tmp_path: Path) -> None:
    for package in ("nbclient", "ipykernel"):
        pytest.importorskip(package)
    execute(path, tmp_path / path.name)
    shown, done = (json.loads(file.read_text())["cells"] for file in (path, tmp_path / path.name))
    refuse(
        f"{path.name}: {line}"
        for before, now in zip(shown, done, strict=True)
        for line in outputs_of(before)
        if not any(shows(line, found) for found in outputs_of(now))
    )


def outputs_of(cell: dict[str, Any]) -> list[str]:
    """Return the lines that a cell printed, without differences in times and blanks, and a line per picture."""
    texts = {"stdout": "", "stderr": "", "pictures": ""}  # a line may lie in two outputs, with another between them
    for output in cell.get("outputs", []):
        if "name" in output:
            texts[output["name"]] += "".join(output["text"])
        elif "image/png" in output["data"]:
            texts["pictures"] += "a picture\n"
    lines = (" ".join(line.split()) for text in texts.values() for line in text.splitlines())
    return [re.sub(r"(\d+ min )?\d+(\.\d+)? s\b|\d+:\d\d\b", "TIME", line) for line in lines if line]


def shows(line: str, found: str) -> bool:
    """Return whether a line is another one, or that without the parts that `…` stands for."""
    return re.fullmatch(".*".join(map(re.escape, line.split("…"))), found) is not None
