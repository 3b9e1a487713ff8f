"""A confirmation as a table, with all its words: the race, its decision, the results on the test images."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from mnist_bench import cells
from mnist_bench.experiments.confirm.race_result import (
    TOP,
    AccuracyOverSeeds,
    Confirmed,
    Final,
    Method,
    RaceCandidate,
    Raced,
    Racer,
    plain,
)
from mnist_bench.experiments.time_budget import as_given, typed
from mnist_bench.next_commands import NextCommands
from mnist_bench.result_table import Column, Table
from search.messages import number_of

METHODS: Mapping[Method, str] = {
    "shared_variance": "t-tests over seeds with one variance for all",
    "own_differences": (
        "paired t-tests over seeds, each pair by its own differences, with one variance for those that vary alike"
    ),
}


def table_of(confirmed: Confirmed, commands: NextCommands | None = None) -> Table[RaceCandidate]:
    """Return the race as it ended, with its consequences in words; `commands` are the next commands about the study."""
    commands = commands or NextCommands(study=confirmed.study)
    return Table(
        rows=ordered(confirmed),
        columns=[
            Column("trial", lambda row: f"#{row.number}", 11, "right", lambda row: row.number),
            Column("seeds", lambda row: str(len(row.errors)), 6, "right"),
            Column("validation", lambda row: accuracy(confirmed.validation(row.number)), 9),
            Column("errors", lambda row: "–" if row.mean_errors is None else f"{row.mean_errors:.1f}", 7, "right"),
            Column("race", lambda row: verdict(confirmed, row), 10),
            Column("in the search", _in_the_search, 4),
            Column("params", lambda row: cells.count(row.parameters), 5, "right", lambda row: row.parameters),
            Column("MACs", lambda row: cells.count(row.macs), 5, "right", lambda row: row.macs),
        ],
        caption=[headline(confirmed)],
        footnotes=[
            *validation_lines(confirmed),
            *failure_lines(confirmed),
            *race_lines(confirmed),
            "",
            *test_lines(confirmed, commands),
        ],
        document=plain(confirmed),
    )


def validation_lines(confirmed: Confirmed) -> list[str]:
    """Return the meaning of the table's accuracies, and the limits of their intervals."""
    if confirmed.seeds == 1:
        lines = [f"validation: with one fresh seed, on {confirmed.validation_images:,} images."]
    else:
        lines = [
            f"validation: mean of fresh seeds and its 95% interval, on {confirmed.validation_images:,} images; it "
            "covers other seeds, not other images."
        ]
    if len(confirmed.candidates) > 1:
        unlike = "; its test accuracy is not" if confirmed.finals else ""
        lines.append(f"#{confirmed.first} was selected by this accuracy, so it is slightly too high there{unlike}.")
    return lines


def failure_lines(confirmed: Confirmed) -> list[str]:
    """Return which candidates had seeds with which they did not learn."""
    found = [(row.number, confirmed.validation(row.number)) for row in ordered(confirmed)]
    return [f"#{number}: {failures(figures)}." for number, figures in found if figures and figures.not_learned]


def failures(found: AccuracyOverSeeds) -> str:
    """Return how many seeds did not learn, and their accuracies."""
    seeds = number_of(found.seeds, "seed")
    return f"{len(found.not_learned)} of {seeds} did not learn ({', '.join(map(cells.percent, found.not_learned))})"


def headline(confirmed: Confirmed) -> str:
    """Return one line: the study, how many raced, with how many seeds, and how long all took."""
    seeds = "1 fresh seed" if confirmed.seeds == 1 else f"up to {confirmed.seeds} fresh seeds"
    raced = number_of(len(confirmed.candidates), "configuration")
    return f"{confirmed.study}: {raced} raced with {seeds} in {cells.duration(confirmed.seconds)}."


def footnote(confirmed: Confirmed, commands: NextCommands) -> str:
    """Return the line about a study that raced below its leaderboard; "confirmed" only if a test was made."""
    test, number = confirmed.test(confirmed.first), confirmed.first
    on = f"`{command(confirmed, commands)}`"
    if not confirmed.finals and len(confirmed.candidates) == 1:
        seeds = number_of(confirmed.seeds, "fresh seed")
        return f"#{number} was trained with {seeds}, and nothing raced with it; {on} evaluates it once on the test set"
    if not confirmed.finals and confirmed.judged:
        return f"raced: #{number} was selected with fresh seeds; {on} evaluates it once on the test set"
    if not confirmed.finals:
        untested = f"raced: #{number} leads with one fresh seed, and no test was made"
        return f"{untested}; {on} continues, then evaluates once on the test set"
    told = (
        f"confirmed: #{number}" if confirmed.judged else f"no test was made; #{number}, which led with one fresh seed:"
    )
    if test is None:
        return f"{told.rstrip(':')}, of which no run on all images finished"
    return f"{told} {accuracy(test)} on the test images, {test.seeds} seeds"


