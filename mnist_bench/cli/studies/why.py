"""`mnist-bench show STUDY/37 --why`: why a trial was proposed, and why it was stopped or continued."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, assert_never

from mnist_bench import cells
from mnist_bench.cli import output
from mnist_bench.result_table import Figure, Table
from search.errors import UsageError
from search.messages import number_of

if TYPE_CHECKING:
    from search.driver.replay import Explanation, Standing
    from search.event_log.events import Event
    from search.event_log.records import StudyRecord, TrialRecord


def explained(study: StudyRecord, trial: TrialRecord, events: list[Event]) -> Explanation:
    """Return why a trial was proposed, and why it was stopped or continued.

    Raises:
        UsageError: the study was made by another version of the search, which may have decided differently; or by
            another trainer, whose planner ruled out configurations, with a sampler that needs to know which.
    """
    from mnist_bench.searches import study_context
    from mnist_bench.value_kind import kind_of
    from search.driver.replay import RecordedPlanner, explain, proposes_again
    from search.strategies import registry
    from search.study.spec import DRIVER_REVISION

    revision = study.spec["driver_revision"]
    if revision != DRIVER_REVISION:
        raise UsageError(
            f"Study {study.name} was searched with driver revision {revision}, which decided differently from this "
            "version."
        )
    if kind_of(study.spec).of_nets:
        return explain(events, trial.number, lambda spec: study_context.planner(spec.space, spec.context))
    sampler, _ = registry.of_spec(study.spec)
    if not sampler.asks_planner:
        return explain(events, trial.number, lambda spec: None)
    # As if the trainer's planner ruled nothing out. If it did, the sampler proposes something else.
    recorded = RecordedPlanner(events)
    if not proposes_again(events, trial.number, lambda spec: recorded):
        raise UsageError(
            f"Study {study.name} was made by another trainer: only its own program can ask {sampler.name} again."
        )
    return explain(events, trial.number, lambda spec: recorded)


def print_explanation(
    study: StudyRecord, trial: TrialRecord, explanation: Explanation, read: Callable[[float | None], str]
) -> None:
    """Print an explanation; `read` formats values."""
    output.print_line(f"{study.name}/{trial.number}  {cells.ending(trial.state, trial.reason)}")
    for line in sentences(explanation, study.spec["sampler"]["name"], _source(study, trial), read):
        output.print_prose(line)
    if explanation.standings:
        output.print_line()
        output.print_table(_table(explanation, read))


def to_json(study: StudyRecord, trial: TrialRecord, explanation: Explanation) -> dict[str, Any]:
    """Return the same as plain values."""
    return {"study": study.name, "trial": trial.number, **asdict(explanation)}


def _source(study: StudyRecord, trial: TrialRecord) -> str:
    """Return the trial of another study whose configuration a trial has; else what its start list was made of."""
    from search.study.spec import StudySpec

    spec = StudySpec.from_json(study.spec)
    if trial.number < len(spec.enqueued):
        return (spec.enqueued_from[trial.number] or "") if spec.enqueued_from else ""
    return " and ".join(spec.start.made_of)


def sentences(
    explanation: Explanation, sampler: str, source: str, read: Callable[[float | None], str]
) -> Iterator[str]:
    """Yield why a trial was proposed by a sampler, or given by a `source`; `read` formats values."""
    verb = "was" if explanation.trained == 1 else "were"
    known = f"{number_of(explanation.trained, 'trial')} {verb} known, {explanation.ended} of which had ended"
    match explanation.origin:
        case "enqueued":
            whose = f", with the hyperparameters of {source}" if source else ""
            yield f"Given with --enqueue, to be tried first{whose}."
        case "start list":
            yield f"A warm-start configuration, from {source}."
        case "random":
            yield f"Drawn at random by {sampler}; {known}."
        case "sequence":
            yield f"The next configuration of {sampler}'s sequence, which covers the space evenly; {known}."
        case "model":
            yield f"Proposed by the model of {sampler}; {known}."
        case "own code":
            yield f"Proposed by {sampler}, which gives no reasons; {known}."
        case _:
            assert_never(explanation.origin)
    if why := explanation.why:
        best = "no trial was complete" if why.best is None else f"the best complete trial had {read(why.best)}"
        yield (
            f"Expected {read(why.expected)} after full training (between {read(why.low)} and {read(why.high)}); "
            f"{best}. Chosen among {why.among} configurations; the closest earlier one is "
            f"#{why.closest}."
        )


def _table(explanation: Explanation, read: Callable[[float | None], str]) -> Table[Standing]:
    columns: list[Figure[Standing]] = [
        Figure("after period", lambda row: str(row.period), 3, "right"),
        Figure("value", lambda row: read(row.value), 1, "right"),
        Figure("place", lambda row: f"{row.place} of {row.arrived}", 2, "right"),
        Figure("verdict", lambda row: _verdict(row) + row.rule, 4),
    ]
    return Table(rows=explanation.standings, figures=columns)


def _verdict(row: Standing) -> str:
    if not row.asked:
        return ""
    return "stopped: " if row.stopped else "continued: "
