"""The findings of a study in sentences, the most important first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mnist_bench import cells
from mnist_bench.cells import percent, spelled, unit
from mnist_bench.experiments import ablation, confirmed_table as result_tables
from mnist_bench.experiments.ablation import Ablation
from mnist_bench.experiments.confirmed import Confirmed, Final, Front, FrontMember, load
from mnist_bench.experiments.confirmed_table import accuracy, role
from mnist_bench.leaderboard.board import Leaderboard, ahead_words
from mnist_bench.leaderboard.ranking import UNTESTED, Ties, ties_of
from mnist_bench.next_commands import NextCommands
from mnist_bench.result_table import Figure, Table
from mnist_bench.studies.checked import commands_of
from mnist_bench.value_kind import ValueKind, kind_of
from search.event_log.records import StudyRecord, TrialRecord
from search.messages import first_few, joined, number_of
from search.study.studies import StoredStudy

NAMED = 5
"""Largest number of tied trials that the findings name."""
TEST = "McNemar's test on the same images, Holm-corrected, 5% level"


def findings(study: StudyRecord, board: Leaderboard, sections: Sections) -> Iterator[str]:
    """Yield the findings: test results, best trials, how certain their ranks are, and what pruning saved."""
    kind, ended, tested = board.kind, len(study.finished()), sections.tested
    if tested:
        yield tested.lines[0]
        images = f"{kind.images:,} validation images"
        yield f"In the search itself, each trial had one seed and was ranked by its accuracy on {images}."
    if study.best is None:
        yet = " yet" if ended < board.goal else ""
        yield f"No trial is complete{yet}, so there is no best one: {ended} of {board.goal} trials have ended."
    else:
        so_far = " so far" if ended < board.goal and board.stop is None else ""
        best = [*(_best_nets(study, kind, so_far) if kind.of_nets else [_best_value(study, kind, so_far)])]
        front = [_front(study, study.cost, board)] if study.cost is not None and len(board.front) > 1 else []
        yield from [*front, *best] if kind.of_nets else [*best, *front]
        if board.ahead:
            ahead = ahead_words(board)
            yield ahead[0].upper() + ahead[1:]
    if board.stop is not None:
        yield f"{kind.stop_line(board.stop)} {ended} of {board.goal} trials have ended."
    elif ended < board.goal and study.best is not None:
        state = "is still running" if study.live else "was stopped before its trial budget"
        yield f"The search {state}: {ended} of {board.goal} trials have ended, and the next may be better."
    if sections.front and sections.front is not tested:
        yield sections.front.lines[0]
    if sections.retrained:
        yield sections.retrained.lines[0]
    confirmed = not sections.outdated and (sections.retrained or sections.confirmed or sections.front)
    if study.best is not None and not confirmed and (kind.of_nets or ended > 1):
        which = " on one validation set" if kind.of_nets else ", each with one seed,"
        then = ", then evaluates once on the test set" if kind.of_nets else ""
        yield (
            f"Nothing is confirmed yet: the first of {ended:,} trials{which} is also the luckiest. "
            f"`{sections.commands.line('confirm')}` retrains the best with fresh seeds{then}."
        )
    if board.saved:
        yield f"Pruning saved {board.saved:g} of {board.budget:g} {kind.unit}s."


def _front(study: StudyRecord, cost: str, board: Leaderboard) -> str:
    kind, trials = board.kind, {trial.number: trial for trial in study.complete()}
    ends = (trials[board.front[-1]], trials[board.front[0]])
    made = f"{_trials(len(board.front))} make the Pareto front of {kind.name} and"
    if not kind.of_nets:
        low, high = (f"{kind.text(end.value)} at {cells.value(end.facts[cost])} {cost}" for end in ends)
        return f"{made} {cost}: {low} to {high}."
    low, high = (f"{kind.text(end.value)} on {cells.count(end.facts[cost])} {unit(cost)}" for end in ends)
    return f"{made} {unit(cost)}: {f'from {low} to {high}' if low != high else low}."  # of equals, or of one


def _best_value(study: StudyRecord, kind: ValueKind, so_far: str) -> str:
    """Return the best complete trial of another trainer."""
    complete = study.complete()
    number, value = complete[0].number, kind.text(complete[0].value)
    if len(complete) == 1:
        return f"Trial {number} is the only complete trial{so_far}: its {kind.name} is {value}."
    ends = f"the {'lowest' if kind.minimized else 'highest'} {kind.name}, {value}"
    return f"Trial {number} is the best of {len(complete):,} complete trials{so_far}: it has {ends}."


def _best_nets(study: StudyRecord, kind: ValueKind, so_far: str) -> Iterator[str]:
    """Yield the best complete trials, and which others the paired test separates from the first."""
    complete = study.complete()
    ties = ties_of(complete)
    first, right = ties.first, _right(kind, ties.first)
    if ties.tied:
        yield (
            f"{_trials(len(ties.all))} tie for the best{so_far}, {ties.accuracies}"
            f"{_cheapest(ties, study.cost or 'parameters')}."
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

    lines: tuple[str, ...]
    table: Table[Any] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Sections:
    """The sections of a report; None for the sections that the study does not have."""

    winner: int | None = None
    """Number of the trial that the confirmation selected; None if the study was searched further since."""
    test_results: Table[Any] | None = None
    """The test results of the study as it is now, in short: of the selected configurations, else of a front."""
    confirmed: Section | None = None  # a confirmation whose selected configuration was evaluated on the test images
    retrained: Section | None = None
    """A confirmation without an evaluation on the test set, or of an earlier state of the study."""
    front: Section | None = None  # the front on the test images, if a cost was minimised, too
    ablation: Section | None = None
    outdated: bool = False  # whether every confirmation is of an earlier state of the study
    commands: NextCommands  # builds the next commands about the study

    @property
    def tested(self) -> Section | None:
        """The section about the test results; None without `test_results`."""
        return (self.confirmed or self.front) if self.test_results else None


def sections_of(study: StoredStudy) -> Sections:
    """Return the sections whose results are in the study's folder.

    Raises:
        UsageError: the files in that folder are another study's.
        StorageError: a file cannot be read.
    """
    folder, commands = study.files.path, commands_of(study)
    found, front = load(Confirmed, folder), load(Front, folder)
    path = ablation.load(folder) if kind_of(study.spec).of_nets else None
    is_current = found is not None and found.digest == study.digest
    is_confirmed = found is not None and is_current and bool(found.finals)
    section = of_result(found, study.digest, commands) if found else None
    kept = [each for each in (found, front) if each is not None]
    is_current_front = front is not None and front.digest == study.digest
    results: list[Table[Any]] = [
        *([table_of_selected(found)] if found and is_confirmed else []),
        *([table_of_front(front)] if front and is_current_front else []),
    ]
    return Sections(
        test_results=results[0] if results else None,
        winner=found.winner if found and is_current else None,
        outdated=bool(kept) and all(each.digest != study.digest for each in kept),
        confirmed=section if is_confirmed else None,
        retrained=None if is_confirmed else section,
        front=of_result(front, study.digest, commands) if front else None,
        ablation=of_ablation(path) if path else None,
        commands=commands,
    )


def of_result(found: Confirmed | Front, digest: str, commands: NextCommands) -> Section:
    """Return the section about a confirmation; `digest` is the study's current one."""
    table = result_tables.table_of(found, commands)
    caption = table.caption
    if isinstance(found, Front):
        finding, caption = sentence_of_front(found), table.caption[1:]
    elif not found.of_nets:
        finding = result_tables.finding_of_values(found)
    elif found.finals:
        finding = sentence_of_selected(found)
    else:
        selected = f"Selected with fresh seeds: trial {found.winner}, not evaluated on the test set yet."
        finding = f"{selected} `{result_tables.command(found, commands)}` evaluates it once."
    if found.digest != digest:
        finding += " The study was searched further since; the confirmation is of its earlier state."
    return Section(lines=(finding, *caption), table=table)


