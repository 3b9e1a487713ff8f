"""The progress of a search in one line, on a screen or nowhere."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from search.driver.attended import watching
from search.driver.attended.watching import EVERY, line, watched
from search.driver.progress import Header, Observer, Progress
from search.event_log.records import TrialRecord
from search.strategies.pruners import NoPruner
from search.strategies.samplers import Random
from search.trainer_api import Report
from support import search_fake as fake
from support.paths import IMPORTABLE
from support.scripted import Clock

BEST = TrialRecord(
    number=3, state="COMPLETE", reason="complete", params={}, config={}, seed=0, slot=0, logical_start=0, costs=(1,),
    reports=(Report(value=0.987654321, metrics={}, weights="", seconds=1.0),),
)  # fmt: skip
BEGUN = Progress(
    goal=20, finished=0, complete=0, pruned=0, failed=0, infeasible=0, running=(), best=None, seconds=3.21,
    saved_periods=0, total_periods=0, order_cost=0.0, workers=2,
)  # fmt: skip
LATER = replace(BEGUN, finished=12, complete=4, pruned=8, best=BEST, seconds=80.0, seconds_left=250.0)
HEADER = Header(
    name="fake-0", spec=fake.make_spec(Random(), NoPruner(), 1, 0), workers=2, goal=20, resumed=False
)  # fmt: skip


@dataclass
class Shown:
    """A screen that keeps what it shows."""

    texts: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    closed: bool = False

    def show(self, text: str, share: float | None = None) -> None:
        self.texts.append(text)

    def say(self, text: str) -> None:
        self.said.append(text)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Shown:
    """Return the screen that there is."""
    shown = Shown()
    monkeypatch.setattr(watching, "screen_here", lambda: shown)
    return shown


def test_the_line_has_counts_the_best_and_the_time() -> None:
    assert line(BEGUN) == "0 of 20 trials · 3.2 s"
    assert line(LATER) == "12 of 20 trials · 4 complete, 8 pruned · best 0.987654 (#3) · 80 s, about 4 min 10 s left"
    assert "best 99 %" in line(LATER, "{:.0%}".format).replace("%", " %")


def test_without_a_screen_the_observer_stays_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "screen_here", lambda: None)
    own = fake.Heard()
    with watched(own, progress=True) as observer:
        assert observer is own


@pytest.mark.parametrize(
    ("own", "progress", "shows"),
    [(Observer(), None, True), (Observer(), False, False), (fake.Heard(), None, False), (fake.Heard(), True, True)],
)
def test_progress_is_shown_unless_there_is_an_observer_or_the_caller_decides(
    screen: Shown, own: Observer, progress: bool | None, shows: bool
) -> None:
    with watched(own, progress) as observer:
        observer.on_start(HEADER)
        observer.on_progress(LATER)
    assert (bool(screen.texts), screen.closed) == (shows, shows)


def test_the_callers_observer_hears_all_of_it_too(screen: Shown) -> None:
    own = fake.Heard()
    with watched(own, progress=True) as observer:
        observer.on_notice("waiting for the database")
        observer.on_warning("odd")
    assert own.notices == ["waiting for the database"]
    assert screen.said == ["waiting for the database", "odd"]


def test_it_is_drawn_not_more_often_than_it_is_read_and_once_at_the_end(
    screen: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(watching, "time", SimpleNamespace(monotonic=lambda: clock.now))
    with watched(Observer(), None) as observer:
        observer.on_start(HEADER)
        for finished in range(10):
            observer.on_progress(replace(LATER, finished=finished))
            clock.now += EVERY / 4
    assert [text.split(" of ")[0] for text in screen.texts] == ["fake-0: 0", "fake-0: 4", "fake-0: 8", "fake-0: 9"]


SCRIPT = """
import sys
from pathlib import Path
from support import search_fake as fake

fake.run(Path(sys.argv[1]), goal=6, progress=None)
"""


@pytest.mark.slow
@pytest.mark.cold
def test_a_script_shows_one_line_in_a_terminal_and_prints_nothing(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": IMPORTABLE, "TERM": "xterm"}
    environment = {name: value for name, value in environment.items() if name not in ("JPY_PARENT_PID", "GIT_PAGER")}
    terminal, end = pty.openpty()
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=end, check=True)
    os.close(end)
    shown = os.read(terminal, 100_000).decode()
    os.close(terminal)
    assert done.stdout == b""
    assert shown.endswith("\r\n")
    assert shown.count("\n") == 1
    assert shown.split("\r\x1b[K")[-1].startswith("fake-0: 6 of 6 trials · ")