def command(confirmed: Confirmed, commands: NextCommands) -> str:
    """Return the command that continues a confirmation of which nothing was trained on all images.

    If the test set is to stay closed, it races to the end: a budget was given for less, or for the final training too.
    """
    return _command(confirmed, None if commands.no_test else _budget_to_the_end(confirmed), commands)


def command_again(confirmed: Confirmed, commands: NextCommands) -> str:
    """Return the same command again, which trains networks that are gone."""
    return _command(confirmed, _budget(confirmed), commands)


def _command(confirmed: Confirmed, budget: str | None, commands: NextCommands) -> str:
    top = () if confirmed.top == TOP else ("--top", str(confirmed.top))
    return commands.line("confirm", *top, *(() if budget is None else ("--budget", budget)))


def _budget_to_the_end(confirmed: Confirmed) -> str | None:
    """Return the budget with which `command` continues, as it is typed: the same one if a test was made and it has
    room for the rest."""
    budget, least = confirmed.budget, confirmed.least
    if least is None or (confirmed.judged and (budget is None or budget >= least)):
        return _budget(confirmed)
    return typed(least)


def _budget(confirmed: Confirmed) -> str | None:
    return None if confirmed.budget is None else as_given(confirmed.budget)


def ordered(confirmed: Confirmed) -> list[RaceCandidate]:
    """Return the candidates as the race ended: the selected one, the other tied ones, then those dropped last."""
    return sorted(
        confirmed.candidates,
        key=lambda row: (
            row.number != confirmed.first, row.dropped_after is not None, -(row.dropped_after or 0),
            math.inf if row.mean_errors is None else row.mean_errors,
        ),
    )  # fmt: skip


def accuracy(figures: AccuracyOverSeeds | None) -> str:
    """Return a mean accuracy in percent, with its interval if there are several seeds.

    If a seed did not learn, the mean shows little, and the median follows it.
    """
    if figures is None:
        return "–"
    mean = f"{cells.percent(figures.mean)} {cells.interval(*(figures.interval or (None, None)))}".rstrip()
    return f"{mean}, median {cells.percent(figures.median)}" if figures.not_learned else mean


def verdict(confirmed: Raced, row: Racer) -> str:
    """Return how a candidate's race ended."""
    if row.dropped_after is None:
        if row.number != confirmed.first:
            return "=" if confirmed.judged else "not tested"
        tied = " (tied)" if confirmed.judged and len(confirmed.tied) > 1 else ""
        return f"{_role(confirmed, row.number)}{tied}"
    seeds = number_of(row.dropped_after, "seed")
    if row.p_value is None:
        return f"dropped after {seeds}: a run did not finish"
    return f"dropped after {seeds} ({cells.p_value(row.p_value)})"


def race_lines(confirmed: Confirmed) -> list[str]:
    """Return the decision of the race and the open questions."""
    lines = decision_lines(confirmed)
    if confirmed.cheapest is not None and len(confirmed.tied) > 1:
        lines.append(_cheapest_line(confirmed, confirmed.cheapest))
    return [*lines, *cut_lines(confirmed)]


def decision_lines(confirmed: Raced) -> list[str]:
    """Return which candidates are tied, or how the others left the race; nothing if there was one candidate."""
    first = confirmed.first
    others = [number for number in confirmed.tied if number != first]
    method = f"{METHODS[confirmed.method]}; Holm-corrected, 5% level"
    if not confirmed.judged:
        return ["With one seed each, no statistical test was made: the order may be luck."]
    if others:
        return [f"= not significantly worse than #{first} ({method}): {_names(others)}."]
    return [_alone_line(confirmed, method)] if len(confirmed.candidates) > 1 else []


def _alone_line(confirmed: Raced, method: str) -> str:
    """Return how the others left the race; a run that did not finish is not a test."""
    first, others = confirmed.first, [row for row in confirmed.candidates if row.number != confirmed.first]
    broken = [row.number for row in others if row.p_value is None]
    if not broken:
        return f"#{first} alone is left: all others are significantly worse ({method})."
    if len(broken) == len(others):
        return f"#{first} alone is left, and no test was made: a run of each other did not finish."
    return (
        f"#{first} alone is left: the others are significantly worse ({method}), except those of which a run did not "
        f"finish: {_names(broken)}."
    )


def _cheapest_line(confirmed: Confirmed, number: int) -> str:
    cheapest = confirmed.candidate(number)
    size = f"{cells.count(cheapest.macs)} MACs, {cells.count(cheapest.parameters)} parameters"
    if number == confirmed.first:
        return f"#{number} is also the cheapest of the tied ({size})."
    first = confirmed.candidate(confirmed.first)
    than = f"{cells.count(first.macs)} and {cells.count(first.parameters)}"
    return f"The cheapest of the tied is #{number}: {size} (#{first.number}: {than})."


def cut_lines(confirmed: Raced) -> list[str]:
    """Return that the budget ended the race, and which candidates are unresolved; nothing if it did not end it."""
    if not confirmed.cut:
        return []
    others = [number for number in confirmed.tied if number != confirmed.first]
    budget = "" if confirmed.budget is None else f" of {cells.duration(confirmed.budget)}"
    seeds = number_of(confirmed.seeds, "seed")
    unresolved = f"; unresolved: {_names([confirmed.first, *others])}" if others else ""
    return [f"The budget{budget} ended the race after {seeds}{unresolved}."]


