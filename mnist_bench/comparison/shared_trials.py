"""The trials that two sides share: the same configuration trained with the same seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mnist_bench.comparison.sides import Run
from mnist_bench.studies.reproduce import Difference, figures_of, first_difference
from search import canonical_json


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedTrial:
    """A configuration that both sides trained with the same seed."""

    first: Run
    second: Run
    difference: Difference | None
    """The first difference in the reports that both have; None if these are the same, bit for bit."""

    @property
    def period(self) -> int:
        """The first period, from 1, in which they differ; 0 if they do not."""
        both = zip(self.first.reports, self.second.reports, strict=False)
        return next((number for number, (then, now) in enumerate(both, start=1) if then != now), 0)


def shared_trials(first: Sequence[Run], second: Sequence[Run]) -> tuple[SharedTrial, ...]:
    """Return the runs that both sides have, in the order of the first side."""
    others = {run.identity: run for run in second}
    pairs = [(run, others.get(run.identity)) for run in first]
    return tuple(
        SharedTrial(first=run, second=other, difference=difference_of(run, other)) for run, other in pairs if other
    )


def same_configurations(first: Sequence[Run], second: Sequence[Run]) -> int:
    """Return how many configurations both sides trained, with whatever seed."""
    of_first, of_second = ({canonical_json.dumps(dict(run.config)) for run in runs} for runs in (first, second))
    return len(of_first & of_second)


def difference_of(first: Run, second: Run) -> Difference | None:
    """Return the first difference of two runs in the periods that both reported."""
    both = min(len(first.reports), len(second.reports))
    one, other = ([figures_of(report, "value") for report in run.reports[:both]] for run in (first, second))
    return first_difference(one, other)
