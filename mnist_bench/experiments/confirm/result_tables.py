"""Confirmations as tables, with all their words: the race, its decision, the results on the test images; a front."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mnist_bench import cells
from mnist_bench.cells import count, interval, numbered, percent, unit
from mnist_bench.experiments.confirm.results import (
    TOP,
    AccuracyOverSeeds,
    Confirmed,
    ConfirmedValues,
    Final,
    Front,
    FrontMember,
    OverSeeds,
    RaceCandidate,
    Result,
    ValueCandidate,
    tested,
)
from mnist_bench.experiments.time_budget import as_given, typed
from mnist_bench.next_commands import NextCommands
from mnist_bench.result_table import Figure, Table
from search.messages import number_of

Race = Confirmed | ConfirmedValues
Row = RaceCandidate | ValueCandidate
TEST = (
    "paired t-tests over seeds, each pair by its own differences, with one variance for those that vary alike; "
    "Holm-corrected, 5% level"
)
"""The test of a race, see `race`."""


def table_of(found: Result, commands: NextCommands | None = None) -> Table[Any]:
    """Return a confirmation with its consequences in words; `commands` are the next commands about the study."""
    commands = commands or NextCommands(study=found.study)
    match found:
        case Front():
            return _table_of_front(found)
        case ConfirmedValues():
            below = [*_meaning_of_values(found), *decision_lines(found), *_continued(found, commands)]
            return _table_of_race(found, [], below)
        case Confirmed():
            figures = [
                Figure[Row]("params", lambda row: _net(row).parameters, 5, "right", count),
                Figure[Row]("MACs", lambda row: _net(row).macs, 5, "right", count),
            ]
            above = [*validation_lines(found), *failure_lines(found), *race_lines(found)]
            return _table_of_race(found, figures, [*above, "", *test_lines(found, commands)])
    raise TypeError(f"{type(found).__name__} is not a confirmation")


def _table_of_race(found: Race, figures: list[Figure[Row]], footnotes: list[str]) -> Table[Row]:
    of_values = isinstance(found, ConfirmedValues)
    seeds = "1 fresh seed" if found.seeds == 1 else f"up to {found.seeds} fresh seeds"
    raced = number_of(len(found.candidates), "configuration")
    errors = Figure[Row]("errors", lambda row: "–" if row.mean is None else f"{row.mean:.1f}", 7, "right")
    return Table(
        rows=ordered(found),
        figures=[
            Figure("trial", lambda row: row.number, 11, "right", numbered),
            Figure("seeds", lambda row: len(_runs(row)), 6, "right"),
            Figure(
                found.name if isinstance(found, ConfirmedValues) else "validation",
                lambda row: accuracy(found.fresh(row.number)),
                9,
            ),
            *([] if of_values else [errors]),
            Figure("race", lambda row: verdict(found, row), 10),
            Figure("in the search", _in_the_search, 4),
            *figures,
        ],
        caption=[f"{found.study}: {raced} raced with {seeds} in {cells.duration(found.seconds)}."],
        footnotes=footnotes,
        document=found.plain(),
    )


def _net(row: Row) -> RaceCandidate:
    if isinstance(row, ValueCandidate):
        raise TypeError(f"#{row.number} is not a network")
    return row


def _runs(row: Row) -> tuple[float | None, ...]:
    return row.values if isinstance(row, ValueCandidate) else row.errors


def ordered(found: Race) -> list[Row]:
    """Return the candidates as the race ended: the selected one, the other tied ones, then those dropped last."""
    sign = -1 if isinstance(found, ConfirmedValues) and not found.minimized else 1

    def key(row: Row) -> tuple[object, ...]:
        dropped = row.dropped_after
        mean = math.inf if row.mean is None else sign * row.mean
        return row.number != found.first, dropped is not None, -(dropped or 0), mean

    return sorted(found.candidates, key=key)


def _in_the_search(row: Row) -> str:
    if isinstance(row, ValueCandidate):
        pruned = "" if row.complete else f" (pruned after {number_of(row.search_reports, 'report')})"
        return f"{cells.value(row.search_value)}{pruned}"
    return f"{percent(row.search_accuracy)}{'' if row.complete else f' at {row.search_epochs:g}, pruned'}"


def accuracy(found: OverSeeds | None) -> str:
    """Return a mean accuracy in percent, or another mean, with its interval if there are several seeds.

    If a seed did not learn, the mean shows little, and the median follows it.
    """
    if found is None:
        return "–"
    if not isinstance(found, AccuracyOverSeeds):
        ends = ", ".join(cells.significant(end, 4) for end in found.interval or ())
        return f"{cells.value(found.mean)} [{ends}]" if ends else cells.value(found.mean)
    mean = f"{percent(found.mean)} {interval(*(found.interval or (None, None)))}".rstrip()
    return f"{mean}, median {percent(found.median)}" if found.not_learned else mean


def failures(found: AccuracyOverSeeds) -> str:
    """Return how many seeds did not learn, and their accuracies."""
    seeds = number_of(found.seeds, "seed")
    return f"{len(found.not_learned)} of {seeds} did not learn ({', '.join(map(percent, found.not_learned))})"


def committee(final: Final, images: int) -> str:
    """Return the accuracy of an ensemble, which was measured, on `images` test images."""
    wrong = final.committee or 0
    return f"{percent(1 - wrong / images)}, {wrong:,} of {images:,} wrong"


# The race


def verdict(found: Race, row: Row) -> str:
    """Return how a candidate's race ended."""
    if row.dropped_after is None:
        if row.number != found.first:
            return "=" if found.judged else "not tested"
        return f"{_role(found, row.number)}{' (tied)' if found.judged and len(found.tied) > 1 else ''}"
    seeds = number_of(row.dropped_after, "seed")
    if row.p_value is None:
        return f"dropped after {seeds}: a run did not finish"
    return f"dropped after {seeds} ({cells.p_value(row.p_value)})"


