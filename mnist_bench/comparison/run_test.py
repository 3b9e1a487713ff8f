"""A test whether the accuracies of two runs differ by more than chance: paired on the same images, else unpaired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, assert_never

import numpy as np

from mnist_bench import cells
from mnist_bench.comparison.sides import Run
from mnist_bench.leaderboard.correctness import correct_bits
from mnist_bench.statistics.inference import holm, mcnemar
from mnist_bench.statistics.paired import LEVEL
from mnist_bench.statistics.two_shares import ShareDifference, fisher, paired_difference, unpaired_difference

Method = Literal["paired", "unpaired", "none"]
"""McNemar's exact test on the same images, Fisher's exact test on different ones, or no test."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunTest:
    """Two runs, tested against each other."""

    first: str
    second: str
    """The labels of the runs."""
    method: Method
    same_images: bool
    """Whether both were judged on the same validation images."""
    only_first: int | None = None
    """Images that the first run alone classifies correctly; None unless the test is paired."""
    only_second: int | None = None
    images: tuple[int, int] | None = None
    """Number of images of each; None without a test."""
    difference: ShareDifference | None = None
    """The accuracy of the first minus that of the second, with its 95% interval."""
    p_value: float | None = None
    """Two-sided; adjusted by Holm's method if the first run is tested against several."""
    reason: str = ""
    """Why there is no test, as the end of a sentence; empty if there is one."""

    @property
    def is_significant(self) -> bool:
        """Whether the accuracies differ significantly, at 5%."""
        return self.p_value is not None and self.p_value <= LEVEL

    @property
    def sentence(self) -> str:
        """What the test says."""
        return " ".join(filter(None, [self._figures(), self._verdict()]))

    def _figures(self) -> str:
        match self.method:
            case "paired":
                count, *_ = self.images or (0,)
                right = (
                    f"{self.first} alone is right on {self.only_first}, and {self.second} alone on {self.only_second}"
                )
                return f"On the same {count:,} images, {right}."
            case "unpaired":
                one, other = self.images or (0, 0)
                if self.same_images:
                    return f"On the same {one:,} images, it was not kept which of them each classified correctly."
                return f"{self.first} was judged on {one:,} images, and {self.second} on {other:,} other ones."
            case "none":
                return f"{self.first} and {self.second} are not tested against each other, because {self.reason}."
            case _:
                assert_never(self.method)

    def _verdict(self) -> str:
        if self.difference is None or self.p_value is None:
            return ""
        test = f"{'McNemar' if self.method == 'paired' else 'Fisher'}, {cells.p_value(self.p_value)}"
        ends = (self.difference.estimate, self.difference.low, self.difference.high)
        if self.difference.estimate < 0:
            better, estimate, low, high = self.second, -ends[0], -ends[2], -ends[1]
        else:
            better, (estimate, low, high) = self.first, ends
        figures = f"{cells.points(estimate)} percentage points [{cells.points(low)}, {cells.points(high)}]"
        if self.is_significant:
            return f"{better} is significantly better, by {figures} ({test})."
        ahead = f"{better} is ahead by {figures}" if estimate else f"{figures}"
        return f"No significant difference ({test}): {ahead}."


def verdicts_of(first: Run, others: Sequence[Run]) -> tuple[RunTest, ...]:
    """Return the tests of a run against others, with p-values adjusted by Holm's method.

    Raises:
        StorageError: stored correct images are damaged.
    """
    found = [_test(first, other) for other in others]
    values = [one.p_value for one in found if one.p_value is not None]
    adjusted = iter(holm(values))
    return tuple(one if one.p_value is None else replace(one, p_value=next(adjusted)) for one in found)


def have_same_images(first: Run, second: Run) -> bool:
    """Return whether two runs were judged on the same validation images."""
    if first.record is None or second.record is None:
        return False
    one, other = first.record.data, second.record.data
    return (one.data_hash, one.split_hash) == (other.data_hash, other.split_hash)


def _test(first: Run, second: Run) -> RunTest:
    same = have_same_images(first, second)
    if (reason := _why_not(first, second)) is not None:
        return RunTest(first=first.label, second=second.label, method="none", same_images=same, reason=reason)
    paired = _paired(first, second) if same else None
    return paired or _unpaired(first, second, same=same)


def _why_not(first: Run, second: Run) -> str | None:
    """Return why two runs are not tested; None if they are."""
    for run in (first, second):
        if run.record is None:
            return f"{run.label} has one value and no images; `mnist-bench confirm` gives it several seeds"
        if run.was_trained_on_its_images:
            return f"{run.label} was trained on the validation images, too"
        if run.value is None or run.errors is None or run.images is None:
            return f"{run.label} has no accuracy, or the number of its images was not kept"
    if first.reports[-1].weights == second.reports[-1].weights:
        return "they have the same weights"
    return None


def _paired(first: Run, second: Run) -> RunTest | None:
    """Return McNemar's test; None if the correct images of one were not kept."""
    texts = [None if run.record is None else run.record.correct for run in (first, second)]
    one, other = (None if text is None else correct_bits(text) for text in texts)
    if one is None or other is None or one.shape != other.shape or first.images is None:
        return None
    only_first, only_second = int(np.count_nonzero(one & ~other)), int(np.count_nonzero(other & ~one))
    return RunTest(
        first=first.label, second=second.label, method="paired", same_images=True, only_first=only_first,
        only_second=only_second, images=(first.images, first.images),
        difference=paired_difference(only_first, only_second, first.images), p_value=mcnemar(one, other),
    )  # fmt: skip


def _unpaired(first: Run, second: Run, *, same: bool) -> RunTest:
    counts = (first.images or 0, second.images or 0)
    right = (counts[0] - (first.errors or 0), counts[1] - (second.errors or 0))
    return RunTest(
        first=first.label, second=second.label, method="unpaired", same_images=same, images=counts,
        difference=unpaired_difference(right, counts), p_value=fisher(right, counts),
    )  # fmt: skip
