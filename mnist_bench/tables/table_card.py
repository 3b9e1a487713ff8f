"""The properties of a table, computed from its arrays: how noisy its errors are, and how early they predict the end."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_bench import cells
from mnist_bench.result_table import Column, Table
from mnist_bench.tables.recorded_benchmark import RecordedBenchmark
from search.messages import number_of

WITHIN = 2.0
"""Standard deviations of a difference of two trainings within which a point counts as equal to the best."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Some points of a table. Errors are shares (0 to 1) after the last period, of the lowest seed of each point."""

    points: int
    error: float | None
    """Their median, on the images that a search sees; None if all diverged."""
    floor: float | None
    """Binomial standard deviation of an error as large as this median: the noise of the number of images alone."""
    unseen_floor: float | None
    """The same on the images that no search sees."""
    repeated: int
    """Points with several seeds of which none diverged: the next two fields are about these."""
    deviation: float | None
    """Standard deviation of the error from seed to seed, pooled; None if no point has several seeds."""
    unseen_deviation: float | None
    correlations: tuple[float | None, ...]
    """Spearman's rank correlation of the error after each period with that after the last; None if all are equal."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shared:
    """Points that another table has, too: those with the same parameters."""

    table: str
    points: int
    correlation: float | None
    """Spearman's, of the errors after the last period in both tables."""
    best_correlation: float | None
    """The same over the third that is best in the first table."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """Statistics of a table."""

    table: str
    epochs: tuple[float, ...]
    points: int
    rows: int
    diverged: float
    """Share of the rows."""
    best: float | None
    """The least error, 0 to 1."""
    within_noise: int
    """Points that are at most `WITHIN` standard deviations of a difference worse than the best one, itself included."""
    costs: tuple[float, float, float]
    """Of a whole training, in seconds as estimated: least, median, most."""
    all: Group
    best_third: Group
    shared: tuple[Shared, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Noise:
    """How far two trainings of a point are apart by chance, in the best third of a table's points and elsewhere."""

    best_third: frozenset[int]
    deviation_of_best: float | None
    deviation: float | None

    def of_difference(self, point: int) -> float | None:
        """Return the standard deviation of the difference of two errors, 0 to 1; None if the table cannot show it."""
        own = self.deviation_of_best if point in self.best_third else self.deviation
        deviation = self.deviation if own is None else own
        return None if deviation is None else math.sqrt(2) * deviation


def card_of(table: RecordedBenchmark, others: Sequence[RecordedBenchmark] = ()) -> Card:
    """Return the statistics of a table, and how it goes together with others that share points with it."""
    finals = _finals(table)
    best_third = _best_third(finals)
    everything, best = _group(table, sorted(finals)), _group(table, best_third)
    errors = np.array([error for error in finals.values() if error is not None])
    deviation = next((found for found in (best.deviation, everything.deviation, best.floor) if found is not None), 0.0)
    limit = errors.min(initial=1) + WITHIN * math.sqrt(2) * deviation
    costs = table.arrays.costs.sum(axis=1) / 1e6
    return Card(
        table=table.name,
        epochs=tuple(table.about.epochs),
        points=len(finals),
        rows=len(table.arrays.point),
        diverged=float((table.arrays.unseen < 0).mean()),
        best=float(errors.min()) if len(errors) else None,
        within_noise=int((errors <= limit).sum()),
        costs=(float(costs.min()), float(np.median(costs)), float(costs.max())),
        all=everything,
        best_third=best,
        shared=tuple(shared for other in others if (shared := _shared(table, other)).points > 2),
    )


def noise_of(table: RecordedBenchmark) -> Noise:
    """Return how far two trainings of a point of a table are apart by chance."""
    finals = _finals(table)
    best = _best_third(finals)
    return Noise(
        best_third=frozenset(best),
        deviation_of_best=_group(table, best).deviation,
        deviation=_group(table, sorted(finals)).deviation,
    )


class Figure(NamedTuple):
    """One figure of all points, and of the best third; None if it is not known."""

    name: str
    all: float | None
    best_third: float | None
    words: Callable[[float | None], str]


def table_of(card: Card) -> Table[Figure]:
    """Return a row a figure: of all points, and of the best third."""
    return Table(
        rows=list(_figures(card)),
        columns=[
            Column("figure", lambda row: row.name, 9),
            Column("all points", lambda row: row.words(row.all), 8, "right"),
            Column("best third", lambda row: row.words(row.best_third), 7, "right"),
        ],
        caption=[
            f"Table {card.table}: {number_of(card.points, 'configuration')}, {number_of(card.rows, 'run')}, "
            f"{cells.percent(card.diverged, 1)} of them diverged; a full training costs "
            f"{', '.join(cells.duration(cost) for cost in card.costs)} (least, median, most; estimated)."
        ],
        footnotes=[
            f"Best error {cells.percent(card.best)}; {card.within_noise} of "
            f"{number_of(card.points, 'configuration')} are within noise of it ({WITHIN:g} standard deviations of "
            "the difference of two trainings).",
            "Errors are after the last report, with the lowest seed of each configuration. Floor: binomial, of the "
            "median error. Seed to seed: pooled over configurations with several seeds of which none diverged.",
        ],
        record=_record,
        document=asdict(card),
    )


