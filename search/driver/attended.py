"""Work that a person watches: its state in words, and the screens of Python that show it, a terminal or a notebook."""

from __future__ import annotations

import html
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Self, TextIO

from search.driver.progress import Header, Observer, Observers, Progress
from search.event_log.records import besides
from search.messages import duration, number_of, on_one_line, shortened

CLEAR = "\r\x1b[K"  # goes to the beginning of a line and empties it
WIDTH = 80  # cells of a terminal that does not say its width
EVERY = 0.25  # seconds between two drawings. A notebook keeps every update that it has not drawn yet.
SEPARATOR = " · "
RISE, SLACK = 1.25, 3.0
"""Factor, and seconds, by which the time left must grow before a later end replaces the one on the screen: the clock
then runs down, and does not rise at every period that takes longer than estimated."""


# What is shown


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A trial or a run under way."""

    name: str
    trains: bool  # or it waits
    values: tuple[float | None, ...]  # of its reports
    words: str  # how far it is
    settings: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """Work at one moment, in words. Each screen shows what it has room for."""

    seconds: float  # so far
    left: float | None = None  # seconds, as far as they are known
    name: str = ""  # of the study
    unit: str = "trial"  # what is counted
    done: int = 0
    total: int = 0  # 0 before it is known
    share: float = 0.0  # of the work, 0..1
    ends: str = ""  # how many ended how
    news: str = ""  # the best so far, or the latest, in a few words
    head: Sequence[str] = ()  # what is done with what: parts of a line
    notable: Sequence[str] = ()  # lines about what stands out, such as the best trial
    running: Sequence[Row] = ()
    more: int = 0  # run, and have no row
    concurrent: int = 0  # how many run at most
    below: str = ""

    @property
    def rest(self) -> str:
        """About how long it still takes, if it is known and not over."""
        if self.left is None or self.done >= self.total:
            return ""
        return f"about {duration(self.left) if self.left > 10 else f'{self.left:.0f} s'} left"

    @property
    def time(self) -> str:
        """How long it took, and how long it still takes."""
        return ", ".join(filter(None, (f"{duration(self.seconds)} gone", self.rest)))

    @property
    def line(self) -> str:
        """All of it in one line."""
        counted = f"{self.done} of {number_of(self.total, self.unit)}" if self.total else ""
        words = SEPARATOR.join(filter(None, (counted, self.ends, self.news, self.time)))
        return f"{self.name}: {words}" if self.name else words


class Timing:
    """How long work takes, by the monotonic clock."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._end: float | None = None

    @property
    def seconds(self) -> float:
        """Seconds since it was made."""
        return time.monotonic() - self._begun

    @property
    def left(self) -> float | None:
        """Seconds to the expected end; None without an estimate."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())

    def expect(self, left: float | None) -> None:
        """Take a new estimate of the seconds left; one that is hardly later than the one before changes nothing."""
        now, shown = time.monotonic(), self._end
        if left is None or (shown is not None and now < shown < now + left < now + RISE * (shown - now) + SLACK):
            return
        self._end = now + left


# Where it is shown


class Screen:
    """A place where a person sees the state of work, and lines that stay. This one shows nothing."""

    def __init__(self) -> None:
        self._state: Callable[[], State] | None = None
        self._next = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Show the last state, which stays."""
        if self._state is not None:
            self._draw(self._state())

    def show(self, state: Callable[[], State]) -> None:
        """Show the state that a function returns from now on, drawn not more often than anybody reads."""
        self._state = state
        if time.monotonic() >= self._next:
            self._draw(state())
            self._next = time.monotonic() + EVERY

    def say(self, text: str) -> None:
        """Show a line that stays."""

    def ended(self, text: str) -> None:
        """Take a line about a trial or a run that has ended; where the state is redrawn, it says so."""

    def _draw(self, state: State) -> None:
        """Replace what is shown of the state before."""


