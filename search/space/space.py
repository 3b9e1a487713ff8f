"""A search space: constants and ranges by name, the conditions under which they apply, and where each was written.

The top level of a file holds settings (`epochs: 6`) and sections, which are mappings of fields
(`model: {blocks: {int: [1, 3]}}`). This module does not know what the names mean;
`mnist_bench.space_files.space_sources` does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any

from search import canonical_json, yaml_writer
from search.elementary import NATIVE, PORTABLE, Elementary
from search.errors import Problem, SpaceError
from search.messages import did_you_mean, listing, show
from search.space import yaml_reader
from search.space.constraints import Constraint, read_constraints
from search.space.objective import Aim
from search.space.ranges import Choice, Distribution, NumberRange, parse_form, rounded_words, same, shortest_form
from search.space.yaml_reader import Document, KeyPath

SETTINGS_WITH_KEYS = ("limits", "search", "constraints")
"""Top-level mappings that are settings, not sections."""
SETTINGS_OF_ALL = ("objective", "direction")
"""Other settings that the search itself reads, in a space of nets or of any other work."""
_FORMS = {"int", "float", "levels", "choice", "value"}
"""Keys of which a range or a constant with a condition has one."""
NARROWED = "narrowed"
"""The name by which a file says that its conditions and constraints may name values that its ranges do not hold (any
more). It does not affect the trials, so it is not part of the specification."""

Suggest = Callable[[str, Distribution], Any]
"""Called with a field's path and its range; returns a value from the range."""

UNREADABLE = Choice(())
"""Takes the place of a faulty range, so that conditions on the field can still be checked and reported."""

FIELD_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\.[A-Za-z_][A-Za-z0-9_]*")
"""`section.name`."""

