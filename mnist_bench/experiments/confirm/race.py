"""A race of configurations over seeds: those significantly worse than another one are dropped after 2, 4 and 8 seeds.

All candidates train with the same seeds, so two of them are compared by their differences seed by seed: a one-sided
paired t-test for each pair. Two seeds show little about the variance of a difference. Candidates that vary alike
therefore share one variance, the residual one of a two-way analysis without interaction (Fisher 1925); a pair of which
one varies more than the rest has its own. Bystanders can lend a pair certainty that way, and must not: the pair's own
differences have to agree at `OWN_LEVEL`, whatever the others do.

A candidate is dropped by the pair that speaks most clearly, not by a comparison with the best mean alone: after two
seeds that may be a candidate which swings, and of which no difference is sure. The correction is Bonferroni's for the
others and the looks, and Holm's (1979) over the race. As a result, no more than 5 races in 100 drop any candidate to
which no other is superior. benchmarks/null_race.py checks it for errors that are normal, skewed, or of unequal spread,
and shows what is found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mnist_bench.statistics import by_seed
from mnist_bench.statistics.by_seed import ROUNDING, alike, residual_variance
from mnist_bench.statistics.inference import holm

ROUNDS = (1, 2, 4, 8)
"""Seeds that each candidate still racing has trained with after each round. They double, so that one which is dropped
after two seeds has cost a quarter of one that races to the end, and there are but three looks to correct for."""
LOOKS = tuple(seeds for seeds in ROUNDS if seeds > 1)
"""Rounds that end with the test; one seed shows nothing about the spread of seeds."""
LEVEL = 0.05
"""Significance level of a drop, after Holm. Among 8 copies of one configuration, one was dropped in 2% of 1,000 races
(benchmarks/null_race.py)."""
OWN_LEVEL = 0.0065
"""Level of the test on a pair's own differences, uncorrected. Without it 16 of 100 races of eight copies, one of them
with ten times the spread, drop a trial, with it 5; the price is 8 of 71 drops that are due at two deviations."""

Errors = Mapping[int, Sequence[int | None]]
"""Of each candidate (a trial's number), by seed; None if training did not finish."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dropped:
    """Why a candidate does not race any longer."""

    seeds: int
    """Number of seeds that it had."""
    p_value: float | None
    """Corrected for all that was compared; None if a run did not finish."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Race:
    """How a race ended."""

    errors: dict[int, tuple[int | None, ...]]
    """Of every candidate, by seed."""
    dropped: dict[int, Dropped]
    cut: bool
    """Whether it ended before its last round."""

    @property
    def racing(self) -> list[int]:
        """The candidates that were not dropped, which are tied."""
        return [candidate for candidate in self.errors if candidate not in self.dropped]

    @property
    def seeds(self) -> int:
        """Seeds of the candidates that came furthest."""
        return max(map(len, self.errors.values()))

    @property
    def judged(self) -> bool:
        """Whether a test was made."""
        return self.seeds in LOOKS


def run(
    candidates: Sequence[int],
    errors_after: Callable[[Sequence[int], int], Errors],
    goes_on: Callable[[Race, int], bool] = lambda race, seeds: True,
) -> Race:
    """Return the race of `candidates`.

    Args:
        errors_after: returns the errors of the candidates still racing with this number of first seeds.
        goes_on: whether to run the next round, up to this number of seeds; not called for the first round.
    """
    race = Race(errors=dict.fromkeys(candidates, ()), dropped={}, cut=False)
    for seeds in ROUNDS:
        racing = race.racing
        if not racing:
            break
        if seeds > ROUNDS[0] and not goes_on(race, seeds):
            return Race(errors=race.errors, dropped=race.dropped, cut=True)
        found = errors_after(racing, seeds)
        errors = race.errors | {candidate: tuple(found[candidate]) for candidate in racing}
        race = Race(errors=errors, dropped=race.dropped | _dropped(found, seeds), cut=False)
    return race


def _dropped(found: Errors, seeds: int) -> dict[int, Dropped]:
    errors = {candidate: complete for candidate in found if (complete := by_seed.complete(found[candidate]))}
    broken = {candidate: Dropped(seeds=seeds, p_value=None) for candidate in found if candidate not in errors}
    p_values = worse(errors) if seeds in LOOKS else {}
    return broken | {c: Dropped(seeds=seeds, p_value=p) for c, p in p_values.items() if p <= LEVEL}


def worse(errors: Mapping[int, Sequence[int]]) -> dict[int, float]:
    """Return, for each candidate, the p-value of its being no worse than any other, corrected as above.

    It is that of the shared variance or, where it is larger, the pair's own, scaled to have `LEVEL` as its bar too.

    Args:
        errors: of each candidate with the same two or more seeds. A single candidate, or none, has nothing to be
            compared with.
    """
    from scipy.special import stdtr  # type: ignore[import-untyped]

    if len(errors) < 2:
        return dict.fromkeys(errors, 1.0)
    table = np.array(list(errors.values()), dtype=np.float64)
    candidates, seeds = table.shape
    group = alike(table)
    is_alike = np.isin(np.arange(candidates), group)
    shared, freedom = residual_variance(table[group])
    differences = table[:, None] - table[None]  # (candidates, others, seeds)
    means = differences.mean(axis=2)
    own = np.maximum(2 * ROUNDING, differences.var(axis=2, ddof=1))
    pooled = is_alike[:, None] & is_alike[None]
    statistic = means / np.sqrt(np.where(pooled, 2 * shared, own) / seeds)
    p_values = stdtr(np.where(pooled, freedom, seeds - 1), -statistic)
    np.fill_diagonal(p_values, 1.0)
    other = p_values.argmin(axis=1)
    rows = np.arange(candidates)
    corrected = holm([float(min(1.0, p)) for p in p_values[rows, other] * (candidates - 1) * len(LOOKS)])
    own_p_values = stdtr(seeds - 1, -means / np.sqrt(own / seeds))[rows, other] * LEVEL / OWN_LEVEL
    return {c: max(p, min(1.0, float(q))) for c, p, q in zip(errors, corrected, own_p_values, strict=True)}
