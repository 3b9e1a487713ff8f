"""`mnist-bench show`: everything about a study, or about one trial."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_bench import cells
from mnist_bench.cli import options, output, targets
from mnist_bench.result_table import Figure, Table
from search.errors import UsageError

if TYPE_CHECKING:
    from search.event_log.records import StudyRecord, TrialRecord
    from search.study.studies import StoredStudy
    from search.trainer_api import Report


def show(
    target: Annotated[
        str | None,
        typer.Argument(metavar="STUDY|STUDY/17", show_default="the latest study", help="A study, or a trial of it."),
    ] = None,
    recipe: Annotated[bool, typer.Option("--recipe", help="Print a trial's recipe, a file for `train`.")] = False,
    space: Annotated[bool, typer.Option("--space", help="Print the study's space, a file for `search`.")] = False,
    code: Annotated[
        bool, typer.Option("--code", help="Print the source of your own network that the study searched.")
    ] = False,
    why: Annotated[
        bool, typer.Option("--why", help="Explain why a trial was proposed, and why it was stopped or continued.")
    ] = False,
    every: Annotated[
        bool, typer.Option("--all", help="Show a study's whole specification, hashes and defaults.")
    ] = False,
    json: options.Json = False,
    results: options.Results = options.RESULTS,
) -> None:
    """Show a study on one screen, or one trial in full.

    For a study: its finding, the best trial, the ranges with that trial's values, and the files. For a trial: every
    setting, the learning curve and the hashes. A trial's --json is the record that `reproduce` accepts.

    Examples:
        mnist-bench show conv-0
        mnist-bench show conv-0/37 --why
        mnist-bench show conv-0/37 --recipe > recipe.yaml
    """
    if recipe + space + code + (json or why) > 1:
        raise UsageError("Give one of --recipe, --space, --code and --json; --json can also be combined with --why.")
    study, trial = targets.open_target(target, results, of_any_trainer=not (recipe or code))
    if recipe:
        from mnist_bench.studies.checked import find_trial
        from mnist_bench.studies.record import recipe_text

        output.print_text(recipe_text(study, trial or find_trial(study, None)))
        return
    if space:
        output.print_text(study.space.to_yaml())
        return
    if code:
        _print_code(study)
        return
    if why:
        if trial is None:
            raise UsageError("--why explains a single trial; name it: STUDY/17 --why.")
        _explain(study, trial, json)
        return
    if json:
        output.print_json(_trial_json(study, trial) if trial else _study_json(study))
    elif trial or every:
        for line in _trial_lines(study, trial) if trial else _study_lines(study):
            output.print_line(line)
        if trial and trial.reports:
            output.print_line()
            output.print_table(_curve(study, trial))
    else:
        from mnist_bench.cli.studies import at_a_glance

        at_a_glance.print_study(study)


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


def _explain(study: StoredStudy, trial: TrialRecord, json: bool) -> None:
    from mnist_bench.cli.studies import why
    from mnist_bench.value_kind import kind_of
    from search.study.studies import read_events

    explanation = why.explained(study, trial, read_events(study.files))
    if json:
        output.print_json(why.to_json(study, trial, explanation))
    else:
        why.print_explanation(study, trial, explanation, kind_of(study.spec).text)


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
    from mnist_bench.config.values import every_setting, flattened, from_json

    yield from ("", "settings (* sampled)")
    config = from_json(trial.config)
    for path, value in flattened(every_setting(config)):
        if config.net_code is not None and path.startswith("model."):
            continue  # ours, which do nothing there
        yield f"{' *' if path in trial.params else '  '} {path}: {cells.value(value)}"


def _parameters(trial: TrialRecord) -> Iterator[str]:
    """Yield the parameters, and the configuration that another trainer made of them."""
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
        Figure(kind.name, lambda report: report.value, 3, "right", kind.text),
        Figure("time", lambda report: report.seconds, 1, "right", cells.duration),
        Figure("weights", lambda report: report.weights + (f"  ({report.end})" if report.end else ""), 1),
    ]
    return Table(rows=trial.reports, figures=figures)


def _metric(name: str) -> Figure[Report]:
    return Figure(name, lambda report: report.metrics.get(name), 2, "right")
