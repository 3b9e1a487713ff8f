"""The results of foreign searches, a line of JSON each in a file that only grows; and a contest made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

from methods import METHODS
from pydantic import TypeAdapter, ValidationError, with_config

from mnist_bench.experiments.contest.contest_record import Contest, Trace
from mnist_bench.experiments.contest.replayed import Replayed
from search import canonical_json
from search.errors import StorageError, UsageError
from search.files import append_line, whole_lines
from search.messages import first_fault
from search.stored_fields import STRICT


@with_config(STRICT)
@dataclass(frozen=True, kw_only=True, slots=True)
class ContestTask:
    """The terms that all searches of a contest share."""

    table: str
    """SHA-256 of the file of the table or stand-in."""
    budget: int
    """Trainings of an average configuration."""


@with_config(STRICT)
@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A search that is done."""

    task: ContestTask
    method: str
    """Its name in `methods.METHODS`."""
    seed: int
    library: str
    """Name and version."""
    trace: Trace


def keep(path: Path, kept: Kept) -> None:
    """Add a search to the file, and sync it to disk."""
    append_line(path, canonical_json.dumps(asdict(kept)))


def read(path: Path, task: ContestTask) -> dict[tuple[str, int], Kept]:
    """Return the searches of a task that a file has, by method and seed.

    A line that a killed process left unfinished is passed over, and that search runs again.

    Raises:
        StorageError: a whole line is not one that `keep` wrote.
    """
    found: dict[tuple[str, int], Kept] = {}
    for number, values in whole_lines(path):
        try:
            kept = _adapter().validate_python(values)
        except ValidationError as error:
            raise StorageError(
                f"{path}, line {number}: not a search of a foreign method ({first_fault(error)})."
            ) from error
        if kept.task == task:
            found[kept.method, kept.seed] = kept
    return found


@cache
def _adapter() -> TypeAdapter[Kept]:
    return TypeAdapter(Kept)


def contest_of(
    replayed: Replayed, task: ContestTask, found: Mapping[tuple[str, int], Kept], methods: Sequence[str]
) -> Contest:
    """Return the contest of some methods, over the seeds that all of them have searched with."""
    scored = replayed.scored
    by_method = [{seed for name, seed in found if name == method} for method in methods]
    seeds = tuple(sorted(set.intersection(*by_method)))
    return Contest(
        instrument=scored.instrument, task=replayed.name, space=replayed.space.name, budget=task.budget,
        training_seconds=scored.training_seconds, slots=1, workers=(1,), seeds=seeds,
        entrants=tuple(METHODS[method].entrant for method in methods),
        traces=tuple(tuple(found[method, seed].trace for seed in seeds) for method in methods),
        seen_images=scored.seen_images, unseen_images=scored.unseen_images, develops=scored.develops,
    )  # fmt: skip


def beside(ours: Contest, foreign: Contest) -> Contest:
    """Return a contest of our entrants, then the foreign ones, over the seeds that both have searched with.

    Its slots and workers are those of mnist-bench's side; a foreign search has one of each.

    Raises:
        UsageError: the two are of different tables or budgets.
    """
    if (ours.task, ours.budget) != (foreign.task, foreign.budget):
        raise UsageError(
            f"A contest on {ours.task} with a budget of {ours.budget} and one on {foreign.task} with {foreign.budget} "
            "cannot be compared."
        )
    seeds = tuple(seed for seed in ours.seeds if seed in foreign.seeds)
    traces = [
        tuple(row[contest.seeds.index(seed)] for seed in seeds) for contest in (ours, foreign) for row in contest.traces
    ]
    return replace(ours, seeds=seeds, entrants=ours.entrants + foreign.entrants, traces=tuple(traces))