_SPACE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a field or setting was written."""

    document: Document
    place: KeyPath = ()
    changed: Mapping[str, Origin] = field(default_factory=dict, compare=False, repr=False)
    """Of a mapping, where keys were written that `--set` has changed."""

    @property
    def is_option(self) -> bool:
        """Whether it was written on the command line, with `--set`."""
        return self.document.source.startswith("--set ")

    def below(self, *keys: str | int) -> KeyPath:
        """Return `keys` if the document has a value at that path, else an empty path."""
        return keys if (*self.place, *keys) in self.document.values else ()

    def problem(self, message: str, *below: str | int, at_key: bool = False) -> Problem:
        """Return a problem with this value, or with the one at the path `below` it."""
        if below and (changed := self.changed.get(str(below[0]))):
            return changed.problem(message, *below[1:], at_key=at_key)
        return self.document.problem((*self.place, *below), message, at_key=at_key)

    def problem_inside(self, message: str, *below: str | int, offset: int) -> Problem:
        """Return a problem `offset` characters into the text at the path `below` this value."""
        return self.document.problem_inside((*self.place, *below), message, offset)


@dataclass(frozen=True, slots=True)
class Field:
    """One setting of a trial: a constant or a range, and the condition under which it applies."""

    path: str
    """Section and name: "optim.lr"."""
    value: Any
    """The constant, as plain JSON values, or the range."""
    when: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    """Allowed values of other fields, by path; the field applies only if each of them has one of its values."""
    origin: Origin = field(default_factory=lambda: Origin(Document("space", "", None)), compare=False, repr=False)

    @property
    def distribution(self) -> Distribution | None:
        """The range, or None for a constant."""
        return self.value if isinstance(self.value, Distribution) else None

    def is_active(self, values: Mapping[str, Any]) -> bool:
        """Return whether the field applies, given the values of the active fields before it."""
        return all(
            parent in values and any(same(values[parent], value) for value in allowed)
            for parent, allowed in self.when.items()
        )

    def can_be(self, value: Any) -> bool:
        """Return whether the field can have this value: as its constant or from its range."""
        if self.distribution is None:
            return same(self.value, value)
        return self.value is UNREADABLE or self.distribution.contains(value)

    def to_json(self) -> dict[str, Any]:
        """Return the form in a file, every key written out."""
        form = {"value": self.value} if self.distribution is None else self.distribution.to_json()
        return form | self._condition()

    def shortest_form(self) -> Any:
        """Return the form in a file with no more keys than it needs; a constant that always counts as it is."""
        if self.distribution is None and not self.when:
            return self.value
        form = {"value": self.value} if self.distribution is None else shortest_form(self.distribution)
        return form | self._condition()

    def _condition(self) -> dict[str, Any]:
        return {"when": {parent: list(allowed) for parent, allowed in self.when.items()}} if self.when else {}


@dataclass(frozen=True)  # without slots, because it keeps its steps
class Space:
    """A whole space in which every range is valid and every condition names an existing field."""

    name: str
    source: str
    """The file, as messages name it."""
    settings: Mapping[str, Any]
    """The top-level values that are not sections: epochs, limits, ..."""
    fields: tuple[Field, ...]
    """In the order of the file."""
    text: str = field(default="", compare=False, repr=False)
    """The file's text."""
    origins: Mapping[str, Origin] = field(default_factory=dict, compare=False, repr=False)
    """Where each setting, and each section, was written."""
    constraints: tuple[Constraint, ...] = field(default=(), compare=False, repr=False)
    """The value of the setting of that name; see `with_constraints`."""
    elementary: Elementary = field(default=NATIVE, compare=False, repr=False)
    """Computes exp and ln for the ranges, and for what proposes their values."""
    order: tuple[Field, ...] = field(init=False, compare=False, repr=False)
    """The fields in sampling order: each after the fields in its condition, otherwise as in the file. Those whose
    conditions form a cycle are left out."""

    def __post_init__(self) -> None:
        """Find the sampling order, once for all samples."""
        order: dict[str, Field] = {}
        waiting = list(self.fields)
        while ready := [item for item in waiting if all(parent in order for parent in item.when)]:
            order.update((item.path, item) for item in ready)
            waiting = [item for item in waiting if item.path not in order]
        object.__setattr__(self, "order", tuple(order.values()))

    @classmethod
    def read(cls, document: Document, flat: str | None = None) -> tuple[Space, list[Problem]]:
        """Return the space that a document describes, and all its faults; a faulty range becomes `UNREADABLE`.

        `flat` names the section of the ranges and constants that stand at the top level, next to the sections.
        """
        if not isinstance(document.value, dict):
            empty = cls("space", document.source, {}, (), document.text)
            return empty, [document.problem((), "a space file holds settings and sections, `name: value` each")]
        problems: list[Problem] = []
        settings: dict[str, Any] = {}
        fields: list[Field] = []
        for key, value in document.value.items():
            if flat is not None and _is_field(key, value):
                fields += _read_field_of(flat, key, value, Origin(document, (key,)), problems)
            elif isinstance(value, dict) and key not in (*SETTINGS_WITH_KEYS, NARROWED, "name"):
                fields += _read_section(key, value, document, problems)
            else:
                settings[key] = value
        name = _read_name(settings.pop("name", None), document, problems)
        narrowed = _read_narrowed(settings.pop(NARROWED, False), document, problems)
        origins = {key: Origin(document, (key,)) for key in document.value}
        unconstrained = cls(name, document.source, settings, tuple(fields), document.text, origins)
        problems += unconstrained.condition_problems(unconstrained.fields, lenient=narrowed)
        space, faults = unconstrained.with_constraints(lenient=narrowed)
        return space, problems + faults

    @classmethod
    def from_document(cls, document: Document, flat: str | None = None) -> Space:
        """Return the space that a document describes; `flat` as in `read`.

        Raises:
            SpaceError: the document has faults; the error lists all of them.
        """
        space, problems = cls.read(document, flat)
        if problems:
            raise SpaceError(problems)
        return space

    @classmethod
    def load(cls, path: Path, flat: str | None = None) -> Space:
        """Return the space that a YAML file describes; `flat` as in `read`.

        Raises:
            UsageError: the file cannot be read.
            SpaceError: the file has faults; the error lists all of them.
        """
        return cls.from_document(yaml_reader.load(path), flat)

    @classmethod
    def of(cls, values: Mapping[str, Any], flat: str | None = None) -> Space:
        """Return the space that a mapping describes, as a YAML file would; a tuple in it is a list.

        `flat` as in `read`.

        Raises:
            SpaceError: the mapping has faults; the error lists all of them.
        """
        document = Document.of("space", _with_lists(dict(values)))
        if (fault := canonical_json.fault(document.value)) is not None:
            raise SpaceError([document.problem((), f"a value cannot be in a space file: {fault}")]) from fault
        return cls.from_document(document, flat)

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Space:
        """Return the space from which `to_spec` made a specification, without its text and positions.

        Raises:
            SpaceError: `to_spec` could not have made this specification.
        """
        origin = Origin(Document("space", "", None))
        problems: list[Problem] = []
        fields = tuple(read_field(path, form, origin, problems) for path, form in spec["fields"])
        if problems:
            raise SpaceError(problems)
        space, problems = cls(spec["name"], "space", spec["settings"], fields).with_constraints(lenient=True)
        if problems:
            raise SpaceError(problems)
        return space

    def to_spec(self) -> dict[str, Any]:
        """Return everything that a search depends on as plain JSON values, without comments and positions."""
        fields = [[field.path, field.to_json()] for field in self.fields]
        return {"name": self.name, "settings": dict(self.settings), "fields": fields}

    def to_yaml(self) -> str:
        """Return the text of a file that holds this space: no comments, and only the keys of a range that differ from
        the defaults.

        The specification of what is read from it is this one's; if `--set` has removed a value that a condition or a
        constraint asks for, the file says so.
        """
        narrowed = self.condition_problems(self.fields) or self.with_constraints()[1]
        sections: dict[str, dict[str, Any]] = {}
        for item in self.fields:
            section, _, name = item.path.partition(".")
            sections.setdefault(section, {})[name] = item.shortest_form()
        return yaml_writer.text(
            {"name": self.name, **({NARROWED: True} if narrowed else {}), **self.settings, **sections}
        )

    @property
    def ranges(self) -> tuple[Field, ...]:
        """The fields that are not constants, in the order of the file."""
        return tuple(field for field in self.fields if field.distribution is not None)

    @cached_property
    def aim(self) -> Aim:
        """What a search of the space optimizes."""
        return Aim.of(self.settings)

    @cached_property
    def distributions(self) -> dict[str, Distribution]:
        """The ranges by the paths of their fields, in the order of the file."""
        return {field.path: field.distribution for field in self.fields if field.distribution is not None}

    def as_portable(self) -> Space:
        """Return the same space, whose ranges compute the same values on every processor."""
        fields = tuple(
            replace(item, value=replace(item.value, elementary=PORTABLE))
            if isinstance(item.value, NumberRange)
            else item
            for item in self.fields
        )
        return replace(self, fields=fields, elementary=PORTABLE)

    @property
    def is_recipe(self) -> bool:
        """Whether the space has no range, so that it describes a single training run."""
        return not self.ranges

    def sample(self, suggest: Suggest) -> dict[str, Any]:
        """Return a trial's parameters: the value that `suggest` gives for each active field with a range."""
        values = self._walk(suggest)
        return {path: values[path] for path, _, span, _ in self._steps if span and path in values}

    def resolve(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return all settings of a trial by path: constants and parameters, without inactive fields.

        Raises:
            KeyError: an active field with a range has no parameter.
        """
        return self._walk(lambda path, _: params[path])

    def misfit(self, params: Mapping[str, Any]) -> str | None:
        """Return why no trial of the space can have the given parameters; None if one can.

        Some may be missing; a whole number may be written as a real one.
        """
        spans = self.distributions
        for path, value in params.items():
            if path not in spans:
                return f"the space has no range {show(path)}{did_you_mean(path, spans)}"
            span = spans[path]
            is_whole = isinstance(value, float) and value.is_integer()
            if not span.contains(int(value) if is_whole else value):
                return f"{path} {show(value)} is outside its range"
        return None

    def excess(self, params: Mapping[str, Any]) -> dict[str, float]:
        """Return by how much a trial's parameters miss each constraint, by its text: above 0 if they miss it.

        A constraint that names a field which the trial does not have is met.

        Raises:
            KeyError: an active field with a range has no parameter.
        """
        values = self.resolve(params) if self.constraints else {}
        return {constraint.text: constraint.excess(values) for constraint in self.constraints}

    def with_constraints(self, *, lenient: bool = False) -> tuple[Space, list[Problem]]:
        """Return the space with the constraints that its settings describe, and the faults of those that are none.

        The setting keeps the correct constraints; without any it is removed. `lenient` is for fields that may have been
        changed since; see `read_constraints`.
        """
        if "constraints" not in self.settings:
            return replace(self, constraints=()), []
        fields = {item.path: item.value for item in self.fields}
        found, faults = read_constraints(self.settings["constraints"], fields, lenient=lenient)
        origin = self.origins.get("constraints", Origin(Document("space", "", None)))
        problems = [origin.problem_inside(fault.message, *fault.below, offset=fault.offset) for fault in faults]
        settings, origins = dict(self.settings), dict(self.origins)
        if found:
            settings["constraints"] = [constraint.text for constraint in found]
        else:
            settings.pop("constraints")
            origins.pop("constraints", None)
        return replace(self, settings=settings, origins=origins, constraints=tuple(found)), problems

    def condition_problems(self, fields: tuple[Field, ...], *, lenient: bool = False) -> list[Problem]:
        """Return the faults in the conditions of these fields of the space; `lenient` passes over values that the
        fields of a narrowed space never have."""
        by_path = {field.path: field for field in self.fields}
        problems: list[Problem] = []
        for child in fields:
            problems += [p for parent in child.when for p in _parent_problems(child, parent, by_path, lenient=lenient)]
            if _leads_back(child, by_path):
                problems.append(child.origin.problem(f"{child.path}: its condition leads back to itself", "when"))
        return problems

    def _walk(self, suggest: Suggest) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for path, constant, span, conditional in self._steps:
            if conditional is None or conditional.is_active(values):
                values[path] = constant if span is None else suggest(path, span)
        return values

    @cached_property
    def _steps(self) -> Sequence[tuple[str, Any, Distribution | None, Field | None]]:
        """Path, constant and range of each field in order, and the field itself if it has a condition.

        A model walks through a space hundreds of times for each proposal, and asking the fields took most of its time.
        """
        return [(each.path, each.value, each.distribution, each if each.when else None) for each in self.order]


def _with_lists(value: Any) -> Any:
    match value:
        case dict():
            return {key: _with_lists(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_with_lists(inner) for inner in value]
        case _:
            return value


def read_field(path: str, value: Any, origin: Origin, problems: list[Problem]) -> Field:
    """Return the field that a value describes; a faulty one is `UNREADABLE`, its faults are added to `problems`."""
    if not isinstance(value, dict):
        return Field(path, value, origin=origin)
    form = dict(value)
    when = _read_when(path, form.pop("when", {}), origin, problems)
    if form.keys() == {"value"} and not isinstance(form["value"], dict):
        return Field(path, form["value"], when, origin)
    distribution, faults = parse_form(form)
    problems += [origin.problem(f"{path}: {fault.message}", *fault.below, at_key=fault.at_key) for fault in faults]
    return Field(path, UNREADABLE if distribution is None else distribution, when, origin)


def _read_section(section: str, values: Mapping[str, Any], document: Document, problems: list[Problem]) -> list[Field]:
    fields: list[Field] = []
    for name, value in values.items():
        fields += _read_field_of(section, name, value, Origin(document, (section, name)), problems)
    return fields


def _read_field_of(section: str, name: str, value: Any, origin: Origin, problems: list[Problem]) -> list[Field]:
    """Return the field in a list, which is empty if its name is none."""
    if FIELD_PATH.fullmatch(f"{section}.{name}"):
        return [read_field(f"{section}.{name}", value, origin, problems)]
    problems.append(origin.problem(f"{show(f'{section}.{name}')}: not a name of letters, digits, _", at_key=True))
    return []


def _is_field(key: str, value: Any) -> bool:
    """Return whether a top-level value is a range or a constant of a flat space, not a section or a setting."""
    if key in (*SETTINGS_WITH_KEYS, *SETTINGS_OF_ALL, NARROWED, "name"):
        return False
    return not isinstance(value, dict) or bool(value.keys() & _FORMS)


def _read_name(name: Any, document: Document, problems: list[Problem]) -> str:
    """Return the name that the file gives to the space, or else the file's own name."""
    if name is None:
        return re.sub(r"[^A-Za-z0-9]+", "-", PurePath(document.source).stem).strip("-")[:64] or "space"
    if isinstance(name, str) and _SPACE_NAME.fullmatch(name):
        return name
    if isinstance(name, int | float):
        written = document.written(("name",))
        problems.append(document.problem(("name",), f'name: {written} is not text; quote it: "{written}"'))
    else:
        rule = "up to 64 ASCII letters, digits, dots, dashes and underscores, the first a letter or digit"
        problems.append(document.problem(("name",), f"name: {show(name)} is not a name: {rule}"))
    return "space"


def _read_narrowed(narrowed: Any, document: Document, problems: list[Problem]) -> bool:
    if not isinstance(narrowed, bool):
        problems.append(document.problem((NARROWED,), f"{NARROWED}: {show(narrowed)} is neither true nor false"))
    return bool(narrowed)


def _read_when(path: str, when: Any, origin: Origin, problems: list[Problem]) -> dict[str, tuple[Any, ...]]:
    """Return the condition with full paths (`section.name`) as keys and tuples of allowed values."""
    if not isinstance(when, dict):
        message = f"{path}: `when` needs a mapping such as {{other_field: [values]}}"
        problems.append(origin.problem(message, "when"))
        return {}
    section = path.partition(".")[0]
    read: dict[str, tuple[Any, ...]] = {}
    for key, allowed in when.items():
        parent = key if "." in key else f"{section}.{key}"
        read[parent] = tuple(allowed) if isinstance(allowed, list) else (allowed,)
        if not read[parent]:
            problems.append(origin.problem(f"{path}: `when` lists no value of {parent}", "when", key))
    return read


def _leads_back(child: Field, by_path: Mapping[str, Field]) -> bool:
    """Return whether a field is among those on which its own condition depends."""
    seen: set[str] = set()
    waiting = [*child.when]
    while waiting:
        parent = waiting.pop()
        if parent == child.path:
            return True
        if parent in by_path and parent not in seen:
            seen.add(parent)
            waiting += by_path[parent].when
    return False


def _parent_problems(child: Field, parent: str, by_path: Mapping[str, Field], *, lenient: bool) -> list[Problem]:
    section, _, name = parent.partition(".")
    is_near = section == child.path.partition(".")[0]
    below = (child.origin.below("when", name) if is_near else ()) or ("when", parent)
    if parent not in by_path:
        message = f"{child.path}: `when` names {show(parent)}, which the file does not set"
        return [child.origin.problem(message + did_you_mean(parent, by_path), *below, at_key=True)]
    if lenient:
        return []
    impossible = [value for value in child.when[parent] if not by_path[parent].can_be(value)]
    if impossible:
        return [child.origin.problem(f"{child.path}: {parent} is never {listing(impossible)}", *below)]
    span = by_path[parent].distribution
    if rounded := [words for value in child.when[parent] if (words := rounded_words(parent, span, value))]:
        return [child.origin.problem(f"{child.path}: {rounded[0]}", *below)]
    return []
