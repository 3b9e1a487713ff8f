"""A confirmation by value as a table, with all its words."""

from __future__ import annotations

import math

from mnist_bench import cells
from mnist_bench.experiments.confirm import confirmation_table as race_words, race_result
from mnist_bench.experiments.confirm_values.value_result import (
    ConfirmedValues,
    ValueCandidate,
    ValueOverSeeds,
    plain_values,
)
from mnist_bench.next_commands import NextCommands
from mnist_bench.result_table import Column, Table
from search.messages import number_of


def table_of_values(confirmed: ConfirmedValues, commands: NextCommands) -> Table[ValueCandidate]:
    """Return the race as it ended, with its decision in words; `commands` are the next commands about the study."""
    return Table(
        rows=ordered(confirmed),
        columns=[
            Column("trial", lambda row: f"#{row.number}", 11, "right", lambda row: row.number),
            Column("seeds", lambda row: str(len(row.values)), 6, "right"),
            Column(confirmed.name, lambda row: fresh_value(confirmed.fresh(row.number)), 9),
            Column("race", lambda row: race_words.verdict(confirmed, row), 10),
            Column("in the search", _in_the_search, 4),
        ],
        caption=[headline(confirmed)],
        footnotes=[*_meaning(confirmed), *race_words.decision_lines(confirmed), *_continued(confirmed, commands)],
        document=plain_values(confirmed),
    )


def headline(confirmed: ConfirmedValues) -> str:
    """Return one line: the study, how many raced, with how many seeds, and how long all took."""
    seeds = "1 fresh seed" if confirmed.seeds == 1 else f"up to {confirmed.seeds} fresh seeds"
    raced = number_of(len(confirmed.candidates), "configuration")
    return f"{confirmed.study}: {raced} raced with {seeds} in {cells.duration(confirmed.seconds)}."


def finding_of_values(confirmed: ConfirmedValues) -> str:
    """Return which configuration was selected, and which are tied with it, in a sentence."""
    first, figure = confirmed.first, f"{confirmed.name} {fresh_value(confirmed.fresh(confirmed.first))}"
    seeds = f"mean of {number_of(confirmed.seeds, 'fresh seed')}"
    if not confirmed.judged:
        return f"Not confirmed, because no test was made: trial {first} leads with one fresh seed ({figure})."
    tied = len(confirmed.tied) - 1
    told = f"trial {first}, {figure} ({seeds})"
    if tied:
        return f"Selected with fresh seeds: {told}; {number_of(tied, 'other configuration')} tied with it."
    if confirmed.has_winner:
        return f"Winner with fresh seeds: {told}; each other configuration is significantly worse."
    return f"Selected with fresh seeds: {told}."


def footnote_of_values(confirmed: ConfirmedValues) -> str:
    """Return the line about a study that raced below its leaderboard."""
    figure = f"{confirmed.name} {fresh_value(confirmed.fresh(confirmed.first))}"
    if not confirmed.judged:
        return f"raced: #{confirmed.first} leads with one fresh seed, and no test was made: {figure}"
    return f"confirmed: #{confirmed.first}, {figure}, mean of {number_of(confirmed.seeds, 'fresh seed')}"


def ordered(confirmed: ConfirmedValues) -> list[ValueCandidate]:
    """Return the candidates as the race ended: the selected one, the other tied ones, then those dropped last."""
    sign = 1 if confirmed.minimized else -1
    return sorted(
        confirmed.candidates,
        key=lambda row: (
            row.number != confirmed.first, row.dropped_after is not None, -(row.dropped_after or 0),
            math.inf if row.mean is None else sign * row.mean,
        ),
    )  # fmt: skip


def fresh_value(found: ValueOverSeeds | None) -> str:
    """Return a mean with its interval, if there are several seeds."""
    if found is None:
        return "–"
    if found.interval is None:
        return cells.value(found.mean)
    low, high = (cells.significant(end, 4) for end in found.interval)
    return f"{cells.value(found.mean)} [{low}, {high}]"


def _in_the_search(row: ValueCandidate) -> str:
    value = cells.value(row.search_value)
    return value if row.complete else f"{value} (pruned after {number_of(row.search_reports, 'report')})"


def _meaning(confirmed: ConfirmedValues) -> list[str]:
    better = "smaller" if confirmed.minimized else "larger"
    if confirmed.seeds == 1:
        return [f"{confirmed.name}: with one fresh seed; {better} values are better."]
    lines = [f"{confirmed.name}: mean of fresh seeds and its 95% interval; {better} values are better."]
    if len(confirmed.candidates) > 1:
        lines.append(f"#{confirmed.first} was selected by this value, so it is slightly too good there.")
    return lines


def _continued(confirmed: ConfirmedValues, commands: NextCommands) -> list[str]:
    if not confirmed.cut:
        return []
    top = () if confirmed.top == race_result.TOP else ("--top", str(confirmed.top))
    return [*race_words.cut_lines(confirmed), f"`{commands.line('confirm', *top)}` continues the race to its end."]
