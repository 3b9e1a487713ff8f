"""CITATION.cff can be read, and the page on how to cite names the papers that it lists."""

from __future__ import annotations

from typing import Any

from ruamel.yaml import YAML

from support.paths import ROOT

CITED: dict[str, Any] = YAML(typ="safe").load(ROOT / "CITATION.cff")
PAGE = (ROOT / "docs" / "contributing" / "citing.md").read_text()


def test_the_file_has_what_its_format_requires() -> None:
    for work in (CITED, *CITED["references"]):
        assert work["title"]
        assert all(author.get("family-names") or author.get("name") for author in work["authors"])
    assert CITED["cff-version"] == "1.2.0"
    assert CITED["message"]


def test_the_page_names_every_paper_with_its_first_author_and_year() -> None:
    rows = [row for row in PAGE.splitlines() if row.startswith("| ")]
    for work in CITED["references"]:
        (row,) = [row for row in rows if work["title"] in row]
        assert work["authors"][0]["family-names"] in row
        assert str(work["year"]) in row
        assert work.get("doi", work.get("url", "")) in row
