"""The seed of a search that is made for a receiver: a hash of all that decides the search, so that its author does not
choose it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

from annotated_types import Ge, Le, Len
from pydantic import TypeAdapter, with_config

from search import canonical_json, hashed
from search.event_log import MAX_GOAL
from search.stored_fields import STRICT
from search.study import StudySpec, fingerprint

KEY = "certificate"
"""The entry of a study's context that holds the receiver's name and the trial budget."""
MAX_NAME = 64
"""Characters of a receiver's name."""


@with_config(STRICT)
@dataclass(frozen=True, kw_only=True, slots=True)
class Receiver:
    """For whom a search is made, and its trial budget: both are part of the hash that is the seed."""

    name: Annotated[str, Len(1, MAX_NAME)]
    """A name or number that the receiver gave."""
    trials: Annotated[int, Ge(1), Le(MAX_GOAL)]
    """Trained trials of the search. A larger number would have another seed."""


def seeded_for(spec: StudySpec, receiver: Receiver) -> StudySpec:
    """Return a specification with its receiver, and with the seed that follows from both."""
    entry = {"name": receiver.name, "trials": receiver.trials}
    named = replace(spec, context={**spec.context, KEY: entry})
    return replace(named, seed=seed_of(named.to_json()))


def receiver_of(spec: Mapping[str, Any]) -> Receiver | None:
    """Return the receiver in a stored specification; None if the seed was chosen.

    Raises:
        ValidationError: the entry is not one that `seeded_for` writes.
    """
    entry = spec["context"].get(KEY)
    return None if entry is None else TypeAdapter(Receiver).validate_json(canonical_json.dumps(entry), strict=True)


def seed_of(spec: Mapping[str, Any]) -> int:
    """Return the seed that follows from all else in a stored specification, but for the description of the numerics."""
    others = {name: value for name, value in spec.items() if name != "seed"}
    return hashed.derived_seed("certificate", hashed.Name(fingerprint(others)))
