"""The findings of a study in sentences, the most important first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mnist_bench import cells
from mnist_bench.cells import percent, spelled, unit
from mnist_bench.experiments import ablation
from mnist_bench.experiments.ablation import Ablation
from mnist_bench.experiments.confirmed import Confirmed, Front, load
from mnist_bench.experiments.confirmed_table import finding
from mnist_bench.leaderboard.board import RankedStudy, ahead_words
from mnist_bench.leaderboard.ranking import UNTESTED, Ties, ties_of
from mnist_bench.next_commands import NextCommands
from mnist_bench.result_table import Table
from mnist_bench.statistics import corrected
from mnist_bench.studies.checked import commands_of
from mnist_bench.value_kind import ValueKind, kind_of
from search.event_log.records import StudyRecord, TrialRecord
from search.messages import first_few, joined
from search.study.studies import StoredStudy

NAMED = 5  # largest number of tied trials that the findings name
TEST = corrected("McNemar's test on the same images")


def findings(ranked: RankedStudy, sections: Sections) -> Iterator[str]:
    """Yield the findings: test results, best trials, how certain their ranks are, and what pruning saved."""
    study, kind, ended, tested = ranked.record, ranked.kind, ranked.ended, sections.tested
    if tested:
        yield tested.lines[0]
        images = f"{kind.images:,} validation images"
        yield f"In the search itself, each trial had one seed and was ranked by its accuracy on {images}."
    if study.best is None:
        yet = " yet" if ended < ranked.trial_budget else ""
        yield f"No trial is complete{yet}, so there is no best one: {ended} of {ranked.trial_budget} trials have ended."
    else:
        so_far = " so far" if ended < ranked.trial_budget and study.stop is None else ""
        best = [*(_best_nets(study, kind, so_far) if kind.of_nets else [_best_value(study, kind, so_far)])]
        front = [_front(ranked, study.cost)] if study.cost is not None and len(ranked.front) > 1 else []
        yield from [*front, *best] if kind.of_nets else [*best, *front]
        if ranked.ahead:
            ahead = ahead_words(ranked)
            yield ahead[0].upper() + ahead[1:]
    if study.stop is not None:
        yield f"{kind.stop_line(study.stop)} {ended} of {ranked.trial_budget} trials have ended."
    elif ended < ranked.trial_budget and study.best is not None:
        state = "is still running" if study.live else "was stopped before its trial budget"
        yield f"The search {state}: {ended} of {ranked.trial_budget} trials have ended, and the next may be better."
    yield from (section.lines[0] for section in sections.judged if section is not tested)
    confirmed = sections.judged and not sections.outdated
    if study.best is not None and not confirmed and (kind.of_nets or ended > 1):
        which = " on one validation set" if kind.of_nets else ", each with one seed,"
        then = ", then evaluates once on the test set" if kind.of_nets else ""
        yield (
            f"Nothing is confirmed yet: the first of {ended:,} trials{which} is also the luckiest. "
            f"`{sections.commands.line('confirm')}` retrains the best with fresh seeds{then}."
        )
    if ranked.saved:
        yield f"Pruning saved {ranked.saved:g} of {ranked.budget:g} {kind.unit}s."


def _front(ranked: RankedStudy, cost: str) -> str:
    kind, trials = ranked.kind, {trial.number: trial for trial in ranked.record.trials}
    ends = (trials[ranked.front[-1]], trials[ranked.front[0]])
    made = f"{_trials(len(ranked.front))} make the Pareto front of {kind.name} and"
    if not kind.of_nets:
        low, high = (f"{kind.text(end.value)} at {cells.value(end.facts[cost])} {cost}" for end in ends)
        return f"{made} {cost}: {low} to {high}."
    low, high = (f"{kind.text(end.value)} on {cells.count(end.facts[cost])} {unit(cost)}" for end in ends)
    return f"{made} {unit(cost)}: {f'from {low} to {high}' if low != high else low}."  # of equals, or of one


def _best_value(study: StudyRecord, kind: ValueKind, so_far: str) -> str:
    complete = study.complete()
    number, value = complete[0].number, kind.text(complete[0].value)
    if len(complete) == 1:
        return f"Trial {number} is the only complete trial{so_far}: its {kind.name} is {value}."
    ends = f"the {'lowest' if kind.minimized else 'highest'} {kind.name}, {value}"
    return f"Trial {number} is the best of {len(complete):,} complete trials{so_far}: it has {ends}."


def _best_nets(study: StudyRecord, kind: ValueKind, so_far: str) -> Iterator[str]:
    complete = study.complete()
    ties = ties_of(complete)
    first, right = ties.first, _right(kind, ties.first)
    if ties.tied:
        yield (
            f"{_trials(len(ties.all))} tie for the best{so_far}, {ties.accuracies}"
            f"{_cheapest(ties, study.cost or 'macs')}."
        )
        yield (
            f"The first of {len(complete)} complete trials, trial {first.number}, gets {right}. It is not "
            f"significantly different from {_named(ties.tied)} ({TEST})."
        )
    elif len(complete) == 1:
        yield f"Trial {first.number} is the only complete trial{so_far}: it gets {right}."
    else:
        yield f"Trial {first.number} is the best of {len(complete)} complete trials{so_far}: it gets {right}."
        if ties.p_values:
            yield f"Each other complete trial ({len(ties.p_values)}) is significantly worse ({TEST})."
        else:
            yield UNTESTED


def _cheapest(ties: Ties, cost: str) -> str:
    """Return the end of a sentence: which of the tied trials is the cheapest, if their costs differ."""
    costs = [trial.facts[cost] for trial in ties.all if cost in trial.facts]
    if len(costs) < len(ties.all):
        return ""
    spent = f"{cells.count(min(costs))} {unit(cost)}"
    if len(set(costs)) == 1:
        return f", with {spent} each"
    return f"; the cheapest is trial {ties.all[costs.index(min(costs))].number} with {spent}"


def _right(kind: ValueKind, best: TrialRecord) -> str:
    ends = kind.interval(best)
    interval = "" if ends is None else f" (95% interval {100 * ends[0]:.2f} to {percent(ends[1])})"
    return f"{percent(best.value)} of the {kind.images:,} validation images right{interval}"


def _named(trials: Sequence[TrialRecord]) -> str:
    named = [str(trial.number) for trial in trials]
    numbers = first_few(named, NAMED) if len(named) > NAMED else joined(named)
    return f"trial{'' if len(named) == 1 else 's'} {numbers}"


def _trials(count: int) -> str:
    """Return a number of trials, more than one, at the beginning of a sentence: `Five trials`, `12 trials`."""
    return f"{spelled(count).capitalize()} trials"


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """Sentences, the summary first, and a table of the figures behind them, which has footnotes of its own."""

    key: Literal["confirmed", "front", "ablation"]
    title: str
    lines: tuple[str, ...]
    table: Table[Any] | None = None
    leads: bool = False  # whether it has test results of the study as it is now: the page's first sentence is its


@dataclass(frozen=True, kw_only=True, slots=True)
class Sections:
    """The sections of a report about what was trained after the search."""

    winner: int | None = None
    """Number of the trial that the confirmation selected; None if the study was searched further since."""
    judged: tuple[Section, ...] = ()  # the confirmation of the best trials, and of the front
    ablation: Section | None = None
    outdated: bool = False  # whether every confirmation is of an earlier state of the study
    commands: NextCommands  # builds the next commands about the study

    @property
    def tested(self) -> Section | None:
        """The section whose test results lead the page."""
        return next((section for section in self.judged if section.leads), None)

    @property
    def retrained(self) -> bool:
        """Whether the best trials were trained with fresh seeds."""
        return any(section.key == "confirmed" for section in self.judged)


def sections_of(study: StoredStudy) -> Sections:
    """Return the sections whose results are in the study's folder; UsageError if those are of another study."""
    folder, commands = study.files.path, commands_of(study)
    found, front = load(Confirmed, folder), load(Front, folder)
    path = ablation.load(folder) if kind_of(study.spec).of_nets else None
    kept = [each for each in (found, front) if each is not None]
    return Sections(
        winner=found.winner if found and found.digest == study.digest else None,
        judged=tuple(of_result(each, study.digest, commands) for each in kept),
        ablation=None if path is None else of_ablation(path),
        outdated=bool(kept) and all(each.digest != study.digest for each in kept),
        commands=commands,
    )


def of_result(found: Confirmed | Front, digest: str, commands: NextCommands) -> Section:
    """Return the section about a confirmation; `digest` is the study's current one."""
    table, sentence = found.table(commands), finding(found, commands)
    is_current, of_front = found.digest == digest, isinstance(found, Front)
    if not is_current:
        sentence += " The study was searched further since; the confirmation is of its earlier state."
    return Section(
        key="front" if of_front else "confirmed",
        title="The front, with fresh seeds" if of_front else "Retrained with fresh seeds",
        lines=(sentence, *table.caption[of_front:]),
        table=table,
        leads=is_current and bool(found.finals),
    )


def of_ablation(path: Ablation) -> Section:
    """Return the section about an ablation: the path from the baseline to the trial."""
    table = path.table()
    title = "From the baseline, one group of settings at a time"
    return Section(key="ablation", title=title, lines=tuple(table.caption), table=table)
