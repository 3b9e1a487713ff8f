"""The observer that logs a search, and logging a study afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any, assert_never

from search.database import file_lock
from search.driver.progress import Header, Observer, Progress
from search.driver.tracking.channel import Channel
from search.driver.tracking.mlflow_runs import MlflowRuns
from search.driver.tracking.names import TrackerName, trackers
from search.driver.tracking.subject import Sink, Subject
from search.driver.tracking.tensorboard_files import TensorBoardFiles
from search.errors import SearchError, StorageError
from search.event_log import StudyRecord, TrialRecord
from search.messages import command_line
from search.study import StoredStudy, StudyLocation


class Tracking(Observer):
    """Logs a search to several programs; a failure is a notice, never an error of the search."""

    def __init__(
        self, names: tuple[TrackerName, ...], location: StudyLocation, notice: Callable[[str], object]
    ) -> None:
        """Log the study at a location; `notice` informs the user, in the driver's thread."""
        self._names = names
        self._location = location
        self._notice = notice
        self._channels: list[Channel] = []
        self._told: set[TrackerName] = set()
        self._held = ExitStack()

    def on_start(self, header: Header) -> None:
        """Log the trials that an earlier run of the search left."""
        self._begin(header.spec.to_json())
        self._put(header.trials)

    def on_report(self, trial: TrialRecord) -> None:
        """Log a report."""
        self._put([trial])

    def on_end(self, trial: TrialRecord) -> None:
        """Log the end of a trial."""
        self._put([trial])

    def on_progress(self, progress: Progress) -> None:
        """Tell the user of a program that cannot be reached, once."""
        for channel in self._channels:
            if channel.fault is not None and channel.name not in self._told:
                self._told.add(channel.name)
                self._notice(
                    f"The search cannot be logged to {channel.name} now ({channel.reason}); it continues, and logging "
                    "is tried again."
                )

    def finish(self, study: StoredStudy) -> None:
        """Log all of a study that has ended or was stopped, and wait until this is done."""
        self._begin(study.spec)
        self._put(study.trials)
        self._close(study)

    def close(self) -> None:
        """Wait until all that was put is logged."""
        self._close(None)

    @property
    def failed(self) -> list[Channel]:
        """The programs to which not all could be logged."""
        return [channel for channel in self._channels if not channel.complete]

    def begin(self, spec: Mapping[str, Any]) -> None:
        """Begin to log a study with this stored specification, unless this has begun.

        Raises:
            StudyLockedError: another process logs the study.
            StorageError: the study's folder cannot be written.
        """
        if self._channels:
            return
        subject = Subject(self._location, spec)
        for name in self._names:
            what = f"The log of study {self._location.name} to {name}"
            self._held.enter_context(file_lock.driver_lock(self._location.files.log_lock(name), what))
            self._channels.append(Channel(name, _sink(name, subject)))

    def _begin(self, spec: Mapping[str, Any]) -> None:
        try:
            self.begin(spec)
        except SearchError as error:
            self._names = ()
            self._notice(f"The search is not logged: {error}")

    def _put(self, trials: Sequence[TrialRecord]) -> None:
        for channel in self._channels:
            channel.put(trial for trial in trials if trial.is_trained)

    def _close(self, study: StudyRecord | None) -> None:
        with self._held:
            for channel in self._channels:
                channel.close(study)


@contextmanager
def tracked(names: Sequence[str], location: StudyLocation, notice: Callable[[str], object]) -> Iterator[Tracking]:
    """Yield the observer that logs the search of a study, and wait in the end until all is logged.

    Raises:
        UsageError: a name is wrong, or its package is not installed.
    """
    tracking = Tracking(trackers(names), location, notice)
    try:
        yield tracking
    finally:
        tracking.close()
        for channel in tracking.failed:
            notice(_unlogged(channel, location))


def log_study(study: StoredStudy, names: Sequence[str]) -> None:
    """Log a study, finished or not, as `search --log` does while it runs; the parts that are logged are left as they
    are.

    Raises:
        UsageError: a name is wrong, its package is not installed, or the folder is another study's.
        StudyLockedError: another process logs the study.
        StorageError: it cannot be logged.
    """
    tracking = Tracking(trackers(names), replace(study.location, folder=study.files.path), lambda text: None)
    tracking.begin(study.spec)
    tracking.finish(study)
    for channel in tracking.failed:
        raise StorageError(_unlogged(channel, study.location)) from channel.fault


def _unlogged(channel: Channel, location: StudyLocation) -> str:
    command = command_line(["mnist-bench", "studies", "log", location.name, channel.name, *location.words])
    return (
        f"Not all of study {location.name} is logged to {channel.name} ({channel.reason}); `{command}` logs the rest."
    )


def _sink(name: TrackerName, subject: Subject) -> Sink:
    match name:
        case "tensorboard":
            return TensorBoardFiles(subject)
        case "mlflow":
            return MlflowRuns(subject)
        case _:
            assert_never(name)