def _role(found: Race, number: int) -> str:
    if number != found.first:
        return "cheapest"
    return "winner" if found.has_winner else "selected" if found.judged else "leader"


def decision_lines(found: Race) -> list[str]:
    """Return which candidates are tied, or how the others left the race; nothing if there was one candidate."""
    first, tied = found.first, [number for number in found.tied if number != found.first]
    if not found.judged:
        return ["With one seed each, no statistical test was made: the order may be luck."]
    if tied:
        return [f"= not significantly worse than #{first} ({TEST}): {_names(tied)}."]
    broken = [row.number for row in found.others if row.p_value is None]  # a run that did not finish is not a test
    if not found.others:
        return []
    if not broken:
        return [f"#{first} alone is left: all others are significantly worse ({TEST})."]
    if len(broken) == len(found.others):
        return [f"#{first} alone is left, and no test was made: a run of each other did not finish."]
    return [
        f"#{first} alone is left: the others are significantly worse ({TEST}), except those of which a run did not "
        f"finish: {_names(broken)}."
    ]


def cut_lines(found: Race) -> list[str]:
    """Return that the budget ended the race, and which candidates are unresolved; nothing if it did not end it."""
    if not found.cut:
        return []
    others = [number for number in found.tied if number != found.first]
    budget = "" if found.budget is None else f" of {cells.duration(found.budget)}"
    unresolved = f"; unresolved: {_names([found.first, *others])}" if others else ""
    return [f"The budget{budget} ended the race after {number_of(found.seeds, 'seed')}{unresolved}."]


def race_lines(found: Confirmed) -> list[str]:
    """Return the decision of the race and the open questions."""
    cheapest = [] if found.cheapest is None or len(found.tied) < 2 else [_cheapest_line(found, found.cheapest)]
    return [*decision_lines(found), *cheapest, *cut_lines(found)]


def _cheapest_line(found: Confirmed, number: int) -> str:
    cheapest, first = found.candidate(number), found.candidate(found.first)
    size = f"{count(cheapest.macs)} MACs, {count(cheapest.parameters)} parameters"
    if cheapest is first:
        return f"#{number} is also the cheapest of the tied ({size})."
    than = f"{count(first.macs)} and {count(first.parameters)}"
    return f"The cheapest of the tied is #{number}: {size} (#{first.number}: {than})."


