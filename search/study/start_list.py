"""What a study begins with: configurations that did well in other studies, and trials of an earlier study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from search.errors import NewerVersionError
from search.stored_fields import unknown

IGNORES = 3
"""Every third proposal ignores the list, so that a misleading list costs no more than its own trials."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StartList:
    """A list of parameters, best first. It is part of a study's specification, so its sources may be removed."""

    made_of: tuple[str, ...] = ()
    """Names of the studies and tables."""
    configurations: tuple[Mapping[str, Any], ...] = ()
    """Parameters of trials of the space."""

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> StartList:
        """Return the list that `to_json` gave."""
        if "unpruned" in stored:
            raise NewerVersionError(unknown("start.unpruned"))
        return cls(made_of=tuple(stored["made_of"]), configurations=tuple(stored["configurations"]))

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "made_of": list(self.made_of),
            "configurations": [dict(params) for params in self.configurations],
        }

    def at(self, proposal: int) -> Mapping[str, Any] | None:
        """Return the configuration for proposal number `proposal`, from 0; None if the sampler proposes.

        >>> [StartList(configurations=({"a": 1}, {"a": 2}, {"a": 3})).at(proposal) for proposal in range(5)]
        [{'a': 1}, {'a': 2}, None, {'a': 3}, None]
        """
        if proposal < 0 or proposal % IGNORES == IGNORES - 1:
            return None
        index = proposal - proposal // IGNORES
        return self.configurations[index] if index < len(self.configurations) else None


@dataclass(frozen=True, kw_only=True, slots=True)
class TakenTrial:
    """A trial of an earlier study that is trained again, with the same seed."""

    trial: int
    """Its number in that study."""
    params: Mapping[str, Any]
    """Its parameters in the new space."""
    seed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Continuation:
    """The trials of an earlier study that a study begins with, in the order of that study.

    They are part of the study's specification, so the earlier study may be removed.
    """

    study: str
    """The earlier study's name."""
    digest: str
    """The earlier study's digest when the trials were taken."""
    trials: tuple[TakenTrial, ...]

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Continuation:
        """Return the trials that `to_json` gave."""
        trials = (TakenTrial(trial=row["trial"], params=row["params"], seed=row["seed"]) for row in stored["trials"])
        return cls(study=stored["study"], digest=stored["digest"], trials=tuple(trials))

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        rows = [{"trial": each.trial, "params": dict(each.params), "seed": each.seed} for each in self.trials]
        return {"study": self.study, "digest": self.digest, "trials": rows}
