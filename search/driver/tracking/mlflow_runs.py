"""Runs of MLflow: a run per study, and in it a run per trial.

The runs are found again by tags with the study's name and the time at which it began. A search that was killed
therefore continues its runs, and logs only the reports that a run lacks.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from itertools import islice
from typing import Any, assert_never

from search.driver.tracking.subject import SECONDS, Subject, begin_of, time_of
from search.event_log import StudyRecord, TrialRecord
from search.hashed import Reason
from search.messages import shortened
from search.study import begun
from search.trainer_api import Report

EXPERIMENT = "mnist-bench"
"""Name of the experiment, if MLFLOW_EXPERIMENT_NAME names none."""
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",  # it reports its use to MLflow's makers
    "MLFLOW_LOGGING_LEVEL": "ERROR",  # its lines would break the live view
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # stdout is for results
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # with 7, a call to a server that is away takes minutes
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}
"""Environment variables of MLflow that are set unless the user sets them, before it is imported."""
STUDY, BEGUN, TRIAL = "mnist_bench.study", "mnist_bench.begun", "mnist_bench.trial"
"""Tags by which runs are found again."""
THE_STUDY = "-"
"""The tag TRIAL of the study's own run."""
MAX_METRICS, MAX_PARAMS, MAX_TEXT = 900, 100, 5_000
"""Most metrics and parameters of a call, and most characters of a text; MLflow's own limits are at least as large."""
_NOT_IN_A_NAME = re.compile(r"[^\w\-./ ]")


@dataclass(slots=True)
class _Child:
    """The run of a trial."""

    run: str
    reports: int | None = None
    """Reports that it holds; None if this has not been asked."""
    ended: bool = False


