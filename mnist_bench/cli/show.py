"""`mnist-bench show`: everything about a study, or about one trial."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any, assert_never

from mnist_bench import cells, options
from mnist_bench.cli import output
from mnist_bench.cli.command import open_target, takes
from mnist_bench.options import argument, option
from mnist_bench.result_table import Figure, Line, Result, Table, entry, further_measured
from search.errors import UsageError
from search.messages import number_of

if TYPE_CHECKING:
    from search.driver.replay import Explanation, Standing
    from search.event_log.events import Event
    from search.event_log.records import StudyRecord, TrialRecord
    from search.study.studies import StoredStudy
    from search.trainer_api import Report


@takes(prints=["json"])
def show(
    form: output.Form,
    target: Annotated[
        str | None, argument("A study, or a trial of it.", "STUDY|STUDY/17", default="the latest study")
    ] = None,
    recipe: Annotated[bool, option("Print a trial's recipe, a file for `train`.")] = False,
    space: Annotated[bool, option("Print the study's space, a file for `search`.")] = False,
    code: Annotated[bool, option("Print the source of your own network that the study searched.")] = False,
    why: Annotated[bool, option("Explain why a trial was proposed, and why it was stopped or continued.")] = False,
    every: Annotated[
        bool, option("Show a study's whole specification, hashes and defaults.", names=("--all",))
    ] = False,
    results: options.Folder = options.RESULTS,
) -> Result | None:
    """Show a study on one screen, or one trial in full.

    For a study: its result, the best trial, the ranges with that trial's values, and the files. For a trial: every
    setting, the learning curve and the hashes. A trial's --json is the record that `reproduce` accepts.

    Examples:
        mnist-bench show conv-0
        mnist-bench show conv-0/37 --why
        mnist-bench show conv-0/37 --recipe > recipe.yaml
    """
    if recipe + space + code + (form == "json" or why) > 1:
        raise UsageError("Give one of --recipe, --space, --code and --json; --json can also be combined with --why.")
    study, trial = open_target(target, results, of_any_trainer=not (recipe or code))
    if recipe:
        from mnist_bench.studies.checked import find_trial
        from mnist_bench.studies.record import recipe_text

        output.print_text(recipe_text(study, trial or find_trial(study, None)))
        return None
    if space:
        output.print_text(study.space.to_yaml())
        return None
    if code:
        _print_code(study)
        return None
    if why:
        if trial is None:
            raise UsageError("--why explains a single trial; name it: STUDY/17 --why.")
        return _explain(study, trial)
    if trial is not None:
        curve = [replace(_curve(study, trial), caption=[""])] if trial.reports else []
        lines = Table[Any](caption=[*map(Line, _trial_lines(study, trial))])
        return Result([lines, *curve], document=_trial_json(study, trial))
    whole = _study_json(study)
    return (
        Result([Table(caption=[*map(Line, _study_lines(study))])], document=whole)
        if every
        else _at_a_glance(study, whole)
    )


def _at_a_glance(study: StoredStudy, whole: Mapping[str, object]) -> Result:
    from mnist_bench.leaderboard.board import headline
    from mnist_bench.leaderboard.ranking import leaderboard_of
    from mnist_bench.report import about
    from mnist_bench.studies.checked import commands_of
    from search.study.invocation_log import invocations, typed_commands

    board = leaderboard_of(study)
    typed = typed_commands(invocations(study.files))
    ranges = about.ranges_table(study.space, study.best, board.kind) if study.space.ranges else Table[Any]()
    table = replace(
        ranges,
        caption=[
            headline(board),
            *(entry(label, text) for label, text in about.entries(study, board.studies[0])),
            *(Line(entry("" if number else "typed", command)) for number, command in enumerate(typed)),
        ],
        footnotes=[*ranges.footnotes, f"The whole specification: `{commands_of(study).line('show', '--all')}`."],
    )
    return Result([table], document=whole)


def _print_code(study: StudyRecord) -> None:
    if "net" not in study.spec["context"]:
        raise UsageError(f"Study {study.name} did not search your own network, so it keeps no code.")
    code = study.spec["context"]["net"]
    output.print_text(code["text"])
    if hashlib.sha256(code["text"].encode(errors="replace")).hexdigest() != code["sha256"]:
        output.note(
            f"The SHA-256 of this text is not that of {code['module']}: a study keeps the text as UTF-8, with "
            "\N{REPLACEMENT CHARACTER} instead of other bytes."
        )


def _explain(study: StoredStudy, trial: TrialRecord) -> Result:
    from mnist_bench.value_kind import kind_of
    from search.study.studies import read_events

    explanation, read = explained(study, trial, read_events(study.files)), kind_of(study.spec).text
    caption = [
        Line(f"{study.name}/{trial.number}  {cells.ending(trial.state, trial.reason)}"),
        *sentences(explanation, study.spec["sampler"]["name"], _source(study, trial), read),
    ]
    table = _table(explanation, read) if explanation.standings else Table[Any]()
    document = {"study": study.name, "trial": trial.number, **asdict(explanation)}
    return Result([replace(table, caption=caption)], document=document)


def _study_json(study: StoredStudy) -> dict[str, object]:
    from mnist_bench.leaderboard.ranking import counts
    from search.study.spec import fingerprint

    return {
        "study": study.name,
        "counts": counts(study),
        "totals": list(study.totals),
        "live": study.live,
        "stop": None if study.stop is None else asdict(study.stop),
        "fingerprint": fingerprint(study.spec),
        "digest": study.digest,
        "spec": dict(study.spec),
    }


def _trial_json(study: StudyRecord, trial: TrialRecord) -> dict[str, object]:
    from mnist_bench.leaderboard.board import excess_of
    from mnist_bench.studies import record
    from mnist_bench.value_kind import kind_of

    if not kind_of(study.spec).of_nets or not trial.reports:  # a record is of what can be trained again
        return {"study": study.name, **asdict(trial), "excess": excess_of(trial)}
    return record.to_json(record.record_of(study, trial))


def _study_lines(study: StudyRecord) -> Iterator[str]:
    from mnist_bench.config.values import flattened
    from mnist_bench.leaderboard.board import grouped
    from mnist_bench.leaderboard.ranking import counts
    from mnist_bench.value_kind import kind_of
    from search.study.spec import fingerprint

    yield f"{study.name}: {cells.counted(counts(study), live=study.live)} of {study.totals[-1]} trials" + (
        ", running now" if study.live else ""
    )
    if study.stop is not None:
        yield kind_of(study.spec).stop_line(study.stop)
    if study.best is not None:
        yield f"best         #{study.best.number}  {kind_of(study.spec).named(study.best.value)}"
    yield f"fingerprint  {grouped(fingerprint(study.spec))}"
    yield f"digest       {grouped(study.digest)}"
    for section, value in study.spec.items():
        yield ""
        if isinstance(value, dict):
            yield section
            # The source of your own network is for --code.
            told = ((path, leaf) for path, leaf in flattened(value) if (section, path) != ("context", "net.text"))
            yield from (f"  {path}: {cells.value(leaf)}" for path, leaf in told)
        else:
            yield f"{section}: {cells.value(value)}"


def _trial_lines(study: StudyRecord, trial: TrialRecord) -> Iterator[str]:
    from mnist_bench.leaderboard.board import excess_of
    from mnist_bench.value_kind import kind_of

    kind = kind_of(study.spec)
    value = f"{kind.named(trial.value)} {cells.interval(*(kind.interval(trial) or (None, None)))}"
    yield f"{study.name}/{trial.number}  {cells.ending(trial.state, trial.reason)}  {value}".rstrip()
    yield f"seed {trial.seed}, {cells.duration(trial.seconds)} of training"
    yield from (f"{name}: {cells.value(value)}" for name, value in trial.facts.items())
    conditions = study.spec["space"]["settings"].get("constraints", ())
    for name, excess in excess_of(trial).items():
        yield f"{'constraint not met' if name in conditions else 'limit exceeded'}: {name} by {excess:g}"
    if trial.error:
        yield from ("", "error", *(f"  {line}" for line in trial.error.splitlines()))
    yield from _settings(trial) if kind.of_nets else _parameters(trial)


def _settings(trial: TrialRecord) -> Iterator[str]:
    from mnist_bench.config.values import from_json, settings_of

    yield from ("", "settings (* sampled)")
    config = from_json(trial.config)
    for path, value in settings_of(config).items():
        if config.net_code is not None and path.startswith("model."):
            continue  # ours, which do nothing there
        yield f"{' *' if path in trial.params else '  '} {path}: {cells.value(value)}"


def _parameters(trial: TrialRecord) -> Iterator[str]:
    from mnist_bench.config.values import flattened

    for heading, values in (("parameters", trial.params), ("configuration", trial.config)):
        yield from ("", heading)
        yield from (f"   {path}: {cells.value(value)}" for path, value in flattened(values))


def _curve(study: StudyRecord, trial: TrialRecord) -> Table[Report]:
    from mnist_bench.value_kind import kind_of

    kind = kind_of(study.spec)
    metrics = dict.fromkeys(name for report in trial.reports for name in report.metrics if name != kind.name)
    figures: list[Figure[Report]] = [
        *(_metric(name) for name in metrics),
        Figure(kind.name, lambda report: report.value, 2, "right", kind.text),
        Figure("time", lambda report: report.seconds, 1, "right", cells.duration),
        *further_measured(trial.reports, lambda report: report.measured),
        Figure("weights", lambda report: report.weights + (f"  ({report.end})" if report.end else ""), 1),
    ]
    return Table(rows=trial.reports, figures=figures)


def _metric(name: str) -> Figure[Report]:
    return Figure(name, lambda report: report.metrics.get(name), align="right")


def explained(study: StudyRecord, trial: TrialRecord, events: list[Event]) -> Explanation:
    """Return why a trial was proposed, and why it was stopped or continued."""
    from mnist_bench.searches.setup import planner
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
        return explain(events, trial.number, lambda spec: planner(spec.space, spec.context))
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


def _source(study: StudyRecord, trial: TrialRecord) -> str:
    from search.study.spec import StudySpec

    origins = StudySpec.from_json(study.spec).enqueued_from
    return (origins[trial.number] or "") if trial.number < len(origins) else ""


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
        Figure("after report", lambda row: str(row.period), 3, "right"),
        Figure("value", lambda row: read(row.value), 1, "right"),
        Figure("place", lambda row: f"{row.place} of {row.arrived}", 2, "right"),
        Figure("verdict", _verdict, 4),
    ]
    return Table(rows=explanation.standings, figures=columns)


def _verdict(row: Standing) -> str:
    return f"{'stopped' if row.stopped else 'continued'}: {row.rule}" if row.asked else row.rule
