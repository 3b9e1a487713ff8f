"""Configurations that did well in other studies, with which a study begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
        """Return the list of a stored specification."""
        return cls(made_of=tuple(stored.get("made_of", ())), configurations=tuple(stored.get("configurations", ())))

    def at(self, proposal: int) -> Mapping[str, Any] | None:
        """Return the configuration for proposal number `proposal`, from 0; None if the sampler proposes.

        >>> [StartList(configurations=({"a": 1}, {"a": 2}, {"a": 3})).at(proposal) for proposal in range(5)]
        [{'a': 1}, {'a': 2}, None, {'a': 3}, None]
        """
        if proposal < 0 or proposal % IGNORES == IGNORES - 1:
            return None
        index = proposal - proposal // IGNORES
        return self.configurations[index] if index < len(self.configurations) else None
