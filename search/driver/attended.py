"""The progress of a search that a person watches, on one line of a terminal or in a notebook."""

from __future__ import annotations

import html
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, TextIO

from search.driver.progress import Header, Observer, Observers, Progress
from search.messages import duration, number_of, on_one_line, shortened

CLEAR = "\r\x1b[K"  # goes to the beginning of a line and empties it
WIDTH = 80  # cells of a terminal that does not say its width


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


class TerminalLine:
    """The last line of a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shown = ""

    def show(self, text: str, share: float | None = None) -> None:
        """Replace the line; a longer text is cut."""
        try:
            width = os.get_terminal_size(self._stream.fileno()).columns or WIDTH
        except OSError:
            width = WIDTH
        self._shown = shortened(on_one_line(text), max(1, width - 1))
        self._write(f"{CLEAR}{self._shown}")

    def say(self, text: str) -> None:
        """Print a line above."""
        self._write(f"{CLEAR}{on_one_line(text)}\n{self._shown}")

    def close(self) -> None:
        """Begin a new line, if there is something on this one."""
        self._write("\n" if self._shown else CLEAR)

    def _write(self, text: str) -> None:
        encoding = self._stream.encoding or "utf-8"
        self._stream.write(text.encode(encoding, "replace").decode(encoding))
        self._stream.flush()


class NotebookDisplay:
    """One output of the running cell, which is updated: however long the work, the cell does not grow."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._shown: tuple[str, float | None] = ("", None)
        self._handle: Any = None

    def show(self, text: str, share: float | None = None) -> None:
        """Update the display; the first text makes it."""
        self._shown = (text, share)
        content = self._content()
        if self._handle is None:
            self._handle = import_module("IPython.display").display(content, raw=True, display_id=True)
        else:
            self._handle.update(content, raw=True)

    def say(self, text: str) -> None:
        """Add a line above the text."""
        self._lines.append(text)
        self.show(*self._shown)

    def close(self) -> None:
        """The display stays in the notebook as it is."""

    def _content(self) -> dict[str, str]:
        text, share = self._shown
        bar = "" if share is None else f'<progress max="1" value="{share:.4f}"></progress> '
        marked = [*map(html.escape, self._lines), f"{bar}{html.escape(text)}"]
        return {"text/plain": "\n".join([*self._lines, text]), "text/html": "<br>".join(marked)}


Screen = TerminalLine | NotebookDisplay
"""Shows one text, which is replaced by the next, and how much of the work is done (0..1); and lines that stay."""
EVERY = 0.25  # seconds between two drawings. A notebook keeps every update that it has not drawn yet.
SEPARATOR = " · "


@contextmanager
def watched(
    observer: Observer, progress: bool | None, value_words: Callable[[float], str] = "{:.6g}".format
) -> Iterator[Observer]:
    """Yield an observer that shows the progress of a search on this screen, in addition to what `observer` does.

    Nothing is shown without a screen; see `screen_here`.

    Args:
        observer: the one that the caller of a search gave; an `Observer` itself if there is none.
        progress: whether to show it; None to show it unless there is an observer of the caller's.
        value_words: returns a trial's value as it is shown.
    """
    wanted = type(observer) is Observer if progress is None else progress
    screen = screen_here() if wanted else None
    if screen is None:
        yield observer
        return
    shown = _Shown(screen, value_words)
    try:
        yield Observers((shown, observer))
    finally:
        shown.close()


def line(progress: Progress, value_words: Callable[[float], str] = "{:.6g}".format) -> str:
    """Return the progress of a search in one line."""
    counts = {"complete": progress.complete, "pruned": progress.pruned, "failed": progress.failed}
    words = [f"{progress.finished} of {number_of(progress.budget, 'trial')}"]
    words += [", ".join(f"{count} {word}" for word, count in counts.items() if count)] if progress.finished else []
    if progress.best is not None and progress.best.value is not None:
        words.append(f"best {value_words(progress.best.value)} (#{progress.best.number})")
    words.append(duration(progress.seconds))
    if progress.seconds_left is not None and progress.finished < progress.budget:
        words[-1] += f", about {duration(progress.seconds_left)} left"
    return SEPARATOR.join(words)


class _Shown(Observer):
    """Shows the progress on a screen, and draws not more often than anybody reads."""

    def __init__(self, screen: Screen, value_words: Callable[[float], str]) -> None:
        self._screen = screen
        self._value_words = value_words
        self._name = ""
        self._progress: Progress | None = None
        self._next = 0.0

    def on_start(self, header: Header) -> None:
        """Keep the study's name for the line."""
        self._name = header.name

    def on_progress(self, progress: Progress) -> None:
        """Draw it, if the last drawing is old enough."""
        self._progress = progress
        if time.monotonic() >= self._next:
            self._draw()

    def on_warning(self, text: str) -> None:
        """Show a line that stays."""
        self._screen.say(text)

    def on_notice(self, text: str) -> None:
        """Show a line that stays."""
        self._screen.say(text)

    def close(self) -> None:
        """Draw the last progress, which stays."""
        self._draw()
        self._screen.close()

    def _draw(self) -> None:
        if self._progress is not None:
            share = self._progress.finished / max(1, self._progress.budget)
            self._screen.show(f"{self._name}: {line(self._progress, self._value_words)}", share)
            self._next = time.monotonic() + EVERY
