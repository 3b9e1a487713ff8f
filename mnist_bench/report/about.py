"""A study in short: in a title, in a line, on one screen; the ranges that were searched, with the values of a trial."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path
from typing import Any

from mnist_bench import cells
from mnist_bench.cells import short
from mnist_bench.config.settings import TrainConfig
from mnist_bench.config.values import all_settings, from_json
from mnist_bench.leaderboard.board import RankedStudy, grouped
from mnist_bench.leaderboard.worker_time import worker_time_of
from mnist_bench.report.findings import findings, sections_of
from mnist_bench.result_table import Figure, Table
from mnist_bench.space_files.drawn import values_in_words
from mnist_bench.studies.record import data_of
from mnist_bench.value_kind import NETS, ValueKind, kind_of
from search.driver.progress import seconds_left
from search.errors import StudyNotFoundError
from search.event_log.records import StudyRecord, TrialRecord
from search.messages import duration, joined, number_of, show
from search.space.ranges import Distribution, NumberRange, place
from search.space.space import Field, Space
from search.strategies import registry
from search.study.folder import StudyFolder
from search.study.spec import StudySpec, stored_history
from search.study.studies import StoredStudy, all_failed, read_events


def title(study: StudyRecord) -> str:
    """Return the number of trained trials and the data: `50 trials on MNIST`, `6 of 7 trials on MNIST`.

    Of another trainer, its name if the study has it: `20 trials of ridge.py:Trainer`.
    """
    ended, budget = len(study.finished()), study.totals[-1]
    counted = number_of(ended, "trial") if ended >= budget else f"{ended:,} of {number_of(budget, 'trial')}"
    kind = kind_of(study.spec)
    if not kind.of_nets:
        return counted if kind.trainer is None else f"{counted} of {kind.trainer}"
    data = data_of(study.spec["context"])
    name = "your own data" if data.is_own else "MNIST" if data.dataset == "mnist" else data.dataset
    images = "" if data.subset is None else f"{data.subset:,} images of "
    return f"{counted} on {images}{name}"


def line(study: StudyRecord, space: Space, weights: Path | None) -> str:
    """Return the line; without the time if none was measured.

    Of another trainer, neither the machine nor the weights are known.
    """
    searched = number_of(len(space.ranges), "hyperparameter")
    kept = f"Weights of the best trials: `{weights}`." if weights else "No weights are kept here."
    time = time_of(study)
    spent = "" if time is None else f" in {time},"
    found = f"{searched} of the search space {space.name}, searched{spent}"
    if not kind_of(study.spec).of_nets:
        return f"{found.removesuffix(',')}."
    numerics = study.spec["numerics"]
    machine = _processor(numerics) or "a processor without a name"
    return f"{found} on {machine} ({numerics['precision']}). {kept}"


def time_of(study: StudyRecord) -> str | None:
    """Return how long a search took: `4 min 40 s, 8 trainings at a time`; None if no time was measured."""
    try:
        time = worker_time_of(study)
    except StudyNotFoundError:
        return None
    return f"{duration(time.span)}, {number_of(len(time.workers), 'training')} at a time"


def begins_with(study: StudyRecord) -> str | None:
    """Return with how many trials of which studies a search began; None if with none."""
    counts = Counter(trial.rpartition("/")[0] for trial in study.spec.get("enqueued_from", ()) if trial)
    taken = [f"{number_of(count, 'trial')} of {show(name)}" for name, count in counts.items()]
    return f"begins with {joined(taken)}" if taken else None


END = 5  # percent of a range that count as its lower or upper end
LOWER, UPPER = "lower end", "upper end"


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """One setting that was searched."""

    path: str
    values: str  # the range in words
    value: str  # the trial's value; a dash if it has none, or none that has an effect
    place: str  # the place of the value in the range, from 0 to 100%; empty for a choice and for a range of two values


def ranges_table(space: Space, trial: TrialRecord | None, kind: ValueKind = NETS) -> Table[Range]:
    """Return a row for each range of a space, with the trial's value if there is one. A line below names values at an
    end.

    Every parameter counts in a trial of another trainer; in a trial of nets, only those with an
    effect.
    """
    setting = Figure[Range]("hyperparameter", lambda row: row.path, 9)
    searched = Figure[Range]("range", lambda row: row.values, 7)
    ranges = [(field, field.distribution) for field in space.fields if field.distribution is not None]
    if trial is None:
        return Table(rows=[_range(field, span, {}) for field, span in ranges], figures=(setting, searched))
    config = from_json(trial.config) if kind.of_nets else None
    params = {path: value for path, value in trial.params.items() if config is None or _counts(path, config)}
    rows = [_range(field, span, params) for field, span in ranges]
    columns = (
        setting,
        Figure[Range](f"trial {trial.number}", lambda row: row.value, 8),
        Figure[Range]("place", lambda row: row.place, 6),
        searched,
    )
    return Table(rows=rows, figures=columns, footnotes=_at_ends(rows, trial.number))


def _counts(path: str, config: TrainConfig) -> bool:
    """Return whether a setting has an effect in a configuration; those of your own network always may."""
    declared = all_settings().get(path)
    return declared is None or declared.counts_in(config)


def _range(field: Field, span: Distribution, params: Mapping[str, Any]) -> Range:
    words = values_in_words(field)
    if field.path not in params:
        return Range(path=field.path, values=words, value="–", place="")
    value = params[field.path]
    return Range(path=field.path, values=words, value=short(value), place=_place(span, value))


def _place(span: Distribution, value: Any) -> str:
    """Return where a value lies; empty for a range of at most two values, of which each is an end."""
    if not isinstance(span, NumberRange) or span.count <= 2:
        return ""
    share = round(100 * place(span, value))
    if share <= END:
        return LOWER
    return UPPER if share >= 100 - END else f"{share}%"


def _at_ends(rows: list[Range], number: int) -> list[str]:
    ends = [row.path for row in rows if row.place in (LOWER, UPPER)]
    if not ends:
        return []
    lies = f"{', '.join(ends)} of trial {number} {'is' if len(ends) == 1 else 'are'} at an end of the range"
    return [f"{lies}. If values beyond it are allowed, they may be better."]


Entry = tuple[str, str]  # a label and a text


def entries(study: StoredStudy, ranked: RankedStudy) -> Iterator[Entry]:
    """Yield a study on one screen: finding, best trial, machine, time and files, and the digest."""
    kind, sections = ranked.kind, sections_of(study)
    yield from _running(study)
    if (first := study.first_failed) is not None:
        yield "finding", all_failed(study.files, first)
    else:
        yield "finding", next(findings(ranked, sections))
        if not sections.outdated:
            yield from (("", section.lines[0]) for section in sections.judged if section is not sections.tested)
    if study.best is not None:
        yield from _best(study, kind, study.best)
    yield from _search(study)
    yield from _files(study, study.files)
    yield "digest", grouped(study.digest)


def _running(study: StoredStudy) -> Iterator[Entry]:
    if not study.live:
        return
    left = seconds_left(stored_history(read_events(study.files)), StudySpec.from_json(study.spec))
    if left is not None:
        yield "time left", f"about {cells.duration(left)}"
    kind = kind_of(study.spec)
    running = [trial for trial in study.trials if trial.state == "RUNNING"]
    for label, trial in zip(chain(["running"], repeat("")), running, strict=False):
        reached = "" if trial.value is None else f", {kind.text(trial.value)}"
        yield label, f"#{trial.number}  {len(trial.reports)} of {number_of(len(trial.costs), 'report')}{reached}"


def _best(study: StudyRecord, kind: ValueKind, best: TrialRecord) -> Iterator[Entry]:
    if kind.of_nets:
        sizes = [f"{cells.count(best.facts.get(cost))} {cells.unit(cost)}" for cost in ("parameters", "macs")]
        interval = cells.interval(*(kind.interval(best) or (None, None)))
        yield "best", f"#{best.number}  {kind.text(best.value)} {interval}  {', '.join(sizes)}"
        yield "", kind.settings(best)
        return
    figures: dict[str, object] = {kind.name: best.value}
    if study.cost is not None:
        figures[study.cost] = best.facts.get(study.cost)
    measured = dict(best.reports[-1].metrics)
    figures |= {name: figure for name, figure in measured.items() if name not in figures}
    told = "  ".join(f"{name} {cells.value(figure)}" for name, figure in figures.items())
    yield "best", f"#{best.number}  {told}"


def _processor(numerics: Mapping[str, Any]) -> str | None:
    gpu = numerics.get("gpu")
    return gpu["name"] if gpu else numerics.get("cpu")


def _search(study: StudyRecord) -> Iterator[Entry]:
    spec, numerics = study.spec, study.spec.get("numerics") or {}
    strategies = registry.in_words(*registry.of_spec(spec), study.space.ends(spec["periods"]))
    yield "search", f"{strategies}, seed {spec['seed']}, {number_of(spec['concurrent_trials'], 'concurrent trial')}"
    if (begins := begins_with(study)) is not None:
        yield "", begins
    versions = [f"{name} {version}" for name, version in spec.get("versions", {}).items()]
    machine = [_processor(numerics), numerics.get("precision"), *versions]
    yield "machine", ", ".join(str(part) for part in machine if part)
    trained = f"{cells.duration(sum(trial.seconds for trial in study.trials))} of training"
    took = time_of(study)
    yield "time", trained if took is None else f"{took}; {trained}"


def _files(study: StudyRecord, files: StudyFolder) -> Iterator[Entry]:
    if study.best is not None and files.weights_of(study.best.number).exists():
        yield "weights", str(files.weights_of(study.best.number))
    if files.report.exists():
        yield "report", str(files.report)
