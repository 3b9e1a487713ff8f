"""A search that is watched: its progress in one line of text, on the screen of the person who started it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from search.driver.attended.screens import Screen, screen_here
from search.driver.progress import Header, Observer, Observers, Progress
from search.messages import duration, number_of

EVERY = 0.25
"""Seconds between two drawings. A notebook keeps every update that it has not drawn yet."""
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
    words = [f"{progress.finished} of {number_of(progress.goal, 'trial')}"]
    words += [", ".join(f"{count} {word}" for word, count in counts.items() if count)] if progress.finished else []
    if progress.best is not None and progress.best.value is not None:
        words.append(f"best {value_words(progress.best.value)} (#{progress.best.number})")
    words.append(duration(progress.seconds))
    if progress.seconds_left is not None and progress.finished < progress.goal:
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
            share = self._progress.finished / max(1, self._progress.goal)
            self._screen.show(f"{self._name}: {line(self._progress, self._value_words)}", share)
            self._next = time.monotonic() + EVERY
