"""Compare two sides: a test of their runs, the trials that they share, and where they part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, assert_never

import numpy as np

from mnist_bench import cells
from mnist_bench.comparison.parting import Parting, parting_of
from mnist_bench.comparison.sides import Run, SettingDifference, Side, setting_differences, side_of
from mnist_bench.leaderboard.ranking import correct_bits
from mnist_bench.result_table import ShownAsTable, Table
from mnist_bench.statistics.inference import (
    LEVEL,
    ShareDifference,
    fisher,
    mcnemar,
    paired_difference,
    unpaired_difference,
)
from mnist_bench.studies.reproduce import Difference, figures_of, first_difference
from search.errors import StudyNotFoundError, UsageError
from search.study.studies import StoredStudy

Method = Literal["paired", "unpaired", "none"]
"""McNemar's exact test on the same images, Fisher's exact test on different ones, or no test."""


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Comparison(ShownAsTable):
    """Two sides: studies, trials, records or exports."""

    first: Side
    second: Side
    settings: tuple[SettingDifference, ...]
    """The settings that are not the same on both sides."""
    test: RunTest | None
    """None if one of them has no run, such as a study without a complete trial."""
    shared: tuple[SharedTrial, ...]
    """Trials with the same configuration and seed."""
    same_configurations: int
    """Configurations that both trained, with whatever seed."""
    parting: Parting | None
    """Where they part; None if they do not."""

    @property
    def sides(self) -> tuple[Side, Side]:
        """The two sides."""
        return self.first, self.second

    @property
    def runs(self) -> tuple[Run, ...]:
        """The run of each side that has one."""
        return tuple(side.run for side in self.sides if side.run is not None)

    @property
    def same_images(self) -> bool:
        """Whether the runs of both sides were judged on the same validation images; also if there are no images."""
        of_nets = [run for run in self.runs if run.record is not None]
        return len(of_nets) < 2 or have_same_images(*of_nets)

    @property
    def identical(self) -> int:
        """Shared trials whose common reports are the same, bit for bit."""
        return sum(trial.difference is None for trial in self.shared)

    @property
    def differing(self) -> SharedTrial | None:
        """The first shared trial with another result; None if there is none."""
        return next((trial for trial in self.shared if trial.difference is not None), None)

    def _table(self) -> Table[Side]:
        from mnist_bench.comparison.comparison_table import tables_of  # its module imports this one

        first, *_ = tables_of(self)
        return first

    def _finding(self) -> str:
        return "" if self.test is None else self.test.sentence


def compare(targets: Sequence[StoredStudy | str | Path], results: Path) -> Comparison:
    """Return a comparison of two studies, trials, records or exports; see `side_of`.

    Raises:
        UsageError: there are not two sides, a side cannot be read, or networks meet other values.
        StudyNotFoundError: there is no such study, or no such trial.
        StorageError: a database or a stored result cannot be read.
    """
    if len(targets) != 2:
        raise UsageError(f"compare takes two studies, trials or records, not {len(targets)}.")
    first, second = (side_of(target, results) for target in targets)
    if first.label == second.label:
        raise UsageError(f"{first.label}: is named twice; name two that may differ.")
    if first.kind.of_nets != second.kind.of_nets:
        net, other = (first, second) if first.kind.of_nets else (second, first)
        raise UsageError(
            f"{net.label} has networks, and {other.label} was made by another trainer; compare what has the same "
            "values."
        )
    for side in (first, second):
        if not side.is_study and side.run is not None and not side.run.reports:
            raise StudyNotFoundError(f"Trial {side.label} has no report yet, so there is nothing to compare.")
    return Comparison(
        first=first,
        second=second,
        settings=setting_differences(first, second),
        test=verdict_of(first.run, second.run) if first.run and second.run else None,
        shared=shared_trials(first.runs, second.runs),
        same_configurations=len(
            set.intersection(*({run.configuration for run in side.runs} for side in (first, second)))
        ),
        parting=parting_of(first, second),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedTrial:
    """A configuration that both sides trained with the same seed."""

    first: Run
    second: Run
    difference: Difference | None
    """The first difference in the reports that both have; None if these are the same, bit for bit."""


def shared_trials(first: Sequence[Run], second: Sequence[Run]) -> tuple[SharedTrial, ...]:
    """Return the runs that both sides have, in the order of the first side."""
    found, others = [], {run.identity: run for run in second}
    for run in first:
        if (other := others.get(run.identity)) is not None:
            both = zip(run.reports, other.reports, strict=False)
            then, now = zip(*((figures_of(one, "value"), figures_of(two, "value")) for one, two in both), strict=True)
            found.append(SharedTrial(first=run, second=other, difference=first_difference(then, now)))
    return tuple(found)


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
    """Two-sided; None without a test."""
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


def have_same_images(first: Run, second: Run) -> bool:
    """Return whether two runs were judged on the same validation images."""
    if first.record is None or second.record is None:
        return False
    one, other = first.record.data, second.record.data
    return (one.data_hash, one.split_hash) == (other.data_hash, other.split_hash)


def verdict_of(first: Run, second: Run) -> RunTest:
    """Return the test of two runs, or why there is none.

    Raises:
        StorageError: stored correct images are damaged.
    """
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
