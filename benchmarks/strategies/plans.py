"""What is to be confirmed live, as a file describes it before any of its searches has run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from boundaries import boundaries
from looks import ADDED, BOUNDARIES
from ruamel.yaml import YAML

from mnist_bench.experiments.contest.contest_record import Entrant
from mnist_bench.experiments.contest.entrants import name_and_options
from mnist_bench.experiments.contest.live_contest import FRESH_SEEDS


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """The claim to be tested, fixed before any of its searches has run."""

    way: Entrant
    against: Entrant
    trials: int
    """The budget: the cost of that number of whole trainings."""
    budgets: tuple[int, ...]
    """Further budgets at which speed-ups are reported."""
    fresh: int
    """Number of fresh seeds that a choice is scored with."""
    looks: tuple[Mapping[int, float], ...] = field(hash=False)
    """By number of pairs, in their order: the boundary of |z|. The first holds if no other claim is shown, the next
    one if one is, and so on; there is but one if claims are tested independently."""
    turns: int | None = None
    """Pairs that are made in a row before it is the next claim's turn; None for all of them."""

    @property
    def pairs(self) -> int:
        """Number of pairs of the last look."""
        return max(self.looks[0])


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The plan that a file describes."""

    task: str
    space: str
    own_splits: bool
    """Whether each pair has a split and a training seed of its own."""
    margin: float
    """Points; two methods are equal if the whole interval lies within."""
    first_seed: int
    claims: tuple[Claim, ...]
    besides: tuple[Claim, ...] = ()
    """Comparisons that are described and not tested; their searches are made last."""
    unpruned: int = 0
    """Of each start list, the first configurations that no pruner stops."""

    @property
    def is_holm(self) -> bool:
        """Whether the claims share one chance of a wrong claim, by Holm's method."""
        return len(self.claims[0].looks) > 1


def plan_of(path: Path) -> Plan:
    """Return the plan in a file.

    Raises:
        SystemExit: looks are not equally spaced, or too many; or a split is of no known kind.
    """
    values = YAML(typ="safe").load(path)
    if values.get("split", "task") not in ("task", "pair"):
        raise SystemExit(f"{path}: split: {values['split']} is neither task (its own for all) nor pair.")
    ways = {name: _entrant(way) for name, way in values["ways"].items()}
    return Plan(
        task=values["task"], space=values["space"], own_splits=values.get("split") == "pair", margin=values["margin"],
        first_seed=values["first_seed"], unpruned=values.get("unpruned", 0),
        claims=tuple(_claim({**values, **each}, ways, looks_of(path, values, each)) for each in values["claims"]),
        besides=tuple(
            _claim({**values, **each}, ways, ({each["pairs"]: BOUNDARIES[1][0]},)) for each in values.get("besides", ())
        ),
    )  # fmt: skip


def _entrant(way: Mapping[str, Any]) -> Entrant:
    sampler, of_sampler = name_and_options("sampler", way["sampler"])
    pruner, of_pruner = name_and_options("pruner", way["pruner"])
    return Entrant(
        sampler=sampler, pruner=pruner, sampler_options=of_sampler, pruner_options=of_pruner,
        start=tuple(way.get("start", ())),
    )  # fmt: skip


def _claim(values: Mapping[str, Any], ways: Mapping[str, Entrant], looks: tuple[Mapping[int, float], ...]) -> Claim:
    """Return a claim of these values; those that it lacks are the file's."""
    return Claim(
        way=ways[values["way"]], against=ways[values["against"]], looks=looks, turns=values.get("turns"),
        trials=values["trials"], budgets=tuple(values.get("budgets", ())), fresh=values.get("fresh", len(FRESH_SEEDS)),
    )  # fmt: skip


def looks_of(path: Path, values: Mapping[str, Any], claim: Mapping[str, Any]) -> tuple[Mapping[int, float], ...]:
    """Return the boundary at each number of pairs that a claim names, by the number of other claims that are shown.

    Raises:
        SystemExit: as in `plan_of`; or a look was added where it is not an early one.
    """
    planned = claim["looks"]
    if (level := values.get("holm")) is not None:
        claims = len(values["claims"])
        return tuple(
            dict(zip(planned, boundaries(planned, level / (claims - shown)), strict=True)) for shown in range(claims)
        )
    return (_tabulated(path, planned, claim.get("added")),)


def _tabulated(path: Path, planned: list[int], added: int | None) -> Mapping[int, float]:
    if len(planned) not in BOUNDARIES:
        raise SystemExit(f"{path}: there are boundaries for up to {max(BOUNDARIES)} looks.")
    if planned != [round(planned[-1] * (number + 1) / len(planned)) for number in range(len(planned))]:
        raise SystemExit(f"{path}: looks {planned} are not equally spaced, as the boundaries need them.")
    looks = dict(zip(planned, BOUNDARIES[len(planned)], strict=True))
    if added is None:
        return looks
    if not added < planned[0]:
        raise SystemExit(f"{path}: a look can be added before the first one ({planned[0]} pairs), not at {added}.")
    return {added: ADDED, **looks}
