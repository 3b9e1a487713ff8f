"""Event files of TensorBoard: a folder per trial in the study's folder, with curves, text and a row of HPARAMS.

The records of a trial follow from the trial alone. A file is continued after as many records as it holds, so a search
that was killed doubles no point, and a TensorBoard that reads the file continues to read it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from io import BufferedWriter, BytesIO, FileIO
from pathlib import Path
from typing import Any, assert_never

from search.driver.tracking.subject import Subject, begin_of, time_of
from search.event_log import StudyRecord, TrialRecord
from search.files import make_folder, open_to_append, own
from search.hashed import Reason
from search.messages import number, number_of
from search.trainer_api import Report

FILE = "events.out.tfevents.mnist-bench"
"""Name of each event file; TensorBoard finds it by the word tfevents."""
HEADS = 2
"""Records before those of the reports: the version of the format, and the hyperparameters."""
LENGTH, CHECK = 8, 4
"""Bytes of a record's length and of a checksum; a record is a length, its checksum, the data, their checksum."""


@dataclass(frozen=True, slots=True)
class TensorBoardFiles:
    """The event files of a study."""

    subject: Subject
    _records: dict[int, int] = field(default_factory=dict)
    """Records in the file of each trial that this process has written to."""

    def write(self, trial: TrialRecord) -> None:
        """Add the records of a trial that its file lacks; a trial without a report has none until it ends.

        Raises:
            StorageError, UsageError, OSError: the file cannot be written.
        """
        if not trial.reports and trial.state == "RUNNING":
            return
        with _appended(self._folder(str(trial.number))) as file:
            known = self._records.pop(trial.number, None)  # counted anew if this write fails
            done = _whole_records(file) if known is None else known
            new = list(self._events(trial, done))
            _add(file, new)
        self._records[trial.number] = done + len(new)

    def finish(self, study: StudyRecord) -> None:
        """Add the digest and the best trial of the study as a text, unless this digest is the last one there.

        Raises:
            StorageError, UsageError, OSError: the file cannot be written.
        """
        best = study.best
        lines = [f"digest {study.digest}", f"{number_of(len(study.finished()), 'trial')} of {study.totals[-1]}"]
        lines += [] if best is None else [f"best trial {best.number}: {number(best.value)}"]
        with _appended(self._folder("study")) as file:
            file.seek(0)
            if study.digest.encode() in file.readall():
                return
            now = time.time()
            new = [] if _whole_records(file) else [_event(now, file_version="brain.Event:2")]
            _add(file, [*new, _event(now, step=len(study.finished()), value=[_text("study", lines)])])

    def _folder(self, run: str) -> Path:
        folder = own(own(self.subject.location.files.tensorboard) / run)
        make_folder(folder)
        return folder

    def _events(self, trial: TrialRecord, done: int) -> Iterator[bytes]:
        """Yield the records of a trial after the first `done`."""
        began = begin_of(trial) if trial.reports else time.time()
        yield from [_event(began, file_version="brain.Event:2"), self._session_start(trial, began)][done:]
        for step, report in list(enumerate(trial.reports, start=1))[max(done - HEADS, 0) :]:
            yield self._report(report, step)
        if trial.state != "RUNNING" and done <= HEADS + len(trial.reports):
            yield _end(trial, time_of(trial.reports[-1]) if trial.reports else began)

    def _session_start(self, trial: TrialRecord, began: float) -> bytes:
        hparams = import_module("tensorboard.plugins.hparams.plugin_data_pb2")
        name = f"{self.subject.location.name}/{trial.number}"
        info = hparams.SessionStartInfo(group_name=name, start_time_secs=began)
        for path, value in trial.params.items():
            match value:
                case bool():
                    info.hparams[path].bool_value = value
                case int() | float():
                    info.hparams[path].number_value = value
                case _:
                    info.hparams[path].string_value = str(value)
        return _event(began, value=[_hparams("session_start_info", info)])

    def _report(self, report: Report, step: int) -> bytes:
        figures = self.subject.figures(report).items()
        return _event(time_of(report), step=step, value=[{"tag": tag, "simple_value": value} for tag, value in figures])


