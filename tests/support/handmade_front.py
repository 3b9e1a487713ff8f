"""A confirmed front made by hand."""

from __future__ import annotations

from mnist_bench.experiments.confirm.results import Final, Front, FrontMember
from support import handmade

EVEN = (12, 14, 13, 13, 12, 14, 13, 13)


def final(number: int, *errors: int | None, committee: int | None = None) -> Final:
    """Return what the nets of a configuration get wrong."""
    return Final(number=number, errors=errors, committee=committee)


def member(number: int, cost: int) -> FrontMember:
    """Return a configuration of the front."""
    return FrontMember(number=number, cost=cost, search_accuracy=0.99)


FRONT = Front(
    study="two", digest=handmade.HASH, cost="macs", train_images=60_000, test_images=1000, left_out=3,
    members=(member(4, 900), member(1, 1500), member(2, 2_000), member(8, 2_000), member(7, 3_000), member(9, 4_000)),
    finals=(
        final(4, *EVEN, committee=9), final(1, *(errors + 9 for errors in EVEN)), final(2, *(3, 5, 4, 4, 3, 5, 4, 4)),
        final(8, *EVEN), final(7, 1, 1, 1, 1, 1, 1, 1, None), final(9, *([None] * 8)),
    ),
    earlier=(),
)  # fmt: skip
"""#4 and #2 are on it, #1 and #8 are not; #7 and #9 have runs that did not finish."""
