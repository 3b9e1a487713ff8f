"""What functions of the API need: arguments in every form that they accept, and progress that can be stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from mnist_bench import cells
from mnist_bench.config.schedule import leaves_validation
from mnist_bench.config.values import from_json
from mnist_bench.errors import Stopped
from mnist_bench.experiments.trainings import Observer, Running, Task, Workplace
from mnist_bench.options import OwnNetSource, loaded_net, workers_for
from mnist_bench.studies.checked import device_like, find_trial
from mnist_bench.value_kind import kind_of
from search.arguments import check_whole
from search.driver.attended import Row, Screen, State, Timing, screen_here
from search.driver.interrupts import interruptible
from search.errors import Interrupted
from search.event_log.records import StudyRecord, TrialRecord
from search.messages import number_of
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
    with (wanted and screen_here()) or Screen() as screen, interruptible(screen.say) as interrupted:
        try:
            yield WatchedRuns(screen, interrupted, observer)
        except Stopped:
            if interrupted():
                raise Interrupted("Stopped before the end; the same call continues.") from None
            raise


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
    """Yield where an experiment on a study trains, `attended`, in as many processes as suit its trainer and device."""
    of_nets = kind_of(study.spec).of_nets
    count = workers_for(device_like(study.spec["numerics"], device) if of_nets else "cpu", workers)
    own = loaded_net(net)
    with attended(observer, progress) as watching:
        yield Workplace(observer=watching, workers=count, device=device, data_dir=as_path(data), net=own)


class WatchedRuns(Observer):
    """Shows the runs of an experiment on a screen, and hands everything to another observer."""

    def __init__(
        self, screen: Screen, stopping: Callable[[], bool] = lambda: False, observer: Observer | None = None
    ) -> None:
        self._screen = screen
        self._interrupted = stopping
        self._observer = observer or Observer()
        self._timing = Timing()
        self._cost = self._cost_done = 0  # of all runs, and of those that ended
        self._kept: dict[tuple[str, int], int] = {}  # by identity and seed, the cost of what was trained before
        self._total = self._ended = 0
        self._share = 0.0
        self._news = ""
        self._shown: object = None  # what has changed since is worth a drawing; that time passes is not

    def on_start(self, runs: Sequence[Task], seconds: float | None) -> None:
        """Show how many runs follow, and about how long they take."""
        if not self._total:
            self._timing = Timing()  # of the training, without the time before
        self._total += len(runs)
        self._cost += sum(sum(run.costs) for run in runs)
        self._timing.expect(seconds)
        if runs and seconds is not None:
            self._screen.say(f"{number_of(len(runs), 'run')} to train, about {cells.duration(seconds)}")
        self._observer.on_start(runs, seconds)

    def on_run(self, run: Task, reports: Sequence[Report]) -> None:
        """Count the run, and show its result."""
        self._ended += 1
        self._cost_done += sum(run.costs)
        outcome = ", ".join(
            filter(None, (_outcome(run, reports[-1]), f"trained in {cells.duration(_seconds(reports))}"))
        )
        self._news = f"{run.title}: {outcome}"
        self._screen.ended(self._news)
        self._observer.on_run(run, reports)

    def on_progress(self, running: Running) -> None:
        """Show the runs under way from now on."""
        done = self._cost_done
        for run, reports in running:
            trained = sum(run.costs[: len(reports)])
            self._kept.setdefault((run.identity, run.seed), trained)
            done += trained
        if done:
            self._share = done / max(done, self._cost)  # runs may come that were not announced
        if here := done - sum(self._kept.values()):
            self._timing.expect(self._timing.seconds * max(0, self._cost - done) / here)
        now = self._ended, [(run.title, len(reports)) for run, reports in running]
        if now != self._shown:
            self._shown = now
            self._screen.show(lambda: self._state(running))
        self._observer.on_progress(running)

    def on_notice(self, text: str) -> None:
        """Show a line that stays."""
        self._screen.say(text)
        self._observer.on_notice(text)

    def stopping(self) -> bool:
        """Return whether the other observer or Ctrl-C asks to stop."""
        return self._observer.stopping() or self._interrupted()

    def _state(self, running: Running) -> State:
        return State(
            unit="run",
            done=self._ended,
            total=max(self._total, self._ended),
            share=self._share,
            news=self._news,
            notable=[f"last  {self._news}"] if self._news else [],
            running=[_row(run, reports) for run, reports in running],
            concurrent=len(running),
            seconds=self._timing.seconds,
            left=self._timing.left,
        )


def _seconds(reports: Sequence[Report]) -> float:
    return sum(report.seconds for report in reports)


def _row(run: Task, reports: Sequence[Report]) -> Row:
    unit, done, total = "report", float(len(reports)), len(run.costs)
    if run.of_net:
        unit, total = "epoch", from_json(run.config).epochs
        done = float(reports[-1].metrics["epoch"] or 0) if reports else 0.0
    words = f"{f'{unit} {done:g}/{total:g}':<11}"
    if done:
        words += f"  {_outcome(run, reports[-1])}  {cells.duration(_seconds(reports) / done)}/{unit}"
    return Row(name=run.title, trains=True, values=tuple(report.value for report in reports), words=words)


def _outcome(run: Task, last: Report) -> str:
    """Return the accuracy or value of a run; empty for a network that was trained on the validation images."""
    if last.end not in (None, "finished"):
        return last.end.replace("_", " ")
    if "test_accuracy" in last.metrics:
        return f"{cells.percent(last.metrics['test_accuracy'])} on the test images"
    if not run.of_net:
        return cells.value(last.value)
    if leaves_validation(from_json(run.config).train_on):
        return f"{cells.percent(last.value)} ({last.metrics['errors']} errors)"
    return ""