def _figures(card: Card) -> Iterator[Figure]:
    count, share = partial(_words, "{:,}"), partial(cells.percent, digits=3)
    all_points, best = card.all, card.best_third
    yield Figure("points", all_points.points, best.points, count)
    yield Figure("median error", all_points.error, best.error, cells.percent)
    yield Figure("floor, seen images", all_points.floor, best.floor, share)
    yield Figure("floor, unseen images", all_points.unseen_floor, best.unseen_floor, share)
    yield Figure("points with several seeds", all_points.repeated, best.repeated, count)
    yield Figure("seed to seed, seen images", all_points.deviation, best.deviation, share)
    yield Figure("seed to seed, unseen images", all_points.unseen_deviation, best.unseen_deviation, share)
    correlation = partial(_words, "{:.2f}")
    early = zip(card.epochs[:-1], all_points.correlations, best.correlations, strict=False)  # the last is with itself
    for epoch, found, of_best in early:
        yield Figure(f"rank correlation, epoch {epoch:g} and end", found, of_best, correlation)
    for shared in card.shared:
        name = f"rank correlation with {shared.table} ({number_of(shared.points, 'configuration')})"
        yield Figure(name, shared.correlation, shared.best_correlation, correlation)


def _words(form: str, found: float | None) -> str:
    return "–" if found is None else form.format(found)


def _record(row: Figure) -> Mapping[str, Any]:
    return {"figure": row.name, "all_points": row.all, "best_third": row.best_third}


def _finals(table: RecordedBenchmark) -> dict[int, float | None]:
    """Return the error of each point with its lowest seed, after the last period; None if it diverged."""
    images = table.about.images["validation"]
    firsts = _first_rows(table, sorted(table.seeds))
    errors = table.arrays.errors[firsts, -1]
    points = table.arrays.point[firsts].tolist()
    return {point: None if count < 0 else count / images for point, count in zip(points, errors.tolist(), strict=True)}


def _first_rows(table: RecordedBenchmark, points: Sequence[int]) -> NDArray[np.intp]:
    """Return the row of each point's lowest seed."""
    order = np.lexsort((table.arrays.seed, table.arrays.point))
    trained, at = np.unique(table.arrays.point[order], return_index=True)
    rows: NDArray[np.intp] = order[at][np.searchsorted(trained, points)]
    return rows


def _best_third(finals: Mapping[int, float | None]) -> list[int]:
    ended = [(error, point) for point, error in finals.items() if error is not None]
    return sorted(point for _, point in sorted(ended)[: math.ceil(len(finals) / 3)])


def _group(table: RecordedBenchmark, points: Sequence[int]) -> Group:
    images, arrays = table.about.images, table.arrays
    errors = arrays.errors[_first_rows(table, points)] / images["validation"]
    ended = errors[:, -1] >= 0
    median = float(np.median(errors[ended, -1])) if ended.any() else None
    in_group = np.isin(arrays.point, points)
    repeated, deviation = _pooled(arrays.point[in_group], arrays.errors[in_group, -1])
    _, unseen_deviation = _pooled(arrays.point[in_group], arrays.unseen[in_group])
    worst = np.where(errors < 0, 1.0, errors)  # a training that diverged ranks behind all others
    return Group(
        points=len(points),
        error=median,
        floor=None if median is None else _floor(median, images["validation"]),
        unseen_floor=None if median is None else _floor(median, images["unseen"]),
        repeated=repeated,
        deviation=None if deviation is None else deviation / images["validation"],
        unseen_deviation=None if unseen_deviation is None else unseen_deviation / images["unseen"],
        correlations=tuple(_spearman(after, worst[:, -1]) for after in worst.T),
    )


def _floor(error: float, images: int) -> float:
    return math.sqrt(error * (1 - error) / images)


def _pooled(point: NDArray[np.integer], errors: NDArray[np.integer]) -> tuple[int, float | None]:
    """Return the number of points with several rows, none diverged, and the standard deviation within them."""
    squares, freedom, repeated = 0.0, 0, 0
    for number in np.unique(point):
        own = errors[point == number]
        if len(own) > 1 and own.min() >= 0:
            squares += float(((own - own.mean()) ** 2).sum())
            freedom += len(own) - 1
            repeated += 1
    return repeated, math.sqrt(squares / freedom) if freedom else None


def _shared(table: RecordedBenchmark, other: RecordedBenchmark) -> Shared:
    here, there = _finals(table), _finals(other)
    same = {point: same for point in here if (same := other.find(table.params(point))) in there}
    best = set(_best_third({point: here[point] for point in same}))

    def correlation(points: Sequence[int]) -> float | None:
        # A training that diverged ranks behind all others.
        left = [1.0 if here[point] is None else here[point] for point in points]
        right = [1.0 if there[same[point]] is None else there[same[point]] for point in points]
        return _spearman(np.array(left), np.array(right))

    return Shared(
        table=other.name,
        points=len(same),
        correlation=correlation([*same]),
        best_correlation=correlation([point for point in same if point in best]),
    )


def _spearman(left: NDArray[np.floating], right: NDArray[np.floating]) -> float | None:
    from scipy.stats import rankdata  # type: ignore[import-untyped]

    if len(left) < 3 or np.ptp(left) == 0 or np.ptp(right) == 0:
        return None
    return float(np.corrcoef(rankdata(left), rankdata(right))[0, 1])
