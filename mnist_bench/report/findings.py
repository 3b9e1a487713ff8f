"""The findings of a study in sentences, the most important first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mnist_bench import cells
from mnist_bench.cells import percent, spelled, unit
from mnist_bench.leaderboard.board import Leaderboard
from mnist_bench.leaderboard.correctness import accuracy_interval, validation_images
from mnist_bench.leaderboard.early_stop_lines import ahead_line, stop_line
from mnist_bench.leaderboard.ties import UNTESTED, Ties, ties_of
from mnist_bench.next_commands import NextCommands
from mnist_bench.report.sections import Sections
from search.event_log.records import StudyRecord, TrialRecord
from search.messages import first_few, joined

NAMED = 5
"""Largest number of tied trials that the findings name."""
TEST = "McNemar's test on the same images, Holm-corrected, 5% level"


def findings(study: StudyRecord, board: Leaderboard, sections: Sections) -> Iterator[str]:
    """Yield the findings: test results, best trials, how certain their ranks are, and epochs saved by pruning."""
    ended = len(study.finished())
    tested = sections.tested
    if tested:
        yield tested.lines[0]
        images = f"{validation_images(study.spec['context']):,} validation images"
        yield f"In the search itself, each trial had one seed and was ranked by its accuracy on {images}."
    if study.best is None:
        yet = " yet" if ended < board.goal else ""
        yield f"No trial is complete{yet}, so there is no best one: {ended} of {board.goal} trials have ended."
    else:
        if study.cost is not None and len(board.front) > 1:
            yield _front(study, study.cost, board)
        yield from _best(study, board, ended)
        if board.first is not None and board.ahead:
            ahead = ahead_line(board.first, board.ahead, foreign=False).removeprefix("ahead: ")
            yield ahead[0].upper() + ahead[1:]
        if board.stop is not None:
            yield f"{stop_line(board.stop, foreign=False)} {ended} of {board.goal} trials have ended."
        elif ended < board.goal:
            state = "is still running" if study.live else "was stopped before its trial budget"
            yield f"The search {state}: {ended} of {board.goal} trials have ended, and the next may be better."
        if sections.front and sections.front is not tested:
            yield sections.front.lines[0]
        if sections.retrained:
            yield sections.retrained.lines[0]
        if sections.outdated or not (sections.retrained or sections.confirmed or sections.front):
            yield _unconfirmed(ended, sections.commands)
    if board.saved:
        yield f"Pruning saved {board.saved:g} of {board.budget:g} epochs."


def _front(study: StudyRecord, cost: str, board: Leaderboard) -> str:
    trials = {trial.number: trial for trial in study.complete()}
    ends = (trials[board.front[-1]], trials[board.front[0]])
    low, high = (f"{cells.percent(end.value)} on {cells.count(end.facts[cost])} {unit(cost)}" for end in ends)
    span = f"from {low} to {high}" if low != high else low  # of equals, or of one
    return f"{_trials(len(board.front))} make the Pareto front of accuracy and {unit(cost)}: {span}."


def _best(study: StudyRecord, board: Leaderboard, ended: int) -> Iterator[str]:
    """Yield the best complete trials, and which others the paired test separates from the first."""
    complete, so_far = study.complete(), " so far" if ended < board.goal and board.stop is None else ""
    ties = ties_of(complete)
    first, right = ties.first, _right(study, ties.first)
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


def _right(study: StudyRecord, best: TrialRecord) -> str:
    images = validation_images(study.spec["context"])
    ends = accuracy_interval(best, images)
    interval = "" if ends is None else f" (95% interval {100 * ends[0]:.2f} to {percent(ends[1])})"
    return f"{percent(best.value)} of the {images:,} validation images right{interval}"


def _named(trials: Sequence[TrialRecord]) -> str:
    named = [str(trial.number) for trial in trials]
    numbers = first_few(named, NAMED) if len(named) > NAMED else joined(named)
    return f"trial{'' if len(named) == 1 else 's'} {numbers}"


def _trials(count: int) -> str:
    """Return a number of trials, more than one, at the beginning of a sentence: `Five trials`, `12 trials`."""
    return f"{spelled(count).capitalize()} trials"


def _unconfirmed(ended: int, commands: NextCommands) -> str:
    return (
        f"Nothing is confirmed yet: the first of {ended} trials on one validation set is also the luckiest. "
        f"`{commands.line('confirm')}` retrains the best with fresh seeds, then evaluates once on the test set."
    )
