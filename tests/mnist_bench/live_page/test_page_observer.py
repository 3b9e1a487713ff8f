"""A search keeps its page up to date, and goes on whatever happens to the page."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mnist_bench.live_page import page_observer
from mnist_bench.live_page.live_page import LivePage
from mnist_bench.live_page.page_observer import PageObserver
from search.driver.progress import Progress
from search.errors import UsageError
from search.study.studies import open_study
from support import search_fake as fake, undrawn


class Waiting(PageObserver):
    """Waits after each trial until the page has been written."""

    def __init__(self, results: Path, notice: Callable[[str], object]) -> None:
        super().__init__(results, notice=notice)
        self.counts: list[int] = []

    def on_progress(self, progress: Progress) -> None:
        """Wait for a page with as many trials."""
        super().on_progress(progress)
        assert self._location is not None
        end = time.monotonic() + 20
        while f"{progress.finished} of 6 trials" not in _text(self._location.files.report):
            assert time.monotonic() < end
            time.sleep(0.01)
        self.counts.append(progress.finished)


def _text(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def searched(results: Path, observer: PageObserver, **options: object) -> str:
    with observer:
        return str(fake.run(results, goal=6, observer=observer, **options).study.digest)


def page_of(results: Path) -> str:
    return (results / "fake-0" / "report.html").read_text()


@pytest.mark.usefixtures("quick")
def test_the_page_follows_the_search_and_changes_none_of_its_decisions(tmp_path: Path) -> None:
    notices: list[str] = []
    page = Waiting(tmp_path / "page", notices.append)
    digest = searched(tmp_path / "page", page)
    assert digest == fake.run(tmp_path / "none", goal=6).study.digest
    assert set(page.counts) == {0, 1, 2, 3, 4, 5, 6}
    assert notices == [f"page: {(tmp_path / 'page/fake-0/report.html').as_uri()}"]
    assert 'data-state="drawing"' in page_of(tmp_path / "page")
    assert "6 of 6 trials" in page_of(tmp_path / "page")


@pytest.mark.usefixtures("quick")
def test_at_the_end_the_page_is_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_bench.plots.drawing.picture", undrawn.heading)
    kinds: list[str] = []
    with PageObserver(tmp_path) as page:
        run = fake.run(tmp_path, goal=6, observer=page)
    written = page.finish(run.study, begins=kinds.append)
    assert written is not None
    assert "history" in kinds
    assert "data-state" not in page_of(tmp_path)
    assert "A report of mnist-bench" in page_of(tmp_path)
    assert 'id="trials"' in page_of(tmp_path)


@pytest.mark.usefixtures("quick")
def test_a_search_that_was_stopped_says_so(tmp_path: Path) -> None:
    searched(tmp_path, PageObserver(tmp_path), stopping=fake.StopAfter(25))
    assert 'data-state="paused"' in page_of(tmp_path)
    assert "The search was stopped." in page_of(tmp_path)
    finished = len(open_study(tmp_path, "fake-0").finished())
    assert f"{finished} of 6 trials" in page_of(tmp_path)
    assert "<td>trains</td>" not in page_of(tmp_path)


def test_a_search_that_ends_by_an_error_says_so(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), PageObserver(tmp_path) as page:
        fake.run(tmp_path, goal=6, observer=page, stopping=_stop_at_once)
    assert 'data-state="paused"' in page_of(tmp_path)


def _stop_at_once() -> bool:
    raise KeyboardInterrupt


@pytest.mark.usefixtures("quick")
def test_a_page_that_cannot_be_written_is_told_once_and_the_search_goes_on(tmp_path: Path) -> None:
    notices: list[str] = []
    folder = tmp_path / "fake-0"
    folder.mkdir(parents=True)
    os.symlink(folder / "elsewhere", folder / "report.html")
    digest = searched(tmp_path, PageObserver(tmp_path, notice=notices.append))
    assert digest == fake.run(tmp_path / "none", goal=6).study.digest
    (notice,) = notices
    assert "is a symbolic link" in notice
    assert notice.endswith(" The search continues.")
    assert not (folder / "elsewhere").exists()


@pytest.mark.usefixtures("quick")
def test_a_fault_in_the_page_is_no_fault_of_the_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LivePage, "write", lambda *_: 1 / 0)
    notices: list[str] = []
    searched(tmp_path, PageObserver(tmp_path, notice=notices.append))
    assert [notice for notice in notices if "division by zero" in notice] == notices[1:]
    assert len(notices) == 2


def test_a_report_that_cannot_be_drawn_leaves_the_last_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object, **__: object) -> None:
        raise UsageError("The disk is full.")

    monkeypatch.setattr(page_observer, "write", failing)
    notices: list[str] = []
    with PageObserver(tmp_path, notice=notices.append) as page:
        run = fake.run(tmp_path, goal=2, observer=page)
    assert page.finish(run.study) is None
    assert notices[-1] == "The page is not written: The disk is full. The search continues."
    assert 'data-state="ended"' in page_of(tmp_path)


def test_nothing_is_written_before_the_search_has_begun(tmp_path: Path) -> None:
    with pytest.raises(UsageError), PageObserver(tmp_path):
        raise UsageError("There is no such space.")
    assert list(tmp_path.iterdir()) == []
