"""A confirmation as a table, with all its words: the race, what it decided, what the test images say."""

from __future__ import annotations

import math
from collections.abc import Iterable

from mnist_bench import cells
from mnist_bench.experiments.confirm.result import Candidate, Confirmed, Figures, plain
from mnist_bench.result_table import Column, Table


def table_of(confirmed: Confirmed) -> Table[Candidate]:
    """Return the race as it ended, with what follows from it in words."""
    return Table(
        rows=ordered(confirmed),
        columns=[
            Column("trial", lambda row: f"#{row.number}", 9, "right", lambda row: row.number),
            Column("seeds", lambda row: str(len(row.errors)), 6, "right"),
            Column("validation", lambda row: accuracy(confirmed.validation(row.number)), 9),
            Column("errors", lambda row: "–" if row.mean_errors is None else f"{row.mean_errors:.1f}", 7, "right"),
            Column("race", lambda row: verdict(confirmed, row), 8),
            Column("in the search", _in_the_search, 4),
            Column("params", lambda row: cells.count(row.parameters), 5, "right", lambda row: row.parameters),
            Column("MACs", lambda row: cells.count(row.macs), 5, "right", lambda row: row.macs),
        ],
        caption=[headline(confirmed)],
        footnotes=[*validation_lines(confirmed), *race_lines(confirmed), "", *test_lines(confirmed)],
        document=plain(confirmed),
    )


def validation_lines(confirmed: Confirmed) -> list[str]:
    """Return what the table's accuracies are, and what their intervals leave out."""
    if confirmed.seeds == 1:
        lines = [f"validation: with one fresh seed, on {confirmed.validation_images:,} images."]
    else:
        lines = [
            f"validation: mean of fresh seeds and its 95 % interval, on {confirmed.validation_images:,} images; it "
            "covers other seeds, not other images."
        ]
    if len(confirmed.candidates) > 1:
        lines.append(
            "The winner's is a little flattered, because the winner was picked by it; its test accuracy is not."
        )
    return lines


def headline(confirmed: Confirmed) -> str:
    """Return one line: the study, how many raced, with how many seeds, and how long all took."""
    seeds = "1 fresh seed" if confirmed.seeds == 1 else f"up to {confirmed.seeds} fresh seeds"
    raced = f"{len(confirmed.candidates)} configuration{'s' if len(confirmed.candidates) > 1 else ''}"
    return f"{confirmed.study}: {raced} raced with {seeds} in {cells.duration(confirmed.seconds)}."


def footnote(confirmed: Confirmed) -> str:
    """Return the line about a confirmed study below its leaderboard."""
    test = confirmed.test(confirmed.winner)
    if test is None:
        return f"confirmed: #{confirmed.winner}, of which no run on all images came to an end"
    return f"confirmed: #{confirmed.winner} {accuracy(test)} on the test images, {test.seeds} seeds"


def ordered(confirmed: Confirmed) -> list[Candidate]:
    """Return the candidates as the race ended: the tied by mean errors, the winner first, then those dropped last."""
    return sorted(
        confirmed.candidates,
        key=lambda row: (
            row.number != confirmed.winner, row.dropped_after is not None, -(row.dropped_after or 0),
            math.inf if row.mean_errors is None else row.mean_errors,
        ),
    )  # fmt: skip


def accuracy(figures: Figures | None) -> str:
    """Return a mean accuracy in percent, with its interval where there are several seeds."""
    if figures is None:
        return "–"
    return f"{cells.percent(figures.mean)} {cells.interval(*(figures.interval or (None, None)))}".rstrip()


def verdict(confirmed: Confirmed, row: Candidate) -> str:
    """Return how a candidate's race ended."""
    if row.dropped_after is None:
        tied = "not tested" if confirmed.cheapest is None else "="
        return "winner" if row.number == confirmed.winner else tied
    seeds = "1 seed" if row.dropped_after == 1 else f"{row.dropped_after} seeds"
    if row.p_value is None:
        return f"dropped after {seeds}: a run came to no end"
    return f"dropped after {seeds} ({p_words(row.p_value)})"


def p_words(p_value: float) -> str:
    """Return a p-value with two digits: `p = 0.0031`, `p < 0.0001`."""
    return "p < 0.0001" if p_value < 0.0001 else f"p = {p_value:.2g}"


def race_lines(confirmed: Confirmed) -> list[str]:
    """Return what the race decided and what it left open."""
    others = [number for number in confirmed.tied if number != confirmed.winner]
    lines = []
    if confirmed.cheapest is None:
        lines.append("With one seed each no test was made: nothing tells luck from merit here.")
    elif others:
        lines.append(
            f"= not shown to be worse than #{confirmed.winner} (paired t-tests over seeds, Holm, 5 %): "
            f"{_names(others)}."
        )
    elif len(confirmed.candidates) > 1:
        lines.append(
            f"#{confirmed.winner} alone is left: all others were shown to be worse (paired t-tests, Holm, 5 %)."
        )
    if confirmed.cheapest is not None and others:
        lines.append(_cheapest_line(confirmed, confirmed.cheapest))
    if confirmed.cut:
        lines.append(_cut_line(confirmed, others))
    return lines


def _cheapest_line(confirmed: Confirmed, number: int) -> str:
    cheapest = confirmed.candidate(number)
    size = f"{cells.count(cheapest.macs)} MACs, {cells.count(cheapest.parameters)} parameters"
    if number == confirmed.winner:
        return f"The winner is the cheapest of the tied ({size})."
    winner = confirmed.candidate(confirmed.winner)
    than = f"{cells.count(winner.macs)} and {cells.count(winner.parameters)}"
    return f"The cheapest of the tied is #{number}: {size} (the winner: {than})."


def _cut_line(confirmed: Confirmed, others: list[int]) -> str:
    budget = "" if confirmed.budget is None else f" of {cells.duration(confirmed.budget)}"
    seeds = "1 seed" if confirmed.seeds == 1 else f"{confirmed.seeds} seeds"
    unresolved = f"; unresolved: {_names([confirmed.winner, *others])}" if others else ""
    return f"The budget{budget} ended the race after {seeds}{unresolved}."


def test_lines(confirmed: Confirmed) -> list[str]:
    """Return the test figures of each net trained on all images, the gap to validation, and the search's luck."""
    images = confirmed.train_images + confirmed.validation_images
    lines = [f"Then trained on all {images:,} images and evaluated once on {confirmed.test_images:,} test images:"]
    for final in confirmed.finals:
        lines += _final_lines(confirmed, final.number, final.errors)
    winner = confirmed.candidate(confirmed.winner)
    fresh = confirmed.validation(confirmed.winner)
    if fresh is not None and winner.dropped_after is None:
        lines.append(_luck_line(winner, fresh))
    return lines


def _final_lines(confirmed: Confirmed, number: int, errors: tuple[int | None, ...]) -> list[str]:
    test, validation = confirmed.test(number), confirmed.validation(number)
    role = "winner" if number == confirmed.winner else "cheapest"
    if test is None or validation is None:
        return [f"  #{number} ({role}): no run came to an end."]
    each = "  ".join("–" if count is None else f"{100 * (1 - count / confirmed.test_images):.2f}" for count in errors)
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
