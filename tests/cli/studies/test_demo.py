"""The demonstration: a real search, whose digest is compared with the one that README publishes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mnist_bench.cli.app import app
from mnist_bench.cli.studies import demo
from mnist_bench.leaderboard import grouped
from support.paths import ROOT


def test_readme_publishes_the_same_digest() -> None:
    assert grouped(demo.DIGEST) in (ROOT / "README.md").read_text()


@pytest.mark.integration
def test_it_ends_with_the_published_digest_and_a_page_to_draw_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("typer.launch", opened.append)
    words = ["demo", "--results", str(tmp_path)]
    first = CliRunner().invoke(app, words)
    assert first.exit_code == 0
    assert "The digest is the same as on every other machine" in first.stdout
    page = tmp_path / "demo" / "report.html"
    assert re.search(r"<canvas", page.read_text())
    assert opened == []

    monkeypatch.setattr(demo, "DIGEST", "0" * 64)
    again = CliRunner().invoke(app, [*words, "--open"])
    assert again.exit_code == 4
    assert f"Other machines got the digest {grouped('0' * 64)}." in again.stdout
    assert opened == [str(page.resolve())]