def validation_lines(found: Confirmed) -> list[str]:
    """Return the meaning of the table's accuracies, and the limits of their intervals."""
    images = f"on {found.validation_images:,} images"
    of_several = f"mean of fresh seeds and its 95% interval, {images}; it covers other seeds, not other images."
    lines = [f"validation: {of_several if found.seeds > 1 else f'with one fresh seed, {images}.'}"]
    if len(found.candidates) > 1:
        unlike = "; its test accuracy is not" if found.finals else ""
        lines.append(f"#{found.first} was selected by this accuracy, so it is slightly too high there{unlike}.")
    return lines


def failure_lines(found: Confirmed) -> list[str]:
    """Return which candidates had seeds with which they did not learn."""
    fresh = [(row.number, found.validation(row.number)) for row in ordered(found)]
    return [f"#{number}: {failures(figures)}." for number, figures in fresh if figures and figures.not_learned]


def _names(numbers: Iterable[int]) -> str:
    return ", ".join(f"#{number}" for number in numbers)


# The test images


def test_lines(found: Confirmed, commands: NextCommands) -> list[str]:
    """Return the test figures of each network trained on all images, the gap to validation, and the search's luck.

    If the test set was left closed: why, and the command that continues from there.
    """
    lines = []
    if not found.finals:
        lines.append(_closed_line(found, commands))
    else:
        if not found.judged:
            lines.append("No statistical test was made; the test set was evaluated, as --force-test asks.")
        lines.append(
            f"Then trained on all {found.train_images + found.validation_images:,} images and evaluated once on "
            f"{found.test_images:,} test images:"
        )
    for final in found.finals:
        lines += _final_lines(found, final)
    return [*lines, *_luck_lines(found, found.candidate(found.first))]


def _closed_line(found: Confirmed, commands: NextCommands) -> str:
    """Return why nothing was trained on all images, and the next command; no command here lifts a --no-test."""
    untested = "" if found.judged else "No statistical test was made, so nothing is selected yet. "
    closed = f"{untested}Nothing was trained on all images, and the test set was not used"
    again = f"`{command(found, commands)}` continues"
    if not commands.no_test:
        return f"{closed}; {again}, then evaluates once on the test set."
    final = "trains the selected configuration on all images and evaluates it once on the test set."
    if not found.cut:
        return f"{closed}. Without --no-test, `confirm` {final}"
    return f"{closed}. {again} the race; without --no-test, it then {final}"


def _final_lines(found: Confirmed, final: Final) -> list[str]:
    number, images = final.number, found.test_images
    test, validation, role = found.test(number), found.validation(number), _role(found, number)
    if test is None or validation is None:
        return [f"  #{number} ({role}): no run finished."]
    each = "  ".join("–" if wrong is None else f"{100 * (1 - wrong / images):.2f}" for wrong in final.errors)
    together = f"ensemble of the {final.ended} networks, their probabilities averaged: {committee(final, images)}."
    gap = 100 * (test.mean - validation.mean)
    difference = "the same to 0.01 percentage points"
    if round(abs(gap), 2):
        difference = f"{abs(gap):.2f} percentage points {'higher' if gap > 0 else 'lower'}"
    return [
        f"  #{number} ({role})  {accuracy(test)} on the test images, {test.seeds} seeds: {each}",
        *([f"      {failures(test)}."] if test.not_learned else []),
        *([] if final.committee is None else [f"      {together}"]),
        f"      validation {accuracy(validation)}, so the test accuracy is {difference}.",
    ]


def _luck_lines(found: Confirmed, first: RaceCandidate) -> list[str]:
    """Return the selected candidate's figure in the search; nothing after a single fresh seed, which may be luck."""
    fresh, then = found.validation(first.number), percent(first.search_accuracy)
    if fresh is None or first.dropped_after is not None:
        return []
    if not first.complete:
        epochs = "1 epoch" if first.search_epochs == 1 else f"{first.search_epochs:g} epochs"
        return [f"In the search #{first.number} was pruned after {epochs} at {then}."]
    if fresh.seeds == 1:
        return []
    luck = 100 * (first.search_accuracy - fresh.mean)
    had = f"In the search #{first.number} had {then}, with fresh seeds {percent(fresh.mean)}"
    if round(luck, 2) == 0:
        return [f"{had}: the same to 0.01 percentage points."]
    seemed = "too high" if luck > 0 else "too low"
    return [f"{had}: the search's figure was {abs(luck):.2f} percentage points {seemed}."]