def test_lines(confirmed: Confirmed, commands: NextCommands) -> list[str]:
    """Return the test figures of each network trained on all images, the gap to validation, and the search's luck.

    If the test set was left closed: why, and the command that continues from there.
    """
    images = confirmed.train_images + confirmed.validation_images
    lines = []
    if not confirmed.finals:
        lines.append(_closed_line(confirmed, commands))
    elif not confirmed.judged:
        # The first versions evaluated on the test set unasked, and named a winner.
        asked = ", as --force-test asks" if confirmed.winner is None else " all the same"
        lines.append(f"No statistical test was made; the test set was evaluated{asked}.")
    if confirmed.finals:
        lines.append(
            f"Then trained on all {images:,} images and evaluated once on {confirmed.test_images:,} test images:"
        )
    for final in confirmed.finals:
        lines += _final_lines(confirmed, final)
    first, fresh = confirmed.candidate(confirmed.first), confirmed.validation(confirmed.first)
    if fresh is not None and first.dropped_after is None:
        lines += _luck_lines(first, fresh)
    return lines


def _closed_line(confirmed: Confirmed, commands: NextCommands) -> str:
    """Return why nothing was trained on all images, and the next command; no command here lifts a --no-test."""
    untested = "" if confirmed.judged else "No statistical test was made, so nothing is selected yet. "
    closed = "Nothing was trained on all images, and the test set was not used"
    if not commands.no_test:
        return f"{untested}{closed}; `{command(confirmed, commands)}` continues, then evaluates once on the test set."
    final = "trains the selected configuration on all images and evaluates it once on the test set."
    if not confirmed.cut:
        return f"{untested}{closed}. Without --no-test, `confirm` {final}"
    return (
        f"{untested}{closed}. `{command(confirmed, commands)}` continues the race; without --no-test, it then {final}"
    )


def _role(confirmed: Raced, number: int) -> str:
    if number != confirmed.first:
        return "cheapest"
    if confirmed.has_winner:
        return "winner"
    return "selected" if confirmed.judged else "leader"


def committee(final: Final, images: int) -> str:
    """Return the accuracy of an ensemble, which was measured, on `images` test images."""
    wrong = final.committee or 0
    return f"{cells.percent(1 - wrong / images)}, {wrong:,} of {images:,} wrong"


def _final_lines(confirmed: Confirmed, final: Final) -> list[str]:
    number, errors = final.number, final.errors
    test, validation = confirmed.test(number), confirmed.validation(number)
    role = _role(confirmed, number)
    if test is None or validation is None:
        return [f"  #{number} ({role}): no run finished."]
    each = "  ".join("–" if count is None else f"{100 * (1 - count / confirmed.test_images):.2f}" for count in errors)
    gap = 100 * (test.mean - validation.mean)
    together = [] if final.committee is None else [
        f"      ensemble of the {final.ended} networks, their probabilities averaged: "
        f"{committee(final, confirmed.test_images)}."
    ]  # fmt: skip
    difference = "the same to 0.01 percentage points"
    if round(abs(gap), 2):
        difference = f"{abs(gap):.2f} percentage points {'higher' if gap > 0 else 'lower'}"
    unlearned = [f"      {failures(test)}."] if test.not_learned else []
    return [
        f"  #{number} ({role})  {accuracy(test)} on the test images, {test.seeds} seeds: {each}",
        *unlearned,
        *together,
        f"      validation {accuracy(validation)}, so the test accuracy is {difference}.",
    ]


def _luck_lines(winner: RaceCandidate, fresh: AccuracyOverSeeds) -> list[str]:
    """Return the selected candidate's figure in the search; nothing after a single fresh seed, which may be luck."""
    luck = 100 * (winner.search_accuracy - fresh.mean)
    then, now = cells.percent(winner.search_accuracy), cells.percent(fresh.mean)
    if not winner.complete:
        epochs = "1 epoch" if winner.search_epochs == 1 else f"{winner.search_epochs:g} epochs"
        return [f"In the search #{winner.number} was pruned after {epochs} at {then}."]
    if fresh.seeds == 1:
        return []
    had = f"In the search #{winner.number} had {then}, with fresh seeds {now}"
    if round(luck, 2) == 0:
        return [f"{had}: the same to 0.01 percentage points."]
    seemed = "too high" if luck > 0 else "too low"
    return [f"{had}: the search's figure was {abs(luck):.2f} percentage points {seemed}."]


def _in_the_search(row: RaceCandidate) -> str:
    pruned = "" if row.complete else f" at {row.search_epochs:g}, pruned"
    return f"{cells.percent(row.search_accuracy)}{pruned}"


def _names(numbers: Iterable[int]) -> str:
    return ", ".join(f"#{number}" for number in numbers)
