"""What functions of the API need: arguments in every form that they accept, and progress that can be stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from mnist_bench import cells
from mnist_bench.config.schedule import leaves_validation
from mnist_bench.config.values import from_json
from mnist_bench.errors import Stopped
from mnist_bench.experiments.trainings import Observer, Task, Workplace
from mnist_bench.options import OwnNetSource, loaded_net, workers_for
from mnist_bench.studies.checked import device_like, find_trial
from mnist_bench.value_kind import kind_of
from search.arguments import check_whole
from search.driver.attended import screen_here
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


@contextmanager
def attended(observer: Observer | None, progress: bool | None) -> Iterator[Observer]:
    """Yield the observer of an experiment, which shows the progress on this screen too, and stops at Ctrl-C.

    `progress` is None to show it unless there is an observer of the caller's. Nothing is shown without a screen.

    Raises:
        Interrupted: the experiment was stopped so.
    """
    wanted = observer is None if progress is None else progress
    screen = screen_here() if wanted else None
    try:
        with interruptible(screen.say if screen else _nowhere) as interrupted:
            try:
                yield Shown(screen.show if screen else _nowhere, interrupted, observer or Observer())
            except Stopped:
                if interrupted():
                    raise Interrupted("Stopped before the end; the same call continues.") from None
                raise
    finally:
        if screen is not None:
            screen.close()


@contextmanager
def workplace_of(
    study: StudyRecord,
    observer: Observer | None,
    progress: bool | None,
    *,
    workers: int | None,
    device: str,
    data: str | Path | None,
    net: OwnNetSource,
) -> Iterator[Workplace]:
    """Yield where an experiment on a study trains, `attended`, in as many processes as its trainer and device suit."""
    of_nets = kind_of(study.spec).of_nets
    count = workers_for(device_like(study.spec["numerics"], device) if of_nets else "cpu", workers)
    own = loaded_net(net)
    with attended(observer, progress) as watching:
        yield Workplace(observer=watching, workers=count, device=device, data_dir=as_path(data), net=own)


def _nowhere(text: str) -> None:
    """Show a text where there is no screen."""


class Shown(Observer):
    """Shows the number of runs and each piece of news, and hands everything to another observer."""

    def __init__(self, show: Callable[[str], None], stopping: Callable[[], bool], observer: Observer) -> None:
        self._show_text = show
        self._interrupted = stopping
        self._observer = observer
        self._started = time.monotonic()
        self._about = self._ended = 0

    def on_start(self, runs: int, seconds: float | None) -> None:
        """Show the number of runs."""
        self._about += runs
        self._show("start" if seconds is None else f"about {cells.duration(seconds)} if none was trained before")
        self._observer.on_start(runs, seconds)

    def on_run(self, run: Task, reports: Sequence[Report]) -> None:
        """Count the run, and show its result."""
        self._ended += 1
        trained = f"trained in {cells.duration(sum(report.seconds for report in reports))}"
        self._show(f"{run.title}: {', '.join([*_outcome(run, reports[-1]), trained])}")
        self._observer.on_run(run, reports)

    def on_news(self, text: str) -> None:
        """Show the news."""
        self._show(text)
        self._observer.on_news(text)

    def stopping(self) -> bool:
        """Return whether the other observer or Ctrl-C asks to stop."""
        return self._observer.stopping() or self._interrupted()

    def _show(self, text: str) -> None:
        runs = f"{self._ended} of about {self._about} runs · " if self._about else ""
        self._show_text(f"{runs}{cells.duration(time.monotonic() - self._started)} · {text}")


def _outcome(run: Task, last: Report) -> list[str]:
    """Return the accuracy or value of a run; empty for a network that was trained on the validation images."""
    if last.end not in (None, "finished"):
        return [last.end.replace("_", " ")]
    if "test_accuracy" in last.metrics:
        return [f"{cells.percent(last.metrics['test_accuracy'])} on the test images"]
    if not run.of_net:
        return [cells.value(last.value)]
    if leaves_validation(from_json(run.config).train_on):
        return [f"{cells.percent(last.value)} ({last.metrics['errors']} errors)"]
    return []
