"""What a comparison says, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from mnist_bench.comparison.comparison import Comparison, Pair
from mnist_bench.comparison.parting import Parting
from mnist_bench.comparison.setting_differences import SAME
from mnist_bench.comparison.shared_trials import SharedTrial
from mnist_bench.comparison.sides import Run
from mnist_bench.leaderboard.board import grouped
from mnist_bench.leaderboard.several import HASH_DIGITS
from search.messages import first_few, joined, number_of

OF_MACHINES = ("numerics.", "versions.")
"""Settings that describe where a search ran."""
MOST = 8
"""Shared trials that a line names."""


def different_images(comparison: Comparison) -> Iterator[str]:
    """Yield which images each run was judged on, if these differ; this line comes first."""
    if comparison.same_images:
        return
    judged = [f"{run.label} on {_images(run)}" for run in comparison.runs if run.record is not None]
    yield f"Judged on different images: {joined(judged)}. Part of a difference may come from the images."
    yield ""


def _images(run: Run) -> str:
    data = None if run.record is None else run.record.data
    name = "unknown images" if data is None else "your own data" if data.is_own else data.dataset
    part = "" if data is None or data.subset is None else f", subset {data.subset:,}"
    count = "an unknown number" if run.images is None else f"{run.images:,}"
    return f"{count} of {name}{part} (split {'' if data is None else data.split_hash[:HASH_DIGITS]})"


def title(comparison: Comparison) -> Iterator[str]:
    """Yield what is compared, and for two runs of one search whether they are identical."""
    first, *others = comparison.sides
    yield f"{first.label} compared with {joined([side.label for side in others])}"
    for place, pair in enumerate(comparison.pairs, start=1):
        yield from _sameness(comparison, pair, place)


def _sameness(comparison: Comparison, pair: Pair, place: int) -> Iterator[str]:
    """Yield whether two studies are the same search, and whether it came out the same; `place` is that of the second
    side."""
    one, other = pair.first.study, pair.second.study
    if one is None or other is None or not (pair.first.is_study and pair.second.is_study):
        return
    names = f"{pair.first.label} and {pair.second.label}"
    if one.digest == other.digest:
        yield f"{names} are identical, bit for bit: digest {grouped(one.digest)}"
        return
    changed = [row.path for row in comparison.settings if not row.follows and row.values[place] != SAME]
    if all(path.startswith(OF_MACHINES) for path in changed):
        where = ", on machines or with versions that differ" if changed else ""
        yield f"{names} are the same search{where}, with different results"


def findings(comparison: Comparison) -> Iterator[str]:
    """Yield what the tests say, and what they do not say."""
    for pair in comparison.pairs:
        if pair.test is not None:
            yield pair.test.sentence
        else:
            lacking = next(side.label for side in (pair.first, pair.second) if side.run is None)
            yield f"{pair.first.label} and {pair.second.label} are not tested: {lacking} has no complete trial."
    if any(pair.test and pair.test.difference for pair in comparison.pairs):
        if len(comparison.pairs) > 1:
            yield "p-values are adjusted for the number of comparisons (Holm)."
        if any(side.is_study for side in comparison.sides):
            yield (
                "A test compares two networks, not two searches: the best of a study is also the luckiest. "
                "`mnist-bench confirm` trains it with fresh seeds."
            )


def shared_lines(pair: Pair) -> Iterator[str]:
    """Yield which trials two sides share, if they share any and one of them is a study."""
    if pair.shared and (pair.first.is_study or pair.second.is_study):
        yield f"{pair.first.label} and {pair.second.label} share {first_few([*map(_pair_words, pair.shared)], MOST)}."


def _pair_words(shared: SharedTrial) -> str:
    one, other = shared.first.number, shared.second.number
    return f"#{one}" if one == other else f"#{one} (#{other} there)"


def parting_lines(pair: Pair) -> Iterator[str]:
    """Yield where two sides part, and the first shared trial with another result if that is somewhere else."""
    parting = pair.parting
    names = f"{pair.first.label} and {pair.second.label}"
    if parting is None:
        yield f"{names} do not part: everything that both have is the same, bit for bit."
        return
    yield f"{names} part {_where(parting, pair)}"
    differing = pair.differing
    if differing is not None and differing.difference is not None and not parting.is_result:
        found = differing.difference
        yield (
            f"The first shared trial with another result is {differing.first.label}: {found.name}, {found.then} and "
            f"{found.now}."
        )


def _where(parting: Parting, pair: Pair) -> str:
    values = f"{parting.first} in {pair.first.label}, {parting.second} in {pair.second.label}"
    before = f" The {number_of(parting.before, 'event')} before agree." if parting.before > 1 else ""
    match parting.part:
        case "proposal" | "configuration":
            return f"at a decision, the proposal of trial {parting.trial}, in {parting.name}: {values}.{before}"
        case "seed":
            return f"at the seed of trial {parting.trial}: {values}.{before}"
        case "result":
            trial = f"trial {parting.trial}, " if pair.first.is_study and pair.second.is_study else ""
            return f"in a result, {trial}period {parting.period}, {parting.name}: {values}.{before}"
        case "end":
            return f"at a decision, the end of trial {parting.trial}, in its {parting.name}: {values}.{before}"
        case "order" | "length":
            return f"after {number_of(parting.before, 'event')} that agree; next: {values}."
        case _:
            assert_never(parting.part)
