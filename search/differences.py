"""Where two nested mappings of plain values differ, in words, and whether two descriptions of numerics agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from search import canonical_json
from search.messages import shortened

ABSENT = "-"  # shown if one side has no value
CHECK, WIDE_CHECK = CHECKS = ("check", "wide_check")
"""The entries of numerics that decide whether two machines compute alike; all others only describe a difference. The
second one is optional."""


def checks(numerics: Mapping[str, Any]) -> dict[str, Any]:
    """Return the checks in a description of numerics.

    >>> checks({"check": "5f1c", "cpu": "a processor"})
    {'check': '5f1c'}
    """
    return {name: numerics[name] for name in CHECKS if name in numerics}


def changed_checks(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Return the names of the checks in which two descriptions of numerics differ; without any they promise the same
    bits.

    >>> changed_checks({"check": "5f1c"}, {"check": "1d93"})
    ['check']
    """
    # As JSON, the form in which a study keeps them.
    here, there = ({name: canonical_json.dumps(value) for name, value in checks(each).items()} for each in (one, other))
    return [name for name in CHECKS if here.get(name) != there.get(name)]


def differences(stored: Mapping[str, Any], current: Mapping[str, Any], path: str = "") -> list[tuple[str, str, str]]:
    """Return (path, stored value, current value) of every difference; `-` stands for a missing value."""
    found: list[tuple[str, str, str]] = []
    for key in sorted({*stored, *current}):
        old, new, here = _keyed(stored.get(key)), _keyed(current.get(key)), f"{path}{key}"
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found += differences(old, new, f"{here}.")
        elif canonical_json.dumps(old) != canonical_json.dumps(new):
            found.append((here, _shown(old), _shown(new)))
    if path or any(where == f"numerics.{check}" for check in CHECKS for where, _, _ in found):
        return found
    return [row for row in found if not row[0].startswith("numerics.")]  # as no check differs, they describe nothing


def _keyed(value: Any) -> Any:
    """Return a list of (name, value) pairs, as a space's fields are, as a mapping, so that like meets like."""
    if not isinstance(value, list) or not value:
        return value
    if not all(isinstance(row, list) and len(row) == 2 and isinstance(row[0], str) for row in value):
        return value
    named = dict(value)
    return named if len(named) == len(value) else value  # pairs that share a name hide each other in a mapping


def _shown(value: Any) -> str:
    return shortened(ABSENT if value is None else str(value), 60)
