"""A page in Chromium while a real search of 20 trials runs, is killed and is resumed: nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from search.study.location import StudyLocation
from search.study.studies import open_study, read_events
from support.paths import IMPORTABLE

if TYPE_CHECKING:
    from browser.conftest import Browser

pytestmark = [pytest.mark.browser, pytest.mark.integration]

MAIN = """
from mnist_bench.cli.app import main
from support import undrawn

undrawn.pictures()
main()
"""
TRIALS = 20
SEEN = """
    const count = (selector) => document.querySelectorAll(selector).length;
    return {
      finished: Number(/(\\d+) of 20 trials/.exec(document.querySelector("h1").textContent)?.[1] ?? -1),
      state: document.getElementById("status")?.dataset.state ?? "report",
      status: document.getElementById("status")?.textContent ?? "",
      rows: count(".board tbody tr"),
      running: count("section[aria-labelledby=running] tbody tr"),
      curves: count("svg[data-chart=curves] g.trial"),
      pins: location.hash,
      place: Math.round(document.querySelector("svg[data-chart=history]").getBoundingClientRect().top),
      pictures: count("#pictures ~ .pictures img"),
    };
"""


class Watched:
    """A search in a process of its own, and the browser that shows its page."""

    def __init__(self, browser: Browser, results: Path) -> None:
        self.results = results
        self.location = StudyLocation.of("smoke-0", results)
        self.moments: list[dict[str, Any]] = []
        self._browser = browser
        self._process: subprocess.Popen[str] | None = None

    def start(self, *more: str) -> None:
        """Search, or resume."""
        words = ["search", "smoke", "--trials", str(TRIALS), "--workers", "2", "--results", str(self.results), *more]
        self._process = subprocess.Popen(
            [sys.executable, "-c", MAIN, *words],
            env={**os.environ, "PYTHONPATH": IMPORTABLE},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def until(self, holds: Callable[[dict[str, Any]], bool], seconds: float = 120.0) -> dict[str, Any]:
        """Look at the page until something holds, and keep what is seen then."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                seen = self._browser.run(SEEN)
            except Exception:  # the page is being loaded
                seen = {}
            if seen and holds(seen):
                self.moments.append(seen)
                return dict(seen)
            time.sleep(0.1)
        raise AssertionError(f"not seen in {seconds} s; last: {seen}")

    def kill(self) -> None:
        """Kill the search with its workers."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self.stop()

    def end(self) -> str:
        """Wait for the end of the search, and return what it printed."""
        assert self._process is not None
        process, self._process = self._process, None
        printed, _ = process.communicate(timeout=120)
        assert process.returncode == 0, printed
        return printed

    def stop(self) -> None:
        """End it at the latest now."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
        self._process = None


@pytest.fixture
def watched(browser: Browser, tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(browser, tmp_path)
    yield watched
    watched.stop()


def test_five_moments_of_a_search_that_is_killed_and_resumed(browser: Browser, watched: Watched) -> None:
    page = watched.location.files.report
    watched.start("--page")
    while not page.exists():
        time.sleep(0.05)
    browser.open(page)
    first = watched.until(lambda seen: seen["state"] == "running" and seen["running"] > 0)
    browser.run("document.querySelector('svg[data-chart=history]').scrollIntoView()")
    place = browser.run(SEEN)["place"]
    second = watched.until(lambda seen: seen["curves"] > 0 and seen["finished"] > 0)
    browser.run("document.querySelector('g.trial').dispatchEvent(new MouseEvent('click', { bubbles: true }))")
    pinned = browser.run("return location.hash")
    assert pinned.startswith("#pins=")
    third = watched.until(lambda seen: seen["finished"] >= 8)
    watched.kill()
    before = read_events(watched.location)
    # As if the reader came back when the page is 40 seconds old.
    browser.run("const now = Date.now; Date.now = () => now() + 40000")
    fourth = watched.until(lambda seen: "Nothing newer has been written for" in seen["status"])
    watched.start("--page")
    browser.run("location.reload()")
    watched.end()
    fifth = watched.until(lambda seen: seen["state"] == "report")

    assert read_events(watched.location)[: len(before)] == before
    assert len(open_study(watched.results, "smoke-0").finished()) == TRIALS
    assert first["finished"] < third["finished"] < TRIALS
    assert [second["rows"] > 0, third["running"] > 0] == [True, True]
    assert {moment["pins"] for moment in (third, fourth, fifth)} == {pinned}
    assert third["place"] == pytest.approx(place, abs=2)
    assert fifth["pictures"] > 5
    counts = [moment["finished"] for moment in watched.moments[:-1]]
    assert counts == sorted(counts)
    assert browser.console() == []


def test_a_page_that_a_second_terminal_keeps(browser: Browser, watched: Watched) -> None:
    watched.start()
    while not (watched.location.files.database.exists() and read_events(watched.location)):
        time.sleep(0.05)
    follower = subprocess.Popen(
        [sys.executable, "-c", MAIN, "report", "smoke-0", "--follow", "--results", str(watched.results)],
        env={**os.environ, "PYTHONPATH": IMPORTABLE},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    page = watched.location.files.report
    while not page.exists():
        assert follower.poll() is None, follower.communicate()
        time.sleep(0.05)
    browser.open(page)
    watched.until(lambda seen: seen["state"] == "running" and seen["finished"] > 0)
    watched.kill()
    stopped = watched.until(lambda seen: seen["state"] == "paused")
    assert stopped["status"].startswith("Stopped ")
    _, told = follower.communicate(timeout=60)
    assert follower.returncode == 0
    assert (
        told.splitlines()[-1]
        == "The search of smoke-0 stopped before its trial budget. The page shows the command that resumes it."
    )
    assert "mnist-bench search smoke --trials 20" in browser.run("return document.body.textContent")
    assert browser.console() == []
