"""Rows of a table trained again: to the same bits if this machine computes as theirs did, else within noise.

Which rows is decided by a seed. Nothing is kept of a verification that has ended: the next one trains again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, assert_never

import numpy as np

from mnist_bench import cells
from mnist_bench.data import DataOptions
from mnist_bench.experiments.grid import Grid, Observer, ResultsWorkplace, RunReports, TrainingRun, open_grid
from mnist_bench.result_table import Column, Table
from mnist_bench.studies import first_difference
from mnist_bench.tables import RecordedBenchmark, RecordedRow, fresh, rows, table_card
from search.arguments import check_count
from search.differences import same_bits
from search.errors import UsageError
from search.messages import number_of
from search.study import WorkFolder

FOLDER = "_tables"
"""The folder of the work among the results; no study can have this name."""
DEVIATIONS = 4.0
"""Standard deviations of a difference of two trainings that are still noise: one difference in 16,000 is larger."""

Verdict = Literal["identical", "differs", "within noise", "outside noise", "cannot tell"]


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifyOptions(ResultsWorkplace):
    """The options of a verification."""

    rows: int = 20
    """How many; all if there are fewer."""
    seed: int = 0
    """Decides which ones."""

    def __post_init__(self) -> None:
        check_count("rows", self.rows)
        check_count("seed", self.seed, least=0)


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedRow:
    """A row and its result here."""

    point: int
    seed: int
    canary: str
    """Of the machine that trained the row."""
    then: float | None
    """Error after the last period on the images that a search sees, 0 to 1; None if training diverged."""
    now: float | None
    tolerance: float | None
    """Largest difference of the two that is noise; None if the table has no repeated seeds. A tolerance above the error
    itself decides nothing either."""
    first_difference: str | None
    """Where the bits differ first: `period 2, weights`; None if they do not."""
    must_be_equal: bool
    """Whether the row was trained by the same revision of the trainer, if the canary is this machine's."""

    @property
    def verdict(self) -> Verdict:
        """The verdict on the row."""
        if self.first_difference is None:
            return "identical"
        if self.must_be_equal:
            return "differs"
        if self.then is None or self.now is None:
            return "within noise" if self.then is self.now else "outside noise"
        if self.tolerance is None or self.tolerance > self.then:
            return "cannot tell"  # within a tolerance above the error any net would be that has learnt a little
        return "within noise" if abs(self.now - self.then) <= self.tolerance else "outside noise"

    @property
    def holds(self) -> bool:
        """Whether the row is not refuted."""
        match self.verdict:
            case "identical" | "within noise" | "cannot tell":
                return True
            case "differs" | "outside noise":
                return False
            case _:
                assert_never(self.verdict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """The result of a verification."""

    table: str
    canary: str
    """This machine's."""
    seed: int
    of: int
    """Rows of the table."""
    rows: tuple[CheckedRow, ...]

    @property
    def holds(self) -> bool:
        """Whether no row is refuted."""
        return all(row.holds for row in self.rows)


def verify_rows(table: RecordedBenchmark, options: VerifyOptions, observer: Observer) -> Verified:
    """Train rows of a table again and compare. The same call continues one that was stopped.

    Raises:
        Stopped: the observer stopped it before its end.
        UsageError: the task's data are not those of the table.
        StudyLockedError: another process verifies this table.
        WorkerError, DataError, DeviceError, StorageError: as `open_grid`.
    """
    drawn, folder = drawn_rows(table, options), options.results / FOLDER / table.name
    plan = fresh.planner(table.about, table.space)
    runs = [
        TrainingRun(
            name=str(row.point), config=plan(table.params(row.point)).config, seed=row.seed,
            title=f"{table.name}/{row.point}, seed {row.seed}",
        )
        for row in drawn
    ]  # fmt: skip
    with open_grid(
        folder, f"The verification of table {table.name}", observer, data=DataOptions(task=fresh.task_of(table.about)),
        workers=options.workers, device=options.device,
    ) as grid:  # fmt: skip
        _check_data(table, grid)
        observer.on_start(len(runs), grid.seconds(runs))
        curves = grid.train(runs)
        checked = _compare(table, drawn, curves, grid.numerics)
        WorkFolder(folder).clear_checkpoints()
    return Verified(
        table=table.name, canary=str(grid.numerics["canary"]), seed=options.seed, of=len(table.arrays.point),
        rows=tuple(checked),
    )  # fmt: skip


def drawn_rows(table: RecordedBenchmark, options: VerifyOptions) -> list[RecordedRow]:
    """Return the rows to train again, by point and seed."""
    number = len(table.arrays.point)
    drawn = np.random.default_rng(options.seed).choice(number, size=min(options.rows, number), replace=False)
    keys = [(int(table.arrays.point[row]), int(table.arrays.seed[row])) for row in drawn]
    return [table.row(point, seed) for point, seed in sorted(keys)]


def _check_data(table: RecordedBenchmark, grid: Grid) -> None:
    then, now = table.about, grid.data
    if (then.data_hash, then.split_hash) != (now.data_hash, now.split.digest):
        raise UsageError(
            f"Table {table.name} was trained on other data (hash {then.data_hash[:8]}, here {now.data_hash[:8]}): this "
            f"version makes task {then.task} in another way."
        )


def _compare(
    table: RecordedBenchmark, drawn: Sequence[RecordedRow], curves: RunReports, numerics: Mapping[str, Any]
) -> list[CheckedRow]:
    noise, images = table_card.noise_of(table), table.about.images["validation"]
    same_trainer = table.about.trainer_revision == numerics["trainer_revision"]
    machines = dict(zip(table.about.canaries, table.about.numerics, strict=True))
    checked = []
    for then in drawn:
        canary = str(numerics["canary"])
        same_machine = then.canary == canary and same_bits(machines[canary], numerics)
        now = rows.row_of(then.point, then.seed, canary, curves[str(then.point), then.seed])
        deviation = noise.of_difference(then.point)
        checked.append(
            CheckedRow(
                point=then.point, seed=then.seed, canary=then.canary, then=_error(then, images),
                now=_error(now, images), tolerance=None if deviation is None else DEVIATIONS * deviation,
                first_difference=_first_difference(then, now), must_be_equal=same_trainer and same_machine,
            )
        )  # fmt: skip
    return checked


def _error(row: RecordedRow, images: int) -> float | None:
    errors = row.periods[-1].errors
    return None if errors is None else errors / images


def _first_difference(then: RecordedRow, now: RecordedRow) -> str | None:
    found = first_difference([*map(asdict, then.periods)], [*map(asdict, now.periods)])
    if found is not None:
        return found.name
    return None if then.unseen_errors == now.unseen_errors else "unseen errors"


def sentences(found: Verified) -> list[str]:
    """Return the result of a verification in words."""
    equal = [row for row in found.rows if row.must_be_equal]
    same = sum(row.first_difference is None for row in equal)
    lines = [
        f"Retrained {number_of(len(found.rows), 'run')} of {found.of:,} of table {found.table} (drawn with seed "
        f"{found.seed}); {len(equal) or 'none'} of them must be bit-identical here (numerics check {found.canary[:4]}…)"
        + (f": {same} of {len(equal)} are identical." if equal else ".")
    ]
    others = [row for row in found.rows if not row.must_be_equal]
    if others:
        counts = {name: sum(row.verdict == name for row in others) for name in _ELSEWHERE}
        told = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        lines.append(
            f"Of the {len(others)} others: {told} (noise: {DEVIATIONS:g} standard deviations of a difference)."
        )
    return lines


_ELSEWHERE: tuple[Verdict, ...] = ("identical", "within noise", "outside noise", "cannot tell")


def table_of(found: Verified) -> Table[CheckedRow]:
    """Return a row a training, by point and seed."""
    return Table(
        rows=found.rows,
        columns=[
            Column("point", lambda row: str(row.point), 8, "right"),
            Column("seed", lambda row: str(row.seed), 7, "right"),
            Column("canary", lambda row: f"{row.canary[:4]}…", 3),
            Column("error then", lambda row: cells.percent(row.then), 6, "right"),
            Column("error now", lambda row: cells.percent(row.now), 5, "right"),
            Column("noise", lambda row: "" if row.must_be_equal else f"± {cells.percent(row.tolerance)}", 2, "right"),
            Column("verdict", lambda row: row.verdict, 9),
            Column("first difference", lambda row: row.first_difference or "", 4),
        ],
        caption=sentences(found),
        record=_record,
        document={
            "table": found.table, "canary": found.canary, "seed": found.seed, "of": found.of, "holds": found.holds,
            "rows": [_record(row) for row in found.rows],
        },
    )  # fmt: skip


def _record(row: CheckedRow) -> dict[str, Any]:
    return {**asdict(row), "verdict": row.verdict}
