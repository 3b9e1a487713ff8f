"""Change single fields and settings of a space, as `--set optim.lr=0.01` does on the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from search.errors import Problem, SpaceError, UsageError
from search.messages import did_you_mean, listing, show
from search.space.space import (
    FIELD_PATH,
    NARROWED,
    SETTINGS_OF_ALL,
    SETTINGS_WITH_KEYS,
    Field,
    Origin,
    Space,
    read_field,
)
from search.space.yaml_reader import parse

NOT_SET: Mapping[str, str] = MappingProxyType(
    {
        "name": "the name of a space is set in its file; --study-name names a study",
        NARROWED: "a file says this of its ranges; --set may narrow them without it",
    }
)
"""Why other parts of a file than fields and settings cannot be overridden."""


def override(space: Space, assignments: Sequence[str], flat: str | None = None) -> Space:
    """Return the space with each `name=value` applied in turn.

    A name is `section.field` or a setting (`epochs`, `limits.macs`). A value is YAML and may be a range:
    `optim.lr={float: [1e-3, 1e-2], log: true}`. A changed field loses its condition, unless the new value
    has a `when` of its own. A constraint of the file in which no range is left goes, if its constants meet it. `flat`
    is as in `Space.read`: a name without a section is then one of its fields, and every field named is in the space.

    Raises:
        UsageError: an assignment has no valid name; the message quotes it.
        SpaceError: a value, a condition or a constraint is faulty, or a constraint is not met by the constants given.
    """
    for assignment in assignments:
        space = _assign(space, assignment, flat)
    written = space.origins.get("constraints")
    space, problems = space.with_constraints(lenient=written is None or not written.is_option)
    if problems:
        raise SpaceError(problems)
    return space


def _assign(space: Space, assignment: str, flat: str | None) -> Space:
    path, equals, text = assignment.partition("=")
    path = path.strip()
    if flat is not None and path.partition(".")[0] not in (*SETTINGS_WITH_KEYS, *SETTINGS_OF_ALL, *NOT_SET):
        path = _known_field(space, path, flat)
    section, dot, key = path.partition(".")
    if not equals or not section or (dot and not FIELD_PATH.fullmatch(path)):
        raise UsageError(f"--set {show(assignment)}: give NAME=VALUE, with a name such as optim.lr or epochs")
    if section in NOT_SET:
        raise UsageError(f"--set {section}: {NOT_SET[section]}")
    if dot and section not in SETTINGS_WITH_KEYS and section in space.settings:
        raise UsageError(f"--set {show(path)}: {section} is a setting without fields; give --set {section}=VALUE")
    document = parse(text, f"--set {path}")
    origin = Origin(document)
    if dot and section not in SETTINGS_WITH_KEYS:
        return _set_field(space, path, document.value, origin)
    return _set_setting(space, section, key, document.value, origin)


def _known_field(space: Space, name: str, flat: str) -> str:
    """Return the path of a field that an assignment names, one of the section `flat` without it.

    Raises:
        UsageError: the space has no such field, so its name was mistyped: no setting of a trainer is known.
    """
    paths = {field.path for field in space.fields}
    if (path := name if name in paths else f"{flat}.{name}") in paths:
        return path
    known = [path.removeprefix(f"{flat}.") for path in sorted(paths)]
    hint = did_you_mean(name, known) or f"; it has {listing(known)}"
    raise UsageError(f"--set {show(name)}: the space has no such field{hint}{'' if hint.endswith('?') else '.'}")


def _set_field(space: Space, path: str, value: Any, origin: Origin) -> Space:
    problems: list[Problem] = []
    changed = read_field(path, value, origin, problems)
    fields: list[Field] = [changed if field.path == path else field for field in space.fields]
    if changed not in fields:
        fields.append(changed)
    section = path.partition(".")[0]
    space = replace(space, fields=tuple(fields), origins={section: origin, **space.origins})
    problems += space.condition_problems((changed,))
    if problems:
        raise SpaceError(problems)
    return space


def _set_setting(space: Space, name: str, key: str, value: Any, origin: Origin) -> Space:
    settings = dict(space.settings)
    if key:
        outer, written = settings.get(name), space.origins.get(name, origin)
        value = {**(outer if isinstance(outer, dict) else {}), key: value}
        origin = replace(written, changed={**written.changed, key: origin})
    return replace(space, settings=settings | {name: value}, origins={**space.origins, name: origin})
