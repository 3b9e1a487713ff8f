"""The result of a race by value: its rows, and the file that keeps them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Annotated, Any

from annotated_types import Gt
from pydantic import with_config

from mnist_bench.experiments.confirm import race_result
from mnist_bench.statistics import by_seed, t_interval
from mnist_bench.studies import sealed_json
from search.errors import StorageError
from search.stored_fields import STRICT
from search.study import StudyFolder


@dataclass(frozen=True, kw_only=True, slots=True)
class ValueOverSeeds:
    """A value over seeds."""

    mean: float
    interval: tuple[float, float] | None
    """Student's 95% interval of the mean; None for one seed."""
    seeds: int


@with_config(STRICT)
@dataclass(frozen=True, kw_only=True, slots=True)
class ValueCandidate:
    """One trial's configuration in the race."""

    number: int
    """The trial's."""
    search_value: float | None
    """The trial's last value in the search."""
    search_reports: int
    """Reports that it made there."""
    complete: bool
    """Whether the trial is complete; a pruned one's value is of less training."""
    values: tuple[float | None, ...]
    """The last value of each run, by fresh seed; None if it did not finish."""
    dropped_after: int | None
    """Number of seeds after which it was dropped; None if it was not."""
    p_value: float | None
    """Of the test that dropped it, corrected; None if a run did not finish."""

    @property
    def mean(self) -> float | None:
        """Mean over the seeds; None if a run did not finish."""
        return by_seed.mean(self.values)


@with_config(STRICT)
@dataclass(frozen=True, kw_only=True, slots=True)
class ConfirmedValues:
    """A race by value, and the configuration that it selected. Without a test there is a leader instead."""

    study: str
    digest: str
    """The study's when it was confirmed; another one now means that it was searched further."""
    name: str
    """What the value is called."""
    minimized: bool
    """Whether smaller values are better."""
    top: int
    budget: float | None
    """Seconds; None for no limit."""
    seconds: float
    """The time of the whole confirmation, with other budgets before, too."""
    candidates: tuple[ValueCandidate, ...]
    """The best of the search first."""
    seeds: int
    """Fresh seeds of those that raced to the end."""
    cut: bool
    """Whether the budget ended the race before its last round."""
    step: Annotated[float, Gt(0)]
    """The smallest difference of two values that was seen; values count as rounded to it."""
    winner: int | None
    """The tied candidate with the best mean; None if no test was made."""
    leader: int | None
    """The candidate that would be the winner, if no test was made."""

    @property
    def method(self) -> race_result.Method:
        """The test that the race made."""
        return "own_differences"

    @property
    def judged(self) -> bool:
        """Whether a test was made."""
        return self.winner is not None

    @property
    def first(self) -> int:
        """The winner or, if no test was made, the leader."""
        return next(number for number in (self.winner, self.leader) if number is not None)

    @property
    def has_winner(self) -> bool:
        """Whether a significant test separates the selected candidate from each other one, of which there are some."""
        others = [row for row in self.candidates if row.number != self.first]
        return self.judged and bool(others) and all(row.p_value is not None for row in others)

    @property
    def tied(self) -> tuple[int, ...]:
        """The candidates that were not shown to be worse, the winner among them."""
        return tuple(candidate.number for candidate in self.candidates if candidate.dropped_after is None)

    def candidate(self, number: int) -> ValueCandidate:
        """Return the candidate that is trial `number`."""
        return next(candidate for candidate in self.candidates if candidate.number == number)

    def fresh(self, number: int) -> ValueOverSeeds | None:
        """Return a candidate's value with fresh seeds; None if no run finished."""
        values = by_seed.finished(self.candidate(number).values)
        if not values:
            return None
        return ValueOverSeeds(mean=fmean(values), interval=t_interval(values, step=self.step), seeds=len(values))


def save(confirmed: ConfirmedValues, folder: Path) -> None:
    """Keep the result in the study's folder `folder`; errors as in `sealed_json.save`."""
    sealed_json.save(confirmed, StudyFolder(folder).confirm.values)


def load_values(folder: Path) -> ConfirmedValues | None:
    """Return the result for the study whose folder is `folder`, under that name; None if it was not confirmed.

    Raises:
        NewerVersionError, StorageError: as in `sealed_json.load`; or the file contradicts itself.
    """
    path = StudyFolder(folder).confirm.values
    found = sealed_json.load(path, ConfirmedValues, "confirmation")
    if found is None:
        return None
    named = {found.winner, found.leader} - {None}
    if len(named) != 1 or not named <= {candidate.number for candidate in found.candidates}:
        raise StorageError(f"{path}: it names no trial that raced, or two; remove it, and it is made again.")
    return replace(found, study=folder.name)  # the study's folder may have been renamed since


def plain_values(confirmed: ConfirmedValues) -> dict[str, Any]:
    """Return plain values for JSON: the file's content, and the figures computed from it."""
    values = asdict(confirmed) | {"tied": list(confirmed.tied)}
    for candidate in values["candidates"]:
        fresh = confirmed.fresh(candidate["number"])
        candidate["fresh"] = None if fresh is None else asdict(fresh)
    return values