# Below a leaderboard, and the next commands


def footnote(found: Result, commands: NextCommands) -> str:
    """Return the line about a study that raced below its leaderboard; "confirmed" only if a test was made."""
    match found:
        case Front():
            return front_footnote(found, commands)
        case ConfirmedValues():
            figure, seeds = f"{found.name} {accuracy(found.fresh(found.first))}", number_of(found.seeds, "fresh seed")
            if not found.judged:
                return f"raced: #{found.first} leads with one fresh seed, and no test was made: {figure}"
            return f"confirmed: #{found.first}, {figure}, mean of {seeds}"
        case Confirmed():
            return _footnote(found, commands)
    raise TypeError(f"{type(found).__name__} is not a confirmation")


def _footnote(found: Confirmed, commands: NextCommands) -> str:
    number, test = found.first, found.test(found.first)
    on = f"`{command(found, commands)}`"
    if found.finals:
        told = (
            f"confirmed: #{number}" if found.judged else f"no test was made; #{number}, which led with one fresh seed:"
        )
        if test is None:
            return f"{told.rstrip(':')}, of which no run on all images finished"
        return f"{told} {accuracy(test)} on the test images, {test.seeds} seeds"
    if len(found.candidates) == 1:
        seeds = number_of(found.seeds, "fresh seed")
        return f"#{number} was trained with {seeds}, and nothing raced with it; {on} evaluates it once on the test set"
    if found.judged:
        return f"raced: #{number} was selected with fresh seeds; {on} evaluates it once on the test set"
    untested = f"raced: #{number} leads with one fresh seed, and no test was made"
    return f"{untested}; {on} continues, then evaluates once on the test set"


def command(found: Confirmed, commands: NextCommands) -> str:
    """Return the command that continues a confirmation of which nothing was trained on all images.

    If the test set is to stay closed, it races to the end: a budget was given for less, or for the final training too.
    Else with the same budget if a test was made and it has room for the rest.
    """
    budget, least = found.budget, found.least
    if commands.no_test:
        return _command(found, commands)
    has_room = least is None or (found.judged and (budget is None or budget >= least))
    return command_again(found, commands) if has_room or least is None else _command(found, commands, typed(least))


def command_again(found: Confirmed | Front, commands: NextCommands) -> str:
    """Return the same command again, which trains networks that are gone, or shows all of a front."""
    if isinstance(found, Front):
        whole = not found.left_out and len(found.members) <= TOP
        return commands.line("confirm", "--front", *([] if whole else ["--top", str(len(found.members))]))
    return _command(found, commands, None if found.budget is None else as_given(found.budget))


def _command(found: Race, commands: NextCommands, budget: str | None = None) -> str:
    top = () if found.top == TOP else ("--top", str(found.top))
    return commands.line("confirm", *top, *(() if budget is None else ("--budget", budget)))


def command_for_nets(folder: Path, number: int, commands: NextCommands) -> str:
    """Return the command that trains the networks of trial `number` again that are gone from a study's folder.

    Raises:
        StorageError: the study's confirmation cannot be read.
    """
    named = (one for one in tested(folder) if number in (final.number for final in one.evaluated))
    found = next(named, None)
    return commands.line("confirm") if found is None else command_again(found, commands)


# Values of other trainers


def finding_of_values(found: ConfirmedValues) -> str:
    """Return which configuration was selected, and which are tied with it, in a sentence."""
    first, figure = found.first, f"{found.name} {accuracy(found.fresh(found.first))}"
    if not found.judged:
        return f"Not confirmed, because no test was made: trial {first} leads with one fresh seed ({figure})."
    told = f"trial {first}, {figure} (mean of {number_of(found.seeds, 'fresh seed')})"
    if tied := len(found.tied) - 1:
        return f"Selected with fresh seeds: {told}; {number_of(tied, 'other configuration')} tied with it."
    if found.has_winner:
        return f"Winner with fresh seeds: {told}; each other configuration is significantly worse."
    return f"Selected with fresh seeds: {told}."


