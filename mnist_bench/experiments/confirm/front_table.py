"""A confirmed front as a table, with all its words."""

from __future__ import annotations

from mnist_bench import cells
from mnist_bench.cells import unit
from mnist_bench.experiments.confirm.confirmation_table import accuracy, committee, failures
from mnist_bench.experiments.confirm.front_result import Front, FrontMember, plain_front
from mnist_bench.experiments.confirm.race_result import TOP
from mnist_bench.next_commands import NextCommands
from mnist_bench.result_table import Column, Table
from search.messages import number_of


def table_of_front(front: Front) -> Table[FrontMember]:
    """Return a table with a row per configuration, the cheapest first."""
    return Table(
        rows=front.members,
        columns=[
            Column("trial", lambda row: f"#{row.number}", 11, "right", lambda row: row.number),
            Column(unit(front.cost), lambda row: cells.count(row.cost), 10, "right", lambda row: row.cost),
            Column("test", lambda row: accuracy(front.test(row.number)), 9),
            Column("on the front", lambda row: front.standing(row) or "–", 8),
            Column("ahead of what costs no more", lambda row: _ahead(front, row), 6),
            Column("ensemble", lambda row: _committee(front, row), 3),
            Column("in the search", lambda row: cells.percent(row.search_accuracy), 4),
        ],
        caption=[front_finding(front), _headline(front)],
        footnotes=["", *_footnotes(front)],
        document=plain_front(front),
    )


def front_command(front: Front, commands: NextCommands) -> str:
    """Return the command that confirms the same front again."""
    members = len(front.members)
    top = ("--top", str(members)) if front.left_out or members > TOP else ()
    return commands.line("confirm", "--front", *top)


def front_finding(front: Front) -> str:
    """Return the ends of a front in a sentence."""
    ends = [front.members[0], *front.members[1:][-1:]]
    told = [
        f"{accuracy(front.test(end.number))} with {cells.count(end.cost)} {unit(front.cost)} (#{end.number})"
        for end in ends
    ]
    return f"On the test images: {' to '.join(told)}."


def front_footnote(front: Front | None, commands: NextCommands) -> str:
    """Return the line about a front below a leaderboard: the finding of its confirmation, or the command for one."""
    if front is None:
        return f"  `{commands.line('confirm', '--front')}` trains the front with fresh seeds."
    return f"front confirmed: {front_finding(front)} `{front_command(front, commands)}` shows all."


def _headline(front: Front) -> str:
    number = "1 configuration" if len(front.members) == 1 else f"{len(front.members)} configurations"
    seeds = number_of(len(front.finals[0].errors), "fresh seed")
    return (
        f"{front.study}: {number} of the front of accuracy and {unit(front.cost)}, {seeds} each, trained on "
        f"all {front.train_images:,} images."
    )


def _ahead(front: Front, row: FrontMember) -> str:
    found = front.ahead(row)
    if found is None:
        return "–"
    mean, low, high = (f"{100 * share:+z.2f}" for share in (found.mean, found.low, found.high))
    return f"{mean} [{low}, {high}] of #{found.of}"


def _committee(front: Front, row: FrontMember) -> str:
    final = front.final(row.number)
    return "–" if final.committee is None else committee(final, front.test_images)


def _footnotes(front: Front) -> list[str]:
    ended = [
        f"#{final.number}: {final.ended} of {len(final.errors)} runs finished; it is not compared."
        for final in front.finals
        if final.ended < len(final.errors)
    ]
    failed = [
        f"#{member.number}: {failures(test)}."
        for member in front.members
        if (test := front.test(member.number)) and test.not_learned
    ]
    left = [f"{front.left_out} more are on the front of the search; --top takes more."] if front.left_out else []
    return [
        f"test: mean of fresh seeds and its 95% interval, on {front.test_images:,} test images, evaluated once; it "
        "covers other seeds, not other images.",
        "on the front: yes if it is significantly more accurate than each configuration that costs no more; no if one "
        "of those is significantly more accurate (paired by seed, each comparison alone).",
        "ensemble: the networks of all seeds, their probabilities averaged.",
        *ended,
        *failed,
        *left,
    ]
