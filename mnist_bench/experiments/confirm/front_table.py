"""A confirmed front as a table, with all its words."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from mnist_bench import cells
from mnist_bench.experiments.confirm.front import Front, Member
from mnist_bench.experiments.confirm.runs import SEEDS
from mnist_bench.experiments.confirm.table import accuracy, committee
from mnist_bench.result_table import Column, Table
from mnist_bench.units import unit


def table_of_front(front: Front) -> Table[Member]:
    """Return a row a configuration, the cheapest first."""
    return Table(
        rows=front.members,
        columns=[
            Column("trial", lambda row: f"#{row.number}", 11, "right", lambda row: row.number),
            Column(front.cost, lambda row: cells.count(row.cost), 10, "right", lambda row: row.cost),
            Column("test", lambda row: accuracy(front.test(row)), 9),
            Column("on the front", lambda row: _place(front, row), 8),
            Column("committee", lambda row: _committee(front, row), 3),
            Column("in the search", lambda row: cells.percent(row.search_accuracy), 4),
        ],
        caption=[
            f"{front.study}: the front of accuracy and {unit(front.cost)}, {SEEDS} fresh seeds each, trained on all "
            f"{front.train_images:,} images."
        ],
        footnotes=["", *_footnotes(front)],
        document=plain(front),
    )


def _place(front: Front, row: Member) -> str:
    other = front.surpassed_by(row)
    return "yes" if other is None else f"no: #{other.number} is as good for less"


def _committee(front: Front, row: Member) -> str:
    return "–" if row.final.committee is None else committee(row.final, front.test_images)


def _footnotes(front: Front) -> list[str]:
    left = f" {front.left_out} more are on the front of the search." if front.left_out else ""
    return [
        f"test: mean over fresh seeds and its 95 % interval, on {front.test_images:,} test images, evaluated once; it "
        "covers other seeds, not other images.",
        f"on the front: whether nothing cheaper has as high a mean. Nothing was chosen by it.{left}",
        "committee: the nets of all seeds, their probabilities averaged.",
    ]


def plain(front: Front) -> dict[str, Any]:
    """Return plain values for JSON: what the file has, and the figures that follow from it."""
    values = asdict(front)
    for member, made in zip(front.members, values["members"], strict=True):
        test, other = front.test(member), front.surpassed_by(member)
        made |= {"test": None if test is None else asdict(test), "surpassed_by": other and other.number}
    return values
