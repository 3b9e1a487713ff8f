"""What functions of the API need: arguments in every form that they accept, and progress that can be stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from mnist_bench import cells
from mnist_bench.errors import Stopped
from mnist_bench.experiments.trainings import Observer, Task
from mnist_bench.options import workers_for
from mnist_bench.studies.checked import device_like, find_trial
from mnist_bench.value_kind import kind_of
from search.arguments import check_whole
from search.driver.attended import Screen, screen_here
from search.driver.interrupts import interruptible
from search.errors import Interrupted
from search.event_log.records import StudyRecord, TrialRecord
from search.trainer_api import Report

T = TypeVar("T")


def chosen(study: StudyRecord, trial: TrialRecord | int | None) -> TrialRecord:
    """Return the trial of that number, or the best; UsageError if it is no number, StudyNotFoundError if it is none."""
    if isinstance(trial, TrialRecord):
        return trial
    if trial is not None:
        check_whole("trial", trial)
    return find_trial(study, trial)


def as_path(path: str | Path | None) -> Path | None:
    """Return an optional path as a `Path`."""
    return None if path is None else Path(path)


def workers_like(study: StudyRecord, device: str, given: int | None) -> int:
    """Return the number of processes that is given, or that suits a study's trainer and device."""
    of_nets = kind_of(study.spec).of_nets
    return workers_for(device_like(study.spec["numerics"], device) if of_nets else "cpu", given)


@contextmanager
def attended(observer: Observer | None, progress: bool | None) -> Iterator[Observer]:
    """Yield the observer of an experiment, which shows the progress on this screen too, and stops at Ctrl-C.

    `progress` is None to show it unless there is an observer of the caller's. Nothing is shown without a screen.

    Raises:
        Interrupted: the experiment was stopped so.
    """
    wanted = observer is None if progress is None else progress
    shown = _Attended(observer or Observer(), screen_here() if wanted else None)
    try:
        with interruptible(shown.say) as interrupted:
            shown.interrupted = interrupted
            try:
                yield shown
            except Stopped:
                if interrupted():
                    raise Interrupted("Stopped before the end; the same call continues.") from None
                raise
    finally:
        shown.close()


class _Attended(Observer):
    """Hands everything to the caller's observer, and shows the number of runs and the last news."""

    def __init__(self, observer: Observer, screen: Screen | None) -> None:
        self._observer = observer
        self._screen = screen
        self._started = time.monotonic()
        self._about = self._ended = 0
        self.interrupted: Callable[[], bool] = lambda: False
        """Whether Ctrl-C asks to stop."""

    def say(self, text: str) -> None:
        """Show a line that stays."""
        if self._screen is not None:
            self._screen.say(text)

    def on_start(self, runs: int, seconds: float | None) -> None:
        """Show the number of runs."""
        self._about += runs
        self._show("" if seconds is None else f"about {cells.duration(seconds)} if none was trained before")
        self._observer.on_start(runs, seconds)

    def on_run(self, run: Task, reports: Sequence[Report]) -> None:
        """Count the run."""
        self._ended += 1
        self._show(run.title)
        self._observer.on_run(run, reports)

    def on_news(self, text: str) -> None:
        """Show the news."""
        self._show(text)
        self._observer.on_news(text)

    def stopping(self) -> bool:
        """Return whether the caller's observer or Ctrl-C asks to stop."""
        return self._observer.stopping() or self.interrupted()

    def close(self) -> None:
        """Leave the screen as it is."""
        if self._screen is not None:
            self._screen.close()

    def _show(self, text: str) -> None:
        if self._screen is not None:
            runs = f"{self._ended} of about {self._about} runs"
            self._screen.show(f"{runs} · {cells.duration(time.monotonic() - self._started)} · {text}")
