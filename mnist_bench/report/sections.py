"""The optional sections of a report: the confirmation, the ablation and the audit of pruning."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mnist_bench.experiments import Audit, ablation, audit, confirm
from mnist_bench.experiments.ablation import Ablation, Step
from mnist_bench.experiments.confirm import Candidate, Confirmed, Figures
from mnist_bench.units import percent
from search.event_log import StudyRecord

NOTHING = "–"


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table of texts."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """Sentences, the summary first, and a table of the figures behind them."""

    lines: tuple[str, ...]
    table: Table | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Sections:
    """The sections of a report; None for those that the study does not have."""

    winner: int | None = None
    """Number of the trial that won the confirmation."""
    confirmed: Section | None = None
    ablation: Section | None = None
    audit: Section | None = None


def read(study: StudyRecord, folder: Path) -> Sections:
    """Return the sections whose results are in the study's folder.

    Raises:
        StorageError: a file cannot be read.
    """
    race, path, pruning = confirm.load(folder), ablation.load(folder), audit.load(folder)
    return Sections(
        winner=race.winner if race else None,
        confirmed=of_race(race, study.digest) if race else None,
        ablation=of_ablation(path) if path else None,
        audit=of_audit(pruning) if pruning and pruning.trials else None,
    )


def of_race(race: Confirmed, digest: str) -> Section:
    """Return the section about a confirmation; `digest` is the study's now, which may have been searched further."""
    lines = [_confirmed(race), _luck(race), _tied(race), _budget(race)]
    if race.digest != digest:
        lines.append("The study was searched further since; the confirmation is of what it was then.")
    headings = ("trial", "seeds", "mean errors", "validation", "race", "parameters", "MACs", "test images")
    rows = tuple(_candidate(race, candidate) for candidate in race.candidates)
    return Section(lines=tuple(filter(None, lines)), table=Table(headings=headings, rows=rows))


def of_ablation(path: Ablation) -> Section:
    """Return the section about an ablation: the path from the baseline to the trial."""
    start, end = _errors(path.start.mean), _errors(path.end.mean)
    summary = (
        f"From {path.baseline} ({start} errors) to #{path.trial} ({end} errors of {path.images:,}), one group of "
        f"settings at a time, the one that helps most first; means of {len(path.seeds)} seeds."
    )
    chance = "A difference whose interval holds 0 may be chance." if any(s.by_chance for s in path.steps) else ""
    headings = ("step", "errors", "fewer", "95 % interval", "parameters", "change")
    first = (path.baseline, start, NOTHING, NOTHING, f"{path.start.parameters:,}", "the baseline")
    rows = (first, *(_step(step) for step in path.steps))
    return Section(lines=tuple(filter(None, (summary, chance))), table=Table(headings=headings, rows=rows))


def of_audit(pruning: Audit) -> Section:
    """Return the section about the pruned trials that were trained to the end afterwards."""
    low, high = (f"{100 * end:.0f}" for end in pruning.share)
    summary = (
        f"Of {pruning.pruned} pruned trials {len(pruning.trials)} were trained to the end afterwards: "
        f"{pruning.wrong or 'none'} would have won (95 % interval of the share: {low} to {high} %), "
        f"{pruning.placed or 'none'} would have come before one of the {pruning.complete} complete ones."
    )
    rows = tuple((f"#{trial.number}", _percent(trial.accuracy), str(trial.better)) for trial in pruning.trials)
    return Section(lines=(summary,), table=Table(headings=("trial", "validation", "better complete trials"), rows=rows))


def _confirmed(race: Confirmed) -> str:
    tested = race.test(race.winner)
    accuracy = _figures(tested) if tested else "no figure"
    seeds = f"mean of {tested.seeds} fresh seeds" if tested else "no run came to its end"
    return f"Confirmed: the settings of #{race.winner} get {accuracy} of the test images right ({seeds})."


def _luck(race: Confirmed) -> str:
    """Compare the accuracy in the search, which chose the trial for it, with that of fresh seeds."""
    winner, fresh = race.candidate(race.winner), race.validation(race.winner)
    if fresh is None or not winner.complete:
        return ""
    return (
        f"In the search #{winner.number} had {percent(winner.search_accuracy)} of the validation images right, with "
        f"fresh seeds it has {_figures(fresh)}. Intervals are Student's, 95 %, of the mean over seeds, not over images."
    )


def _tied(race: Confirmed) -> str:
    others = [f"#{number}" for number in race.tied if number != race.winner]
    if not others:
        return "Each other candidate was shown to be worse."
    cheapest = f" The cheapest of these is #{race.cheapest}." if race.cheapest is not None else ""
    return f"Not shown to be worse: {', '.join(others)}.{cheapest}"


def _budget(race: Confirmed) -> str:
    return f"The budget ended the race after {race.seeds} seeds; more could tell more apart." if race.cut else ""


def _candidate(race: Confirmed, candidate: Candidate) -> tuple[str, ...]:
    tested = race.test(candidate.number)
    return (
        f"#{candidate.number}",
        str(len(candidate.errors)),
        _errors(candidate.mean_errors),
        _figures(race.validation(candidate.number)),
        _fate(race, candidate),
        f"{candidate.parameters:,}",
        f"{candidate.macs:,}",
        _figures(tested),
    )


def _fate(race: Confirmed, candidate: Candidate) -> str:
    if candidate.dropped_after is None:
        return "winner" if candidate.number == race.winner else "tied"
    seeds = f"{candidate.dropped_after} seed{'s' if candidate.dropped_after > 1 else ''}"
    return f"dropped after {seeds}" + (f" (p = {candidate.p_value:.2g})" if candidate.p_value is not None else "")


def _figures(figures: Figures | None) -> str:
    if figures is None:
        return NOTHING
    if figures.interval is None:
        return percent(figures.mean)
    return f"{percent(figures.mean)} [{', '.join(f'{100 * end:.2f}' for end in figures.interval)}]"


def _step(step: Step) -> tuple[str, ...]:
    fewer = NOTHING if step.fewer is None else f"{step.fewer:.1f}"
    span = NOTHING if step.low is None or step.high is None else f"{step.low:.1f} to {step.high:.1f}"
    return (step.name, _errors(step.after.mean), fewer, span, f"{step.after.parameters:,}", step.change)


def _percent(accuracy: float | None) -> str:
    return NOTHING if accuracy is None else percent(accuracy)


def _errors(mean: float | None) -> str:
    return NOTHING if mean is None else f"{mean:.1f}"