class TerminalLine(Screen):
    """The last line of a terminal."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._shown = ""

    def __exit__(self, *_: object) -> None:
        """Begin a new line, if there is something on this one."""
        super().__exit__()
        self._write("\n" if self._shown else CLEAR)

    def say(self, text: str) -> None:
        """Print a line above."""
        self._write(f"{CLEAR}{on_one_line(text)}\n{self._shown}")

    def _draw(self, state: State) -> None:
        """Replace the line; a longer text is cut."""
        try:
            width = os.get_terminal_size(self._stream.fileno()).columns or WIDTH
        except OSError:
            width = WIDTH
        self._shown = shortened(on_one_line(state.line), max(1, width - 1))
        self._write(f"{CLEAR}{self._shown}")

    def _write(self, text: str) -> None:
        encoding = self._stream.encoding or "utf-8"
        self._stream.write(text.encode(encoding, "replace").decode(encoding))
        self._stream.flush()


class NotebookDisplay(Screen):
    """One output of the running cell, which is updated: however long the work, the cell does not grow."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[str] = []
        self._text, self._bar = "", ""
        self._handle: Any = None

    def say(self, text: str) -> None:
        """Add a line above the text."""
        self._lines.append(text)
        self._update()

    def _draw(self, state: State) -> None:
        self._bar = f'<progress max="1" value="{state.share:.4f}"></progress> ' if state.total else ""
        self._text = state.line
        self._update()

    def _update(self) -> None:
        """Update the display; the first text makes it."""
        marked = [*map(html.escape, self._lines), f"{self._bar}{html.escape(self._text)}"]
        content = {"text/plain": "\n".join([*self._lines, self._text]), "text/html": "<br>".join(marked)}
        if self._handle is None:
            self._handle = import_module("IPython.display").display(content, raw=True, display_id=True)
        else:
            self._handle.update(content, raw=True)


def screen_here() -> Screen | None:
    """Return the place where a person sees progress now; None if the output goes elsewhere, such as into a file."""
    if _is_kernel():
        return NotebookDisplay()
    stream: TextIO | None = sys.stderr
    if stream is None or not stream.isatty() or os.environ.get("TERM") == "dumb" or is_command_in_cell():
        return None
    return TerminalLine(stream)


def is_command_in_cell() -> bool:
    """Return whether this process is a command in a cell, such as `!mnist-bench studies`.

    Its output looks like a terminal, but a notebook neither moves a cursor nor replaces a line. Kernels that Jupyter
    starts have the first variable; ipykernel sets the other two for every command.
    """
    is_ipykernels = os.environ.get("CLICOLOR_FORCE") == "1" and os.environ.get("GIT_PAGER") == "cat"
    return "JPY_PARENT_PID" in os.environ or is_ipykernels


def _is_kernel() -> bool:
    """Return whether this process is the kernel of a notebook. IPython in a terminal is not a kernel."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")


# What makes states of events


class Watching(Observer):
    """Shows a search on a screen."""

    def __init__(self, screen: Screen, value_words: Callable[[float], str] = "{:.6g}".format) -> None:
        """`value_words` returns a trial's value as it is shown."""
        self.screen = screen
        self._value_words = value_words
        self._timing = Timing()
        self._name = ""

    def on_start(self, header: Header) -> None:
        """Keep the study's name, and count the time from now on."""
        self._name, self._timing = header.name, Timing()

    def on_progress(self, progress: Progress) -> None:
        """Show it from now on."""
        self._timing.expect(progress.seconds_left)
        self.screen.show(lambda: self.state(progress))

    def on_notice(self, text: str) -> None:
        """Show a line that stays."""
        self.screen.say(text)

    def state(self, progress: Progress) -> State:
        """Return the state of the search."""
        counts = {"complete": progress.complete, "pruned": progress.pruned, "failed": progress.failed}
        ends = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
        best = progress.best
        return State(
            name=self._name,
            done=progress.finished,
            total=progress.budget,
            share=progress.finished / progress.budget,
            ends=(ends + besides({"infeasible": progress.infeasible})).strip(),
            news="" if best is None or best.value is None else f"best {self._value_words(best.value)} (#{best.number})",
            seconds=self._timing.seconds,
            left=self._timing.left,
        )


@contextmanager
def watched(
    observer: Observer, progress: bool | None, value_words: Callable[[float], str] = "{:.6g}".format
) -> Iterator[Observer]:
    """Yield an observer that shows the progress of a search on this screen, in addition to what `observer` does.

    That is the caller's, or an `Observer` itself if there is none. `progress` is None to show it unless there is an
    observer of the caller's. Nothing is shown without a screen. `value_words`: as in `Watching`.
    """
    wanted = type(observer) is Observer if progress is None else progress
    screen = screen_here() if wanted else None
    if screen is None:
        yield observer
        return
    with screen:
        yield Observers((Watching(screen, value_words), observer))