def of_ablation(path: Ablation) -> Section:
    """Return the section about an ablation: the path from the baseline to the trial."""
    table = ablation.table_of(path)
    return Section(lines=tuple(table.caption), table=table)


def sentence_of_selected(found: Confirmed) -> str:
    """Return the selected configuration and its test accuracy, the configurations tied with it and the cheapest one.

    It is called the winner only if a significant test separates it from each other configuration. Its test accuracy
    is known.
    """
    tied = [row.number for row in found.candidates if row.number in found.tied and row.number != found.winner]
    figure = _figure(found, found.winner)
    if tied:
        return f"Selected: {figure}, statistically tied with {trials(tied)}. {_cheapest_selected(found)}"
    others = len(found.candidates) - 1
    if not others:
        return f"Selected: {figure}. No other configuration was retrained."
    if found.has_winner:
        worse = "the other configuration" if others == 1 else f"each of the {spelled(others)} other configurations"
        return f"Winner: {figure}. With fresh seeds, {worse} is significantly worse."
    return f"Selected: {figure}. Not every other configuration could be tested, because runs did not finish."


def _figure(found: Confirmed, number: int) -> str:
    """Return a trial with its test accuracy: `trial 48, 99.63% test accuracy (mean of 8 seeds, 95% CI ...)`."""
    test = found.test(number)
    if test is None:
        return f"trial {number}, of which no training on all images finished"
    if test.interval is None:
        return f"trial {number}, {cells.percent(test.mean)} test accuracy ({number_of(test.seeds, 'seed')})"
    median = f", median {cells.percent(test.median)}" if test.not_learned else ""
    figure = f"mean of {number_of(test.seeds, 'seed')}{median}, 95% CI {cells.interval(*test.interval)}"
    return f"trial {number}, {cells.percent(test.mean)} test accuracy ({figure})"