@dataclass(slots=True)
class MlflowRuns:
    """The runs of a study."""

    subject: Subject
    _client: Any = None
    _experiment: str = ""
    _parent: str = ""
    _children: dict[int, _Child] = field(default_factory=dict)

    def write(self, trial: TrialRecord) -> None:
        """Log the reports of a trial that its run lacks, and its end; a trial without a report has none until it ends.

        Raises:
            Exception: of MLflow or of its storage: the reports cannot be logged.
        """
        if not trial.reports and trial.state == "RUNNING":
            return
        self._connect()
        child = self._children.get(trial.number) or self._created(trial)
        if child.ended:
            return
        if child.reports is None:
            child.reports = len(self._client.get_metric_history(child.run, SECONDS))
        params = trial.params if child.reports == 0 else {}
        self._log(child.run, params={**params, "seed": trial.seed} if params else {})
        self._add_reports(child, trial)
        if trial.state != "RUNNING":
            self._end(child, trial)

    def finish(self, study: StudyRecord) -> None:
        """Log the result of the study to its run.

        Raises:
            Exception: of MLflow or of its storage.
        """
        self._connect()
        best = study.best
        tags = {"digest": study.digest}
        if best is not None and best.value is not None:
            tags |= {"best_trial": str(best.number)}
            self._client.log_metric(self._parent, "best_value", best.value, step=len(study.finished()))
        self._log(self._parent, tags=tags)
        has_ended = study.stop is not None or len(study.finished()) >= study.totals[-1]
        self._client.set_terminated(self._parent, "FINISHED" if has_ended else "KILLED")

    def _connect(self) -> None:
        """Find the study's runs, or make its own."""
        if self._parent:
            return
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        self._client = import_module("mlflow").MlflowClient()
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
        known = self._client.get_experiment_by_name(name)
        self._experiment = self._client.create_experiment(name) if known is None else known.experiment_id
        runs = {run.data.tags[TRIAL]: run.info for run in self._found()}
        self._children = {
            int(trial): _Child(run.run_id, ended=run.status != "RUNNING")
            for trial, run in runs.items()
            if trial != THE_STUDY
        }
        self._parent = self._reopened(runs[THE_STUDY]) if THE_STUDY in runs else self._created_parent()

    def _found(self) -> Iterator[Any]:
        """Yield the runs of this study that the server holds."""
        location = self.subject.location
        of_study = f"tags.`{STUDY}` = '{location.name}' and tags.`{BEGUN}` = '{begun(location)}'"
        page = None
        while page is None or page.token:
            page = self._client.search_runs(
                [self._experiment], of_study, max_results=1000, page_token=page and page.token
            )
            yield from page

    def _reopened(self, run: Any) -> str:
        self._client.update_run(run.run_id, status="RUNNING")
        return str(run.run_id)

    def _created_parent(self) -> str:
        spec = self.subject.spec
        run = self._run(self.subject.location.name, {TRIAL: THE_STUDY}, None)
        named = {"space": spec["space"]["name"], "sampler": spec["sampler"]["name"], "pruner": spec["pruner"]["name"]}
        self._log(run, params={**named, "seed": spec["seed"], "concurrent_trials": spec["slots"]})
        return run

    def _created(self, trial: TrialRecord) -> _Child:
        tags = {TRIAL: str(trial.number), "mlflow.parentRunId": self._parent}
        began = begin_of(trial) if trial.reports else None
        run = self._run(f"{self.subject.location.name}/{trial.number}", tags, began)
        self._children[trial.number] = _Child(run, reports=0)
        return self._children[trial.number]

    def _run(self, name: str, tags: Mapping[str, str], began: float | None) -> str:
        location = self.subject.location
        known = {STUDY: location.name, BEGUN: str(begun(location)), **tags}
        at = None if began is None else _milliseconds(began)
        run = self._client.create_run(self._experiment, start_time=at, tags=known, run_name=name)
        return str(run.info.run_id)

    def _add_reports(self, child: _Child, trial: TrialRecord) -> None:
        steps = iter(list(enumerate(trial.reports, start=1))[child.reports :])
        each = max(1, MAX_METRICS // (len(trial.reports[0].metrics) + 2)) if trial.reports else 1
        while some := list(islice(steps, each)):
            metrics = [metric for step, report in some for metric in self._metrics(report, step)]
            self._client.log_batch(child.run, metrics=metrics)
            child.reports = some[-1][0]

    def _metrics(self, report: Report, step: int) -> Iterator[Any]:
        entities, at = import_module("mlflow.entities"), _milliseconds(time_of(report))
        for name, value in self.subject.figures(report).items():
            yield entities.Metric(_name(name), value, at, step)

    def _end(self, child: _Child, trial: TrialRecord) -> None:
        error = {} if trial.cause is None else {"error": trial.cause}
        value = {} if trial.value is None else {"value": str(trial.value)}
        self._log(child.run, tags={"state": trial.state, "end": trial.reason, **value, **error})
        at = _milliseconds(time_of(trial.reports[-1])) if trial.reports else None
        self._client.set_terminated(child.run, _status(trial.reason), end_time=at)
        child.ended = True

    def _log(self, run: str, *, params: Mapping[str, Any] | None = None, tags: Mapping[str, str] | None = None) -> None:
        entities = import_module("mlflow.entities")
        given = [entities.Param(_name(path), _written(value)) for path, value in (params or {}).items()]
        known = [entities.RunTag(key, shortened(text, MAX_TEXT)) for key, text in (tags or {}).items()]
        for first in range(0, max(len(given), 1), MAX_PARAMS):
            self._client.log_batch(run, params=given[first : first + MAX_PARAMS], tags=known)


def _status(reason: Reason) -> str:
    match reason:
        case "complete":
            return "FINISHED"
        case "diverged" | "out_of_memory" | "timed_out" | "crashed":
            return "FAILED"
        case "pruned" | "infeasible" | "duplicate":
            return "KILLED"
        case "running" | "paused":
            return "RUNNING"
        case _:
            assert_never(reason)


def _name(name: str) -> str:
    """Return a name as MLflow accepts it: letters, digits and a few signs."""
    return _NOT_IN_A_NAME.sub("_", name)


def _written(value: object) -> str:
    """Return a parameter as text; a list as in `[1, 2]`."""
    return shortened(str(value), MAX_TEXT)


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
