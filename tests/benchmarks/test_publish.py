"""The published searches are made in steps, each of them once, and their pages are as the code of today makes them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import publish
import pytest

from mnist_bench.report import write
from mnist_bench.studies import open_study
from search.files import append_line
from support.paths import ROOT

KEEP = publish.keep
PUBLISHED = ROOT / "results" / "published"
BOARD = '{"studies": [{"study": "conv-0", "rows": [{"number": 7}]}]}'


@pytest.mark.slow
def test_the_parts_may_be_left_out(tmp_path: Path) -> None:
    """argparse refuses a default that is a list where the parts have choices."""
    command = [sys.executable, str(ROOT / "benchmarks" / "publish.py")]
    done = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.endswith("conv ends with the exported page in a browser: it needs Chromium and chromedriver.\n")


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
        return BOARD if "--json" in arguments else "Audited: none.\n"

    monkeypatch.setattr(publish, "run", run)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: None)
    (tmp_path / "published" / "conv").mkdir(parents=True)
    (tmp_path / "published" / "conv" / "old.txt").touch()
    with pytest.raises(subprocess.CalledProcessError):
        publish.main(["conv"])
    assert [path.name for path in (tmp_path / "published" / "conv").iterdir()] == ["old.txt"], "half of it is not shown"
    searched, down = ran.count("search"), False
    publish.main(["conv"])
    assert ran.count("search") == searched + 1, (
        "the audit searches with an option of its own; the search is not repeated"
    )
    written = {path.name for path in (tmp_path / "published" / "conv").iterdir()}
    assert {"search.txt", "RECORD.json", "confirm.md", "audit.txt", "ablation.md"} <= written
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
    ledger = tmp_path / "published" / "test-openings.jsonl"
    assert set(ledger.read_text().splitlines()) == {'{"purpose": "confirm small-0"}'}


def test_a_portable_search_is_published_with_its_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*arguments: str, folder: Path = ROOT) -> str:
        return BOARD if "--json" in arguments else " ".join(arguments)

    monkeypatch.setattr(publish, "run", run)
    publish.main(["portable"])
    folder = tmp_path / "published" / "portable"
    assert (folder / "search.txt").read_text().startswith("search conv --precision portable --study-name portable")
    assert {path.name for path in folder.iterdir()} == {
        "search.txt", "RECORD.json", "leaderboard.md", "leaderboard.json",
    }  # fmt: skip


def test_pages_are_made_again_of_a_kept_study_without_its_checkpoints_and_other_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ROOT / "tests" / "data" / "studies-3a8e64d", tmp_path / "results")
    KEEP(tmp_path / "results", "confirmed")
    files = {path.relative_to(publish.STUDIES).as_posix() for path in publish.STUDIES.rglob("*") if path.is_file()}
    assert files == {
        "confirmed/study.db", "confirmed/weights/14.safetensors", "confirmed/confirm/confirm.json",
        "confirmed/ablation/ablation.json",
    }  # fmt: skip
    ran: list[tuple[str, ...]] = []
    monkeypatch.setattr(publish, "PAGES", {"conv": publish.Pages(study="confirmed", plots=("curves",))})
    monkeypatch.setattr(publish, "run", lambda *arguments, folder: ran.append(arguments))
    publish.main(["pages"])
    assert [words[:2] for words in ran] == [("plot", "confirmed"), ("report", "confirmed")]


@pytest.mark.integration
@pytest.mark.parametrize("part", publish.PAGES)
def test_the_published_reports_are_as_the_code_of_today_writes_them(
    part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Apart from the bytes of the plots, which depend on the version of Matplotlib and on the fonts here, and from the
    last digits of the thresholds, which depend on the kernels."""
    name, page = publish.PAGES[part].study, PUBLISHED / part / "report.html"
    if not page.exists():
        pytest.skip(f"{part} is not published")
    kept = PUBLISHED / "studies" / name
    if not kept.exists():
        pytest.xfail(f"{page}: its study is not kept; `python benchmarks/publish.py {part}` makes both again")
    shutil.copytree(kept, tmp_path / "results" / name)
    monkeypatch.chdir(tmp_path)
    made = write(open_study(Path("results"), name), to=tmp_path / "report.html").file
    plots, threshold = (
        re.compile(r'src="data:[^"]*"'),
        re.compile(r'(?<="unsure_below": )[0-9.]+|(?<="doubt_scale": )[0-9.]+|(?<="above": )[0-9.]+'),
    )
    (now, limit), (then, published) = (
        (threshold.sub("", plots.sub("", text)), [float(value) for value in threshold.findall(text)])
        for text in (made.read_text(), page.read_text())
    )
    assert now == then, f"{page} is stale; `python benchmarks/publish.py pages` makes it again"
    assert limit == pytest.approx(published, abs=1e-4)