def _cheapest_selected(found: Confirmed) -> str:
    """Return which of the tied configurations, of which there are several, is the cheapest."""
    number = found.cheapest
    row, among = found.candidate(number), f"of the {spelled(len(found.tied))}"
    size = f"{cells.count(row.macs)} MACs and {cells.count(row.parameters)} parameters"
    if number == found.winner:
        return f"It is also the cheapest {among}: {size}."
    test = found.test(number)
    right = "" if test is None else f", {cells.percent(test.mean)}"
    return f"Cheapest {among}: trial {number}, {size}{right}."


def trials(numbers: Sequence[int]) -> str:
    """Return trials in a sentence: `trial 5`, `trials 5 and 13`."""
    return f"trial{'' if len(numbers) == 1 else 's'} {joined([str(number) for number in numbers])}"


def table_of_selected(found: Confirmed) -> Table[Final]:
    """Return a row for each configuration that was evaluated on the test images."""
    row = found.candidate

    return Table(
        rows=found.finals,
        figures=[
            Figure("trial", lambda final: final.number, 9, "right", cells.numbered),
            Figure("test accuracy", lambda final: accuracy(found.test(final.number)), 8),
            Figure("role", lambda final: role(found, final.number), 7),
            Figure("params", lambda final: row(final.number).parameters, 6, "right", cells.count),
            Figure("MACs", lambda final: row(final.number).macs, 6, "right", cells.count),
            Figure("validation", lambda final: accuracy(found.fresh(final.number)), 4),
        ],
        footnotes=[
            f"{_about_accuracies(found.test_images)} "
            "Validation: the accuracy with fresh seeds on the validation images, by which the trial was selected."
        ],
    )


def _about_accuracies(images: int) -> str:
    return f"Test accuracy: on {images:,} images, evaluated once; brackets: 95% interval of the mean over seeds."


def sentence_of_front(front: Front) -> str:
    """Return the test accuracies at both ends of a front, of the configurations of which a training finished."""
    found = [member for member in front.members if front.test(member.number)]
    if not found:
        return "Of the front, no training on all images finished."
    told = [
        f"{accuracy(front.test(end.number))} with {cells.count(end.cost)} {unit(front.cost)} (trial {end.number})"
        for end in (found[0], *found[1:][-1:])
    ]
    return f"Test accuracy{' from' if len(told) > 1 else ''} {' to '.join(told)}."


def table_of_front(front: Front) -> Table[FrontMember]:
    """Return a row for each configuration of a front, the cheapest first."""
    return Table(
        rows=front.members,
        figures=[
            Figure("trial", lambda row: row.number, 9, "right", cells.numbered),
            Figure("test accuracy", lambda row: accuracy(front.test(row.number)), 8),
            Figure(unit(front.cost), lambda row: row.cost, 6, "right", cells.count),
            Figure("on the front", lambda row: front.standing(row) or "–", 7),
        ],
        footnotes=[_about_accuracies(front.test_images)],
    )
