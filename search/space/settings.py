"""The settings of a space: changed by `--set`, as fields are, and checked for a search of any trainer.

The spaces of mnist-bench are checked by `mnist_bench.space_files`. Here a setting that the search does not know may
be one that the user's planner reads, such as limits. It is refused only if it looks like a mistyped known one.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

from search.errors import Problem, SpaceError, UsageError
from search.messages import did_you_mean, listing, show
from search.space.ranges import Fault
from search.space.space import (
    FIELD_PATH,
    NARROWED,
    SETTINGS_OF_ALL,
    SETTINGS_WITH_KEYS,
    Direction,
    Space,
    faultless,
    read_field,
)
from search.space.yaml_text import Document, Origin, parse

_NOT_SET = {  # why other parts of a file than fields and settings cannot be overridden
    "name": "the name of a space is set in its file; --study-name names a study",
    NARROWED: "a file says this of its ranges; --set may narrow them without it",
}
_KNOWN = ("search", "objective", "direction", "constraints")
_STRATEGIES = ("sampler", "pruner")
_SHOWN = ("place", "reason", "error")  # attributes of a trial in Optuna's tables that are not facts of its plan
_NEAR = 0.82  # similarity of a mistyped name: `serach` (0.83) and `constrains` (0.95), but not `arch` (0.8)


def override(space: Space, assignments: Sequence[str], flat: str | None = None) -> Space:
    """Return the space with each `name=value` applied in turn.

    A name is `section.field` or a setting (`epochs`, `limits.macs`). A value is YAML and may be a range:
    `optim.lr={float: [1e-3, 1e-2], log: true}`. A changed field loses its condition, unless the new value
    has a `when` of its own. A constraint of the file in which no range is left goes, if its constants meet it. `flat`
    is as in `Space.read`: a name without a section is then one of its fields, and every field named is in the space.

    UsageError if an assignment has no valid name; the message quotes it; SpaceError if a value, a condition or a
    constraint is faulty, or a constraint is not met by the constants given.
    """
    for assignment in assignments:
        space = _assigned(space, assignment, flat)
    written = space.origins.get("constraints")
    return faultless(*space.with_constraints(lenient=written is None or not written.is_option))


def _assigned(space: Space, assignment: str, flat: str | None) -> Space:
    path, equals, text = assignment.partition("=")
    path = path.strip()
    if flat is not None and path.partition(".")[0] not in (*SETTINGS_WITH_KEYS, *SETTINGS_OF_ALL, *_NOT_SET):
        path = _known_field(space, path, flat)
    section, dot, key = path.partition(".")
    if not equals or not section or (dot and not FIELD_PATH.fullmatch(path)):
        raise UsageError(f"--set {show(assignment)}: give NAME=VALUE, with a name such as optim.lr or epochs")
    if section in _NOT_SET:
        raise UsageError(f"--set {section}: {_NOT_SET[section]}")
    is_field = bool(dot) and section not in SETTINGS_WITH_KEYS
    if is_field and section in space.settings:
        raise UsageError(f"--set {show(path)}: {section} is a setting without fields; give --set {section}=VALUE")
    document = parse(text, f"--set {path}")
    value, origin = document.value, Origin(document)
    if is_field:
        return _with_field(space, path, value, origin)
    if key:
        outer, written = space.settings.get(section), space.origins.get(section, origin)
        value = {**(outer if isinstance(outer, dict) else {}), key: value}
        origin = replace(written, changed={**written.changed, key: origin})
    return replace(space, settings={**space.settings, section: value}, origins={**space.origins, section: origin})


def _with_field(space: Space, path: str, value: Any, origin: Origin) -> Space:
    problems: list[Problem] = []
    changed = read_field(path, value, origin, problems)
    fields = {field.path: field for field in space.fields} | {path: changed}
    section = path.partition(".")[0]
    space = replace(space, fields=tuple(fields.values()), origins={section: origin, **space.origins})
    return faultless(space, problems + space.condition_problems((changed,)))


def _known_field(space: Space, name: str, flat: str) -> str:
    """Return the path of a field that an assignment names, one of the section `flat` without it; UsageError if the
    space has no such field, so its name was mistyped: no setting of a trainer is known."""
    paths = {field.path for field in space.fields}
    if (path := name if name in paths else f"{flat}.{name}") in paths:
        return path
    known = [path.removeprefix(f"{flat}.") for path in sorted(paths)]
    hint = did_you_mean(name, known) or f"; it has {listing(known)}"
    raise UsageError(f"--set {show(name)}: the space has no such field{hint}{'' if hint.endswith('?') else '.'}")


def check_settings(space: Space) -> None:
    """Check the form of the settings that a search reads; `search.strategies` checks the samplers and pruners;
    SpaceError if a setting has another form; the message names it, its line and the right form."""
    problems: list[Problem] = []
    for fault in (*_mistyped(space), *_faults_of_search(space), *_faults_of_aim(space)):
        origin = space.origins.get(str(fault.below[0]), Origin(Document.of(space.source, None)))
        problems.append(origin.problem(fault.message, *fault.below[1:], at_key=fault.at_key))
    if problems:
        raise SpaceError(problems)


def _mistyped(space: Space) -> Iterator[Fault]:
    """Yield the settings that look like a known one; a mapping without ranges was taken for a section."""
    searched = {field.path.partition(".")[0] for field in space.ranges}
    sections = dict.fromkeys(field.path.partition(".")[0] for field in space.fields)
    for name in (*space.settings, *(section for section in sections if section not in searched)):
        if name not in _KNOWN and (near := difflib.get_close_matches(name, _KNOWN, n=1, cutoff=_NEAR)):
            message = f"{show(name)}: a search has no such setting; did you mean `{near[0]}`?"
            yield Fault((name,), message, at_key=True)


def _faults_of_search(space: Space) -> Iterator[Fault]:
    chosen = space.settings.get("search", {})
    if not isinstance(chosen, Mapping):
        example = "give {sampler: curves, pruner: asha}, or one of the two"
        yield Fault(("search",), f"search: {show(chosen)} is not a mapping; {example}")
        return
    for name, given in chosen.items():
        if name not in _STRATEGIES:
            hint = did_you_mean(str(name), _STRATEGIES) or f"; give {listing(_STRATEGIES)}"
            yield Fault(("search", name), f"search: it has no {show(name)}{hint}", at_key=True)
        elif not isinstance(given, str | Mapping):
            message = f"search.{name}: {show(given)} is neither a name nor a mapping with a `name` and options"
            yield Fault(("search", name), message)


def _faults_of_aim(space: Space) -> Iterator[Fault]:
    match objective := space.settings.get("objective"):
        case None | str():
            pass
        case [str(), str() as fact]:
            if fact in _SHOWN:
                message = f"objective: {show(fact)} is a name that a study uses itself; give the fact another name"
                yield Fault(("objective", 1), message)
        case _:
            right = "the name of the value nor a list of two, [that name, a fact of the plans that is minimized]"
            yield Fault(("objective",), f"objective: {show(objective)} is neither {right}")
    if "direction" not in space.settings:
        return
    direction, known = space.settings["direction"], get_args(Direction)
    if direction not in known:
        hint = did_you_mean(str(direction), known) or f"; give {listing(known)}"
        yield Fault(("direction",), f"direction: {show(direction)} is not a direction{hint}")
    if any(field.path.startswith("direction.") for field in space.fields):
        message = "direction is a setting, so that a section cannot have this name; rename the section"
        yield Fault(("direction",), message)
