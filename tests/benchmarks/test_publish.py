"""The published searches are made in steps, each of them once, and their pages are as the code of today makes them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import publish
import pytest

from search.files import append_line
from support import canned
from support.paths import ROOT

KEEP = publish.keep
BOARD = '{"rows": [{"study": "conv-0", "number": 7}]}'


@pytest.fixture(autouse=True)
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "FOLDER", tmp_path / "published")
    monkeypatch.setattr(publish, "STUDIES", tmp_path / "published" / "studies")
    monkeypatch.setattr(publish, "UNDER_WAY", tmp_path / "under way")
    monkeypatch.setattr(publish, "keep", keep)


def keep(results: Path, name: str) -> None:
    """Keep a study without a file."""
    (publish.STUDIES / name).mkdir(parents=True)


def test_what_was_stopped_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    down = True

    def run(*arguments: str, folder: Path = ROOT) -> str:
        if down and arguments[0] == "confirm":
            raise subprocess.CalledProcessError(1, arguments)
        ran.append(arguments[0])
        return BOARD if "--json" in arguments else "Done.\n"

    monkeypatch.setattr(publish, "run", run)
    (tmp_path / "published" / "conv").mkdir(parents=True)
    (tmp_path / "published" / "conv" / "old.txt").touch()
    with pytest.raises(subprocess.CalledProcessError):
        publish.main(["conv"])
    assert [path.name for path in (tmp_path / "published" / "conv").iterdir()] == ["old.txt"], "half of it is not shown"
    searched, down = ran.count("search"), False
    publish.main(["conv"])
    assert ran.count("search") == searched, "the search is not repeated"
    written = {path.name for path in (tmp_path / "published" / "conv").iterdir()}
    assert {"search.txt", "RECORD.json", "confirm.md"} <= written
    assert "old.txt" not in written
    assert not (tmp_path / "under way" / "conv").exists()


def test_a_front_is_published_with_its_recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*arguments: str, folder: Path = ROOT) -> str:
        if arguments[0] == "confirm" and "--json" not in arguments:
            append_line(tmp_path / "under way" / "front" / "test-openings.jsonl", '{"purpose": "confirm small-0"}')
        return '{"members": [{"number": 7}]}' if "--json" in arguments else " ".join(arguments[:2])

    monkeypatch.setattr(publish, "run", run)
    publish.main(["front"])
    folder = tmp_path / "published" / "front"
    assert {path.name for path in folder.iterdir()} == {
        "search.txt", "leaderboard.md", "leaderboard.json", "front.md", "front.json", "7.yaml",
    }  # fmt: skip
    assert (folder / "7.yaml").read_text() == "show small-0/7"
    log = tmp_path / "published" / "test-openings.jsonl"
    assert set(log.read_text().splitlines()) == {'{"purpose": "confirm small-0"}'}


def test_pages_are_made_again_of_a_kept_study_without_its_checkpoints_and_other_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(canned.CONFIRMED, tmp_path / "results" / "confirmed")
    (tmp_path / "results" / "confirmed" / "checkpoints").mkdir()
    for other in ("weights/7.safetensors", "checkpoints/47-1.ckpt"):
        (tmp_path / "results" / "confirmed" / other).touch()
    KEEP(tmp_path / "results", "confirmed")
    files = {path.relative_to(publish.STUDIES).as_posix() for path in publish.STUDIES.rglob("*") if path.is_file()}
    assert files == {
        "confirmed/study.db", "confirmed/weights/47.safetensors", "confirmed/weights/49.safetensors",
        "confirmed/confirm/confirm.json",
        "confirmed/space.yaml", "confirmed/test-openings.jsonl",
    }  # fmt: skip
    ran: list[tuple[str, ...]] = []
    monkeypatch.setattr(publish, "PAGES", {"conv": publish.Pages(study="confirmed", plots=("curves",))})
    monkeypatch.setattr(publish, "run", lambda *arguments, folder: ran.append(arguments))
    publish.main(["pages"])
    assert [words[:2] for words in ran] == [("plot", "confirmed"), ("report", "confirmed")]
