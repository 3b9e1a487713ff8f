from __future__ import annotations

import io
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from search.driver import attended
from search.driver.attended import EVERY, NotebookDisplay, Screen, State, TerminalLine, Timing, screen_here, watched
from search.driver.interrupts import GRACEFUL, NOTICE, Interrupts, interruptible
from search.driver.progress import Header, Observer, Progress
from search.errors import Interrupted
from search.event_log.records import TrialRecord
from search.strategies.pruners import NoPruner
from search.strategies.samplers import Random
from search.trainer_api import Report
from support import search_fake as fake
from support.paths import IMPORTABLE
from support.scripted import Clock


@pytest.fixture(autouse=True)
def _under_no_nohup() -> Iterator[None]:
    """Let SIGHUP be heard even where the tests were started so that it is ignored."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_ends(first: signal.Signals, second: signal.Signals) -> None:
    said: list[str] = []
    with Interrupts(said.append) as interrupts:
        assert not interrupts.stopping()
        signal.raise_signal(first)
        assert interrupts.stopping()
        assert interrupts.stopping()
        assert said == [NOTICE]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(second)


def test_before_the_work_asks_the_first_signal_ends() -> None:
    with Interrupts(lambda text: None), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)


def test_afterwards_ctrl_c_means_what_it_meant_before() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interrupts(lambda text: None):
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before


def test_a_handler_that_was_not_set_from_python_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    set_handler = signal.signal
    monkeypatch.setattr(signal, "getsignal", lambda number: None)
    monkeypatch.setattr(signal, "signal", lambda number, handler: set_handler(number, handler) and None)
    before = {number: set_handler(number, signal.SIG_DFL) for number in GRACEFUL}
    try:
        with Interrupts(lambda text: None), pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        assert set_handler(signal.SIGTERM, signal.SIG_DFL) == signal.SIG_DFL
    finally:
        for number, handler in before.items():
            set_handler(number, handler)


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interrupts(lambda text: None) as interrupts:
            assert not interrupts.stopping()
            signal.raise_signal(signal.SIGHUP)
            assert not interrupts.stopping()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_work_in_python_is_asked_to_stop_once_and_then_stopped_at_once() -> None:
    said: list[str] = []

    def work() -> None:
        with interruptible(said.append) as interrupted:
            assert not interrupted()
            signal.raise_signal(signal.SIGINT)
            assert interrupted()
            assert said == [NOTICE]
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted, match="same call"):
        work()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupted_cell_shows_one_line() -> None:
    assert Interrupted("Stopped.")._render_traceback_() == ["Interrupted: Stopped."]


def test_a_program_with_a_handler_of_its_own_keeps_it() -> None:
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        with interruptible(lambda text: None) as interrupted:
            signal.raise_signal(signal.SIGINT)
            assert not interrupted()
    finally:
        signal.signal(signal.SIGINT, before)
    assert came == [signal.SIGINT]


def test_work_in_another_thread_is_not_stopped_by_a_signal() -> None:
    def work() -> bool:
        with interruptible(lambda text: None) as interrupted:
            return interrupted()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(work).result() is False


VARIABLES = ("JPY_PARENT_PID", "CLICOLOR_FORCE", "GIT_PAGER")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Display:
    """Stands in for IPython's module of this name, and for the handles that it returns."""

    def __init__(self) -> None:
        self.made: list[dict[str, str]] = []
        self.updated: list[dict[str, str]] = []

    def display(self, content: dict[str, str], *, raw: bool, display_id: bool) -> Display:
        self.made.append(content)
        return self

    def update(self, content: dict[str, str], *, raw: bool) -> None:
        self.updated.append(content)


@pytest.fixture(autouse=True)
def _outside_jupyter(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    monkeypatch.setenv("TERM", "xterm")


FILE, TERMINAL = io.StringIO(), Terminal()
KERNEL = SimpleNamespace(kernel=object())


@pytest.mark.parametrize(
    ("stderr", "variables", "shells", "kind"),
    [
        (FILE, {}, [], type(None)),
        (None, {}, [], type(None)),
        (TERMINAL, {}, [], TerminalLine),
        (TERMINAL, {"TERM": "dumb"}, [], type(None)),
        (TERMINAL, {"JPY_PARENT_PID": "1"}, [], type(None)),  # a cell of a notebook, which replaces no line
        (TERMINAL, {"CLICOLOR_FORCE": "1", "GIT_PAGER": "cat"}, [], type(None)),  # by what ipykernel sets
        (TERMINAL, {"CLICOLOR_FORCE": "1"}, [], TerminalLine),  # a user's own wish for colors
        (TERMINAL, {"GIT_PAGER": "cat"}, [], TerminalLine),
        (TERMINAL, {}, [None], TerminalLine),
        (TERMINAL, {}, [SimpleNamespace()], TerminalLine),  # IPython in a terminal
        (FILE, {}, [KERNEL], NotebookDisplay),
    ],
)
def test_a_screen_is_where_a_person_sees_a_line_replaced(
    monkeypatch: pytest.MonkeyPatch,
    stderr: io.StringIO | None,
    variables: dict[str, str],
    shells: list[object],
    kind: type,
) -> None:
    monkeypatch.setattr(sys, "stderr", stderr)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for shell in shells:
        monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda shell=shell: shell))
    assert isinstance(screen_here(), kind)


