"""Where two nested mappings of plain values differ, in words, and whether two descriptions of numerics agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from search import canonical_json
from search.messages import shortened

ABSENT = "-"
"""Shown if one side has no value."""
WIDE_CANARY = "wide_canary"
"""Decides like the canary if both sides have one; older studies have none."""
CANARIES = ("canary", WIDE_CANARY)
"""The entries of numerics that decide whether two machines compute alike; all others only describe a difference."""


def canaries(numerics: Mapping[str, Any]) -> list[Any]:
    """Return the canaries in a description of numerics; names of machine-dependent results are hashed with them.

    >>> canaries({"canary": "5f1c", "cpu": "a processor"})
    ['5f1c']
    """
    return [numerics[name] for name in CANARIES if name in numerics]


def changed_canaries(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Return the names of the canaries, among those that both descriptions have, in which they differ."""
    both = [name for name in CANARIES if name in one and name in other]
    # As JSON, the form in which a study keeps them.
    return [name for name in both if canonical_json.dumps(one[name]) != canonical_json.dumps(other[name])]


def same_bits(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether two descriptions of numerics promise the same bits.

    >>> old, new = {"canary": "5f1c"}, {"canary": "5f1c", "wide_canary": "77c0"}
    >>> same_bits(old, new), same_bits(new, {**new, "wide_canary": "1d93"})
    (True, False)
    """
    return not changed_canaries(one, other)


def differences(stored: Mapping[str, Any], current: Mapping[str, Any], path: str = "") -> list[tuple[str, str, str]]:
    """Return (path, stored value, current value) of every difference; `-` stands for a missing value."""
    found: list[tuple[str, str, str]] = []
    for key in sorted({*stored, *current}):
        old, new, here = _keyed(stored.get(key)), _keyed(current.get(key)), f"{path}{key}"
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found += differences(old, new, f"{here}.")
        elif canonical_json.dumps(old) != canonical_json.dumps(new):
            found.append((here, _shown(old), _shown(new)))
    return found if path else _decisive(found)


def _decisive(found: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Keep the description of numerics only if a canary differs; a canary that one side lacks does not count."""
    found = [row for row in found if not (row[0].endswith(WIDE_CANARY) and ABSENT in row[1:])]
    canary = any(path.endswith("canary") for path, _, _ in found)
    return [row for row in found if canary or not row[0].startswith("numerics.")]


def _keyed(value: Any) -> Any:
    """Return a list of (name, value) pairs, as a space's fields are, as a mapping, so that like meets like."""
    if not isinstance(value, list) or not value or not all(map(_is_pair, value)):
        return value
    named = dict(value)
    return named if len(named) == len(value) else value  # pairs that share a name hide each other in a mapping


def _is_pair(row: Any) -> bool:
    return isinstance(row, list) and len(row) == 2 and isinstance(row[0], str)


def _shown(value: Any, width: int = 60) -> str:
    return shortened(ABSENT if value is None else str(value), width)
