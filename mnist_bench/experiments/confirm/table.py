"""A confirmation as a table, with all its words: the race, what it decided, what the test images say."""

from __future__ import annotations

import math
from collections.abc import Iterable

from mnist_bench import cells
from mnist_bench.experiments.confirm.result import Candidate, Confirmed, Figures, plain
from mnist_bench.result_table import Column, Table


def table_of(found: Confirmed) -> Table[Candidate]:
    """Return the race as it ended, with what follows from it in words."""
    return Table(
        rows=ordered(found),
        columns=[
            Column("trial", lambda row: f"#{row.number}", 9, "right", lambda row: row.number),
            Column("seeds", lambda row: str(len(row.errors)), 6, "right"),
            Column("validation", lambda row: accuracy(found.validation(row.number)), 9),
            Column("errors", lambda row: "–" if row.mean_errors is None else f"{row.mean_errors:.1f}", 7, "right"),
            Column("race", lambda row: verdict(found, row), 8),
            Column("in the search", _in_the_search, 4),
            Column("params", lambda row: cells.count(row.parameters), 5, "right", lambda row: row.parameters),
            Column("MACs", lambda row: cells.count(row.macs), 5, "right", lambda row: row.macs),
        ],
        caption=[headline(found)],
        footnotes=[*validation_lines(found), *race_lines(found), "", *test_lines(found)],
        document=plain(found),
    )


def validation_lines(found: Confirmed) -> list[str]:
    """Return what the table's accuracies are, and what their intervals leave out."""
    if found.seeds == 1:
        lines = [f"validation: with one fresh seed, on {found.validation_images:,} images."]
    else:
        lines = [
            f"validation: mean of fresh seeds and its 95 % interval, on {found.validation_images:,} images; it covers "
            "other seeds, not other images."
        ]
    if len(found.candidates) > 1:
        lines.append(
            "The winner's is a little flattered, because the winner was picked by it; its test accuracy is not."
        )
    return lines


def headline(found: Confirmed) -> str:
    """Return one line: the study, how many raced, with how many seeds, and how long all took."""
    seeds = "1 fresh seed" if found.seeds == 1 else f"up to {found.seeds} fresh seeds"
    raced = f"{len(found.candidates)} configuration{'s' if len(found.candidates) > 1 else ''}"
    return f"{found.study}: {raced} raced with {seeds} in {cells.duration(found.seconds)}."


def footnote(found: Confirmed) -> str:
    """Return the line about a confirmed study below its leaderboard."""
    test = found.test(found.winner)
    if test is None:
        return f"confirmed: #{found.winner}, of which no run on all images came to an end"
    return f"confirmed: #{found.winner} {accuracy(test)} on the test images, {test.seeds} seeds"


def ordered(found: Confirmed) -> list[Candidate]:
    """Return the candidates as the race ended: the tied by mean errors, the winner first, then those dropped last."""
    return sorted(
        found.candidates,
        key=lambda row: (
            row.number != found.winner, row.dropped_after is not None, -(row.dropped_after or 0),
            math.inf if row.mean_errors is None else row.mean_errors,
        ),
    )  # fmt: skip


def accuracy(figures: Figures | None) -> str:
    """Return a mean accuracy in percent, with its interval where there are several seeds."""
    if figures is None:
        return "–"
    return f"{cells.percent(figures.mean)} {cells.interval(*(figures.interval or (None, None)))}".rstrip()


def verdict(found: Confirmed, row: Candidate) -> str:
    """Return how a candidate's race ended."""
    if row.dropped_after is None:
        tied = "not tested" if found.cheapest is None else "="
        return "winner" if row.number == found.winner else tied
    seeds = "1 seed" if row.dropped_after == 1 else f"{row.dropped_after} seeds"
    if row.p_value is None:
        return f"dropped after {seeds}: a run came to no end"
    return f"dropped after {seeds} ({p_words(row.p_value)})"


def p_words(p_value: float) -> str:
    """Return a p-value with two digits: `p = 0.0031`, `p < 0.0001`."""
    return "p < 0.0001" if p_value < 0.0001 else f"p = {p_value:.2g}"


