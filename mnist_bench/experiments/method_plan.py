"""A plan file of `bench search`, written before its first search: what is searched, one endpoint, and a margin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Lt, MinLen
from pydantic import TypeAdapter, with_config

from mnist_bench.experiments.replays import SearchMethod, line_up
from mnist_bench.space_files.content import Wanted, value_faults
from search.arguments import CONCURRENT_TRIALS
from search.canonical_json import dumps
from search.errors import Problem, SpaceError, UsageError
from search.messages import did_you_mean, joined, listing, show
from search.space.yaml_text import Document, Origin, load

Planned = Literal["primary", "secondary", "not planned"]
Count = Annotated[int, Ge(1)]
Strategies = Annotated[tuple[str | dict[str, Any], ...], MinLen(1), Wanted("a list of names, or of mappings with one")]


@with_config(extra="forbid")
@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """The comparison that a plan is made for: normalized regret of the first method and of another."""

    method: str  # the other one, as tables name it
    trials: Count


@with_config(extra="forbid")
@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What a plan file fixes; each search has eight concurrent trials."""

    tables: Annotated[tuple[str, ...], MinLen(1), Wanted("a list of tables")]
    samplers: Strategies
    pruners: Strategies
    seeds: Annotated[int, Ge(2), Wanted("an integer of at least 2")]  # per table and method, from 0
    trials: Annotated[tuple[Count, ...], MinLen(1), Wanted("a list of budgets, in full trainings")]
    endpoint: Annotated[Endpoint, Wanted("a mapping with a method and its trials")]
    margin: Annotated[float, Gt(0), Lt(1), Wanted("a number between 0 and 1")]
    """Differences of normalized regret below it are of no use to anybody."""

    def fixes(self, tables: Sequence[str], first: str, seeds: int, concurrent_trials: int) -> bool:
        """Return whether it fixes such searches: their tables, seeds and concurrent trials, and the first method."""
        fixed = ({*self.tables}, next(iter(self.methods)), self.seeds, CONCURRENT_TRIALS)
        return fixed == ({*tables}, first, seeds, concurrent_trials)

    @property
    def methods(self) -> Mapping[str, SearchMethod]:
        """The methods by name; all are compared with the first."""
        return line_up(self.samplers, self.pruners)

    def planned(self, method: str, trials: int) -> Planned:
        """Return how the comparison of a method with the first one is planned."""
        if self.endpoint == Endpoint(method=method, trials=trials):
            return "primary"
        return "secondary" if method in self.methods and trials in self.trials else "not planned"


def read(path: Path) -> Plan:
    """Return the plan of a file; a UsageError names the lines of what is wrong."""
    try:
        return _checked(load(path))
    except SpaceError as error:  # whose last line would be about spaces
        raise UsageError(str(error)) from error


def _checked(document: Document) -> Plan:
    if problems := [*_problems(document)]:
        raise SpaceError(problems)
    plan = TypeAdapter(Plan).validate_json(dumps(document.value), strict=True)
    first, *others = plan.methods
    at, endpoint = Origin(document), plan.endpoint
    if endpoint.method not in others:
        hint = did_you_mean(endpoint.method, others) or f"; those are {listing(others)}."
        text = f"{show(endpoint.method)} is not a method that is compared with {first}{hint}"
        raise SpaceError([at.problem(f"endpoint.method: {text}", "endpoint", "method")])
    if endpoint.trials not in plan.trials:
        text = f"{endpoint.trials} is not among the trials {show([*plan.trials])}"
        raise SpaceError([at.problem(f"endpoint.trials: {text}", "endpoint", "trials")])
    return plan


def _problems(document: Document) -> Iterator[Problem]:
    """Yield what is wrong with single fields."""
    at, names = Origin(document), [item.name for item in fields(Plan)]
    if not isinstance(document.value, dict):
        yield at.problem(f"a plan is a mapping with {joined(names)}")
        return
    for name, value in document.value.items():
        if name not in names:
            yield at.problem(f"{name}: no such field{did_you_mean(name, names)}", name, at_key=True)
        else:
            for fault in value_faults(Plan, name, value):
                yield at.problem(f"{name}{fault.text}", name, *fault.place)
    yield from (at.problem(f"{name} is missing") for name in names if name not in document.value)