def _meaning_of_values(found: ConfirmedValues) -> list[str]:
    better = f"{'smaller' if found.minimized else 'larger'} values are better."
    if found.seeds == 1:
        return [f"{found.name}: with one fresh seed; {better}"]
    lines = [f"{found.name}: mean of fresh seeds and its 95% interval; {better}"]
    if len(found.candidates) > 1:
        lines.append(f"#{found.first} was selected by this value, so it is slightly too good there.")
    return lines


def _continued(found: ConfirmedValues, commands: NextCommands) -> list[str]:
    on = f"`{_command(found, commands)}` continues the race to its end."
    return [*cut_lines(found), on] if found.cut else []


# A front


def _table_of_front(front: Front) -> Table[FrontMember]:
    number = "1 configuration" if len(front.members) == 1 else f"{len(front.members)} configurations"
    seeds = number_of(len(front.finals[0].errors), "fresh seed")
    return Table(
        rows=front.members,
        figures=[
            Figure("trial", lambda row: row.number, 11, "right", numbered),
            Figure(unit(front.cost), lambda row: row.cost, 10, "right", count),
            Figure("test", lambda row: accuracy(front.test(row.number)), 9),
            Figure("on the front", lambda row: front.standing(row) or "–", 8),
            Figure("ahead of what costs no more", lambda row: _ahead(front, row), 6),
            Figure("ensemble", lambda row: _ensemble(front, row), 3),
            Figure("in the search", lambda row: percent(row.search_accuracy), 4),
        ],
        caption=[
            front_finding(front),
            f"{front.study}: {number} of the front of accuracy and {unit(front.cost)}, {seeds} each, trained on all "
            f"{front.train_images:,} images.",
        ],
        footnotes=["", *_front_notes(front)],
        document=front.plain(),
    )


def front_finding(front: Front) -> str:
    """Return the ends of a front in a sentence."""
    ends = [front.members[0], *front.members[1:][-1:]]
    told = [f"{accuracy(front.test(e.number))} with {count(e.cost)} {unit(front.cost)} (#{e.number})" for e in ends]
    return f"On the test images: {' to '.join(told)}."


def front_footnote(front: Front | None, commands: NextCommands) -> str:
    """Return the line about a front below a leaderboard: the finding of its confirmation, or the command for one."""
    if front is None:
        return f"  `{commands.line('confirm', '--front')}` trains the front with fresh seeds."
    return f"front confirmed: {front_finding(front)} `{command_again(front, commands)}` shows all."


def _ahead(front: Front, row: FrontMember) -> str:
    found = front.ahead(row)
    if found is None:
        return "–"
    mean, low, high = (f"{100 * share:+z.2f}" for share in (found.mean, found.low, found.high))
    return f"{mean} [{low}, {high}] of #{found.of}"


def _ensemble(front: Front, row: FrontMember) -> str:
    final = front.final(row.number)
    return "–" if final.committee is None else committee(final, front.test_images)


def _front_notes(front: Front) -> Iterator[str]:
    yield (
        f"test: mean of fresh seeds and its 95% interval, on {front.test_images:,} test images, evaluated once; it "
        "covers other seeds, not other images."
    )
    yield (
        "on the front: yes if it is significantly more accurate than each configuration that costs no more; no if one "
        "of those is significantly more accurate (paired by seed, each comparison alone)."
    )
    yield "ensemble: the networks of all seeds, their probabilities averaged."
    for final in front.finals:
        if final.ended < len(final.errors):
            yield f"#{final.number}: {final.ended} of {len(final.errors)} runs finished; it is not compared."
    for member in front.members:
        if (test := front.test(member.number)) and test.not_learned:
            yield f"#{member.number}: {failures(test)}."
    if front.left_out:
        yield f"{front.left_out} more are on the front of the search; --top takes more."