def race_lines(found: Confirmed) -> list[str]:
    """Return what the race decided and what it left open."""
    others = [number for number in found.tied if number != found.winner]
    lines = []
    if found.cheapest is None:
        lines.append("With one seed each no test was made: nothing tells luck from merit here.")
    elif others:
        lines.append(
            f"= not shown to be worse than #{found.winner} (paired t-tests over seeds, Holm, 5 %): {_names(others)}."
        )
    elif len(found.candidates) > 1:
        lines.append(f"#{found.winner} alone is left: all others were shown to be worse (paired t-tests, Holm, 5 %).")
    if found.cheapest is not None and others:
        lines.append(_cheapest_line(found, found.cheapest))
    if found.cut:
        lines.append(_cut_line(found, others))
    return lines


def _cheapest_line(found: Confirmed, number: int) -> str:
    cheapest = found.candidate(number)
    size = f"{cells.count(cheapest.macs)} MACs, {cells.count(cheapest.parameters)} parameters"
    if number == found.winner:
        return f"The winner is the cheapest of the tied ({size})."
    winner = found.candidate(found.winner)
    than = f"{cells.count(winner.macs)} and {cells.count(winner.parameters)}"
    return f"The cheapest of the tied is #{number}: {size} (the winner: {than})."


def _cut_line(found: Confirmed, others: list[int]) -> str:
    budget = "" if found.budget is None else f" of {cells.duration(found.budget)}"
    seeds = "1 seed" if found.seeds == 1 else f"{found.seeds} seeds"
    unresolved = f"; unresolved: {_names([found.winner, *others])}" if others else ""
    return f"The budget{budget} ended the race after {seeds}{unresolved}."


def test_lines(found: Confirmed) -> list[str]:
    """Return the test figures of each net trained on all images, the gap to validation, and the search's luck."""
    images = found.train_images + found.validation_images
    lines = [f"Then trained on all {images:,} images and evaluated once on {found.test_images:,} test images:"]
    for final in found.finals:
        lines += _final_lines(found, final.number, final.errors)
    winner = found.candidate(found.winner)
    fresh = found.validation(found.winner)
    if fresh is not None and winner.dropped_after is None:
        lines.append(_luck_line(winner, fresh))
    return lines


def _final_lines(found: Confirmed, number: int, errors: tuple[int | None, ...]) -> list[str]:
    test, validation = found.test(number), found.validation(number)
    role = "winner" if number == found.winner else "cheapest"
    if test is None or validation is None:
        return [f"  #{number} ({role}): no run came to an end."]
    each = "  ".join("–" if count is None else f"{100 * (1 - count / found.test_images):.2f}" for count in errors)
    gap = 100 * (test.mean - validation.mean)
    return [
        f"  #{number} ({role})  {accuracy(test)} on the test images, {test.seeds} seeds: {each}",
        f"      validation {accuracy(validation)}, so the test images came out {abs(gap):.2f} points "
        f"{'higher' if gap > 0 else 'lower'}.",
    ]


def _luck_line(winner: Candidate, fresh: Figures) -> str:
    luck = 100 * (winner.search_accuracy - fresh.mean)
    then, now = cells.percent(winner.search_accuracy), cells.percent(fresh.mean)
    seeds = "a fresh seed" if fresh.seeds == 1 else "fresh seeds"
    if not winner.complete:
        return f"In the search #{winner.number} was pruned after {winner.search_epochs:g} epochs at {then}."
    word = "lucky" if luck > 0 else "unlucky"
    return f"In the search #{winner.number} had {then}, with {seeds} {now}: {word} by {abs(luck):.2f} points there."


def _in_the_search(row: Candidate) -> str:
    pruned = "" if row.complete else f" at {row.search_epochs:g}, pruned"
    return f"{cells.percent(row.search_accuracy)}{pruned}"


def _names(numbers: Iterable[int]) -> str:
    return ", ".join(f"#{number}" for number in numbers)
