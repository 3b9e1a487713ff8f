"""The findings of a study in sentences, the most important first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mnist_bench import cells
from mnist_bench.cells import percent, spelled, unit
from mnist_bench.leaderboard.board import Leaderboard, ahead_words
from mnist_bench.leaderboard.ranking import UNTESTED, Ties, ties_of
from mnist_bench.report.sections import Sections
from mnist_bench.value_kind import ValueKind
from search.event_log.records import StudyRecord, TrialRecord
from search.messages import first_few, joined

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