@pytest.fixture
def hand(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock by which states are drawn."""
    return Clock().set_in(monkeypatch, "search.driver.attended")


def of(done: int, name: str = "") -> Callable[[], State]:
    return lambda: State(name=name, done=done, total=2, share=done / 2, seconds=3.21)


def test_a_line_is_replaced_and_cut_and_lines_that_stay_are_above(hand: Clock) -> None:
    stream = Terminal()
    with TerminalLine(stream) as screen:
        screen.show(of(1, "one\x1b[31m"))
        screen.say("a warning")
        screen.show(of(2, "x" * 200))
    line = "one [31m: 1 of 2 trials · 3.2 s gone"
    assert stream.getvalue().split("\r\x1b[K") == ["", line, f"a warning\n{line}", f"{'x' * 78}…\n"]


def test_a_stream_that_lacks_a_sign_gets_another() -> None:
    stream = io.TextIOWrapper(raw := io.BytesIO(), "ascii")
    TerminalLine(stream).show(of(1))
    assert raw.getvalue() == b"\r\x1b[K1 of 2 trials ? 3.2 s gone"


def test_a_cell_gets_one_display_which_is_updated(monkeypatch: pytest.MonkeyPatch, hand: Clock) -> None:
    display = Display()
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    with NotebookDisplay() as screen:
        screen.show(of(1))
        screen.say("<b>odd</b>")
        screen.show(of(2))
    first, last = "1 of 2 trials · 3.2 s gone", "2 of 2 trials · 3.2 s gone"
    assert [content["text/plain"] for content in display.made] == [first]
    assert [content["text/plain"] for content in display.updated] == [f"<b>odd</b>\n{first}", f"<b>odd</b>\n{last}"]
    assert display.updated[-1]["text/html"] == (
        f'&lt;b&gt;odd&lt;/b&gt;<br><progress max="1" value="1.0000"></progress> {last}'
    )


BEST = TrialRecord(
    number=3, state="COMPLETE", reason="complete", params={}, config={}, seed=0, slot=0, logical_start=0, costs=(1,),
    reports=(Report(value=0.987654321, metrics={}, weights="", measured={"seconds": 1.0}),),
)  # fmt: skip
BEGUN = Progress(
    budget=20, finished=0, complete=0, pruned=0, failed=0, infeasible=1, running=(), best=None, seconds=3.21,
    saved_periods=0, total_periods=0, order_cost=0.0,
)  # fmt: skip
LATER = replace(BEGUN, finished=12, complete=4, pruned=8, best=BEST, seconds_left=250.0)
HEADER = Header(
    name="fake-0", spec=fake.make_spec(Random(), NoPruner(), 1, 0), workers=2, budget=20, resumed=False
)  # fmt: skip


class Shown(Screen):
    """A screen that keeps what it shows."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def _draw(self, state: State) -> None:
        self.lines.append(state.line)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Shown:
    """Return the screen that there is."""
    shown = Shown()
    monkeypatch.setattr(attended, "screen_here", lambda: shown)
    return shown


@pytest.mark.parametrize(
    ("own", "progress", "shows"),
    [(Observer(), None, True), (Observer(), False, False), (fake.Heard(), None, False), (fake.Heard(), True, True)],
)
def test_progress_is_shown_unless_there_is_an_observer_or_the_caller_decides(
    screen: Shown, own: Observer, progress: bool | None, shows: bool
) -> None:
    with watched(own, progress) as observer:
        observer.on_start(HEADER)
        observer.on_notice("waiting for the database")
        observer.on_progress(LATER)
    assert (bool(screen.lines), screen.said) == (shows, ["waiting for the database"] * shows)
    assert not isinstance(own, fake.Heard) or own.notices == ["waiting for the database"]


def test_without_a_screen_the_observer_stays_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attended, "screen_here", lambda: None)
    own = fake.Heard()
    with watched(own, progress=True) as observer:
        assert observer is own


def test_the_line_has_counts_the_best_and_the_time_and_is_drawn_not_more_often_than_it_is_read(
    screen: Shown, hand: Clock
) -> None:
    with watched(Observer(), None, "{:.0%}".format) as observer:
        observer.on_start(HEADER)
        hand.now += 10
        observer.on_progress(BEGUN)
        for finished in range(12, 20):
            observer.on_progress(replace(LATER, finished=finished))
            hand.now += EVERY / 4
        observer.on_progress(replace(LATER, finished=20))
    found = "4 complete, 8 pruned (and 1 infeasible) · best 99% (#3) · "
    assert screen.lines == [
        "fake-0: 0 of 20 trials · (and 1 infeasible) · 10 s gone",
        f"fake-0: 16 of 20 trials · {found}10 s gone, about 4 min 10 s left",
        f"fake-0: 20 of 20 trials · {found}10 s gone",
        f"fake-0: 20 of 20 trials · {found}10 s gone",
    ]


def test_the_clock_runs_down_until_the_search_takes_much_longer(hand: Clock) -> None:
    timing = Timing()
    left = []
    for at, expected in ((0, None), (0, 60.0), (0, 50.0), (0, 60.0), (5, None), (5, 70.0), (76, 1.5), (90, None)):
        hand.now = at
        timing.expect(expected)
        left.append(timing.left)
    assert (left, timing.seconds) == ([None, 60.0, 50.0, 50.0, 45.0, 70.0, 1.5, 0.0], 90.0)


SCRIPT = """
import sys
from pathlib import Path
from support import search_fake as fake

fake.run(Path(sys.argv[1]), budget=6, progress=None)
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
