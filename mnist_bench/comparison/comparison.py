"""Compare two sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mnist_bench.comparison.parting import Parting, parting_of
from mnist_bench.comparison.run_test import RunTest, have_same_images, verdicts_of
from mnist_bench.comparison.setting_differences import SettingDifference, setting_differences
from mnist_bench.comparison.shared_trials import SharedTrial, same_configurations, shared_trials
from mnist_bench.comparison.sides import Run, Side, side_of
from mnist_bench.result_table import ShownAsTable, Table
from search.errors import StudyNotFoundError, UsageError
from search.study.studies import StoredStudy


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """The first side and another one."""

    first: Side
    second: Side
    test: RunTest | None
    """None if one of them has no run, such as a study without a complete trial."""
    shared: tuple[SharedTrial, ...]
    """Trials with the same configuration and seed."""
    same_configurations: int
    """Configurations that both trained, with whatever seed."""
    parting: Parting | None
    """Where they part; None if they do not."""

    @property
    def identical(self) -> int:
        """Shared trials whose common reports are the same, bit for bit."""
        return sum(trial.difference is None for trial in self.shared)

    @property
    def differing(self) -> SharedTrial | None:
        """The first shared trial with another result; None if there is none."""
        return next((trial for trial in self.shared if trial.difference is not None), None)

    @property
    def has_same_seed(self) -> bool:
        """Whether the runs of both were trained with the same seed."""
        return (
            self.first.run is not None and self.second.run is not None and self.first.run.seed == self.second.run.seed
        )


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Comparison(ShownAsTable):
    """Several sides, the first compared with each other one."""

    sides: tuple[Side, ...]
    settings: tuple[SettingDifference, ...]
    """The settings that are not the same on all sides."""
    pairs: tuple[Pair, ...]
    """One for each side after the first."""

    @property
    def runs(self) -> tuple[Run, ...]:
        """The run of each side that has one."""
        return tuple(side.run for side in self.sides if side.run is not None)

    @property
    def same_images(self) -> bool:
        """Whether the runs of all sides were judged on the same validation images; also if there are no images."""
        of_nets = [run for run in self.runs if run.record is not None]
        return all(have_same_images(of_nets[0], run) for run in of_nets[1:])

    def _table(self) -> Table[Side]:
        from mnist_bench.comparison.comparison_table import tables_of  # its module imports this one

        first, *_ = tables_of(self)
        return first

    def _finding(self) -> str:
        tests = [pair.test for pair in self.pairs if pair.test is not None]
        return tests[0].sentence if tests else ""


def compare(targets: Sequence[StoredStudy | str | Path], results: Path) -> Comparison:
    """Return a comparison of two studies, trials, records or exports; see `side_of`.

    Raises:
        UsageError: there are not two sides, a side cannot be read, or networks meet other values.
        StudyNotFoundError: there is no such study, or no such trial.
        StorageError: a database or a stored result cannot be read.
    """
    if len(targets) != 2:
        raise UsageError(f"compare takes two studies, trials or records, not {len(targets)}.")
    return compare_sides([side_of(target, results) for target in targets])


def compare_sides(sides: Sequence[Side]) -> Comparison:
    """Return the comparison of sides that were read; errors as in `compare`."""
    first, *others = sides
    _check(sides)
    tests = iter(_tests(first, others))
    pairs = [
        Pair(
            first=first,
            second=other,
            test=next(tests) if first.run and other.run else None,
            shared=shared_trials(first.runs, other.runs),
            same_configurations=same_configurations(first.runs, other.runs),
            parting=parting_of(first, other),
        )
        for other in others
    ]
    return Comparison(sides=tuple(sides), settings=setting_differences(sides), pairs=tuple(pairs))


def _tests(first: Side, others: Sequence[Side]) -> tuple[RunTest, ...]:
    return () if first.run is None else verdicts_of(first.run, [other.run for other in others if other.run is not None])


def _check(sides: Sequence[Side]) -> None:
    labels = [side.label for side in sides]
    if twice := [label for label in labels if labels.count(label) > 1]:
        raise UsageError(f"{twice[0]}: is named twice; name two that may differ.")
    of_nets = [side.label for side in sides if side.is_of_nets]
    if of_nets and len(of_nets) < len(sides):
        other = next(side.label for side in sides if not side.is_of_nets)
        raise UsageError(
            f"{of_nets[0]} has networks, and {other} was made by another trainer; compare what has the same values."
        )
    for side in sides:
        if not side.is_study and side.run is not None and not side.run.reports:
            raise StudyNotFoundError(f"Trial {side.label} has no report yet, so there is nothing to compare.")