def _end(trial: TrialRecord, at: float) -> bytes:
    hparams = import_module("tensorboard.plugins.hparams.plugin_data_pb2")
    info = hparams.SessionEndInfo(status=_status(trial.reason), end_time_secs=at)
    lines = [f"{trial.reason}, {number(trial.value)}", f"seed {trial.seed}"]
    lines += [] if trial.error is None else [f"error: {trial.cause}"]
    return _event(at, step=len(trial.reports), value=[_hparams("session_end_info", info), _text("trial", lines)])


def _status(reason: Reason) -> int:
    """Return the status by which HPARAMS filters: of ended trials, success is complete and unknown is pruned."""
    status = import_module("tensorboard.plugins.hparams.api_pb2")
    match reason:
        case "complete":
            return int(status.STATUS_SUCCESS)
        case "diverged" | "out_of_memory" | "timed_out" | "crashed":
            return int(status.STATUS_FAILURE)
        case "pruned" | "infeasible" | "duplicate":
            return int(status.STATUS_UNKNOWN)
        case "running" | "paused":
            return int(status.STATUS_RUNNING)
        case _:
            assert_never(reason)


def _event(at: float, *, step: int = 0, value: Any = None, file_version: str | None = None) -> bytes:
    events = import_module("tensorboard.compat.proto.event_pb2")
    content = {"file_version": file_version} if value is None else {"summary": {"value": value}}
    # Maps in a fixed order, so that the same trial has the same bytes.
    return bytes(events.Event(wall_time=at, step=step, **content).SerializeToString(deterministic=True))


def _hparams(kind: str, info: Any) -> dict[str, Any]:
    """Return the value of a summary that holds hyperparameters, as TensorBoard's plugin hparams reads it."""
    data = import_module("tensorboard.plugins.hparams.plugin_data_pb2").HParamsPluginData(**{kind: info})
    content = data.SerializeToString(deterministic=True)
    empty = {"dtype": "DT_FLOAT", "tensor_shape": {"dim": [{"size": 0}]}}
    plugin = {"plugin_name": "hparams", "content": content}
    return {"tag": f"_hparams_/{kind}", "metadata": {"plugin_data": plugin, "data_class": 2}, "tensor": empty}


def _text(tag: str, lines: list[str]) -> dict[str, Any]:
    """Return the value of a summary that shows lines."""
    text = "  \n".join(lines).encode()  # two spaces: a line break in Markdown
    shown = {"dtype": "DT_STRING", "tensor_shape": {"dim": [{"size": 1}]}, "string_val": [text]}
    return {"tag": tag, "metadata": {"plugin_data": {"plugin_name": "text"}, "data_class": 2}, "tensor": shown}


def _appended(folder: Path) -> FileIO:
    return open_to_append(folder / FILE)


def _whole_records(file: FileIO) -> int:
    """Return how many records a file holds, after cutting off the rest of one that a killed process left unfinished."""
    file.seek(0)
    data, end, count = file.readall(), 0, 0
    while end + LENGTH <= len(data):
        further = end + LENGTH + int.from_bytes(data[end : end + LENGTH], "little") + 2 * CHECK
        if further > len(data):
            break
        end, count = further, count + 1
    if end < len(data):
        file.truncate(end)
    return count


def _add(file: FileIO, events: list[bytes]) -> None:
    """Add records to a file in one write."""
    records = import_module("tensorboard.summary.writer.record_writer")
    buffer = BytesIO()
    writer = records.RecordWriter(buffer)
    for event in events:
        writer.write(event)
    file.seek(0, os.SEEK_END)
    with BufferedWriter(file) as buffered:
        buffered.write(buffer.getvalue())
