"""A search space: constants and ranges by name, the conditions under which they apply, and where each was written.

The top level of a file holds settings (`epochs: 6`) and sections, which are mappings of fields
(`model: {blocks: {int: [1, 3]}}`). This module does not know what the names mean;
`mnist_bench.space_files.space_sources` does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any, Literal

from search import canonical_json
from search.arguments import is_number
from search.elementary import NATIVE, PORTABLE, Elementary
from search.errors import Problem, SpaceError
from search.messages import did_you_mean, listing, show
from search.space.constraints import Constraint, read_constraints
from search.space.ranges import KINDS, Choice, Distribution, NumberRange, can_be, parse_form, same
from search.space.yaml_text import Document, Origin, load, to_yaml
from search.trainer_api import C, Plan, PlanFunction, Planner

SETTINGS_WITH_KEYS = ("limits", "search", "constraints")  # top-level mappings that are settings, not sections
SETTINGS_OF_ALL = ("objective", "direction")
"""Other settings that the search itself reads, in a space of nets or of any other work."""
NARROWED = "narrowed"
"""The name by which a file says that its conditions and constraints may name values that its ranges do not hold (any
more). It does not affect the trials, so it is not part of the specification."""

RESERVED = (*SETTINGS_WITH_KEYS, *SETTINGS_OF_ALL, NARROWED, "name")  # no fields, not even in a flat space
_FORMS = (*KINDS, "value")  # of which a range, or a constant with a condition, has one

Suggest = Callable[[str, Distribution], Any]  # called with a field's path and its range; returns a value from the range

UNREADABLE = Choice(())
"""Takes the place of a faulty range, so that conditions on the field can still be checked and reported."""

FIELD_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\.[A-Za-z_][A-Za-z0-9_]*")  # `section.name`

_SPACE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NOWHERE = Origin(Document("space", "", None))


Direction = Literal["minimize", "maximize"]


@dataclass(frozen=True, slots=True)
class Aim:
    """What a search optimizes.

    >>> Aim.of({"objective": ["loss", "macs"], "direction": "minimize"})
    Aim(direction='minimize', metric='loss', cost='macs')
    """

    direction: Direction  # of the value; a search maximizes unless the settings say otherwise
    metric: str | None  # the name of the value; None if the settings do not name it
    cost: str | None
    """The second objective, a name among a plan's facts that the search minimizes; None with one objective."""

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Aim:
        """Return the aim that the settings of a space describe."""
        objective = settings.get("objective")
        metric, cost = objective if isinstance(objective, list) else (objective, None)
        return cls("minimize" if settings.get("direction") == "minimize" else "maximize", metric, cost)


def score(value: float, direction: Direction) -> float:
    """Return a value so that the higher of two is the better one: minus the value if it is minimized.

    The score of a score is the value.
    """
    match direction:
        case "maximize":
            return value
        case "minimize":
            return -value


@dataclass(frozen=True, slots=True)
class Field:
    """One setting of a trial: a constant or a range, and the condition under which it applies."""

    path: str  # section and name: "optim.lr"
    value: Any  # the constant, as plain JSON values, or the range
    when: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    """Allowed values of other fields, by path; the field applies only if each of them has one of its values."""
    origin: Origin = field(default=_NOWHERE, compare=False, repr=False)

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
        return self.value is UNREADABLE or can_be(self.value, value)

    def to_json(self, *, shortest: bool = False) -> Any:
        """Return the form in a file, every key written out, or no more than are needed: a constant may then be
        plain."""
        span, when = self.distribution, {parent: list(allowed) for parent, allowed in self.when.items()}
        if shortest and span is None and not when:
            return self.value
        form = {"value": self.value} if span is None else span.to_json(shortest=shortest)
        return form | ({"when": when} if when else {})


def name_of(text: str) -> str:
    """Return the name of a space that has none, made of the name of its file or function."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")[:64] or "space"


@dataclass(frozen=True)  # without slots, because it keeps its steps
class Space:
    """A whole space in which every range is valid and every condition names an existing field."""

    name: str
    source: str  # the file, as messages name it
    settings: Mapping[str, Any]  # the top-level values that are not sections: epochs, limits, ..
    fields: tuple[Field, ...]  # in the order of the file
    origins: Mapping[str, Origin] = field(default_factory=dict, compare=False, repr=False)
    """Where each setting, and each section, was written."""
    constraints: tuple[Constraint, ...] = field(default=(), compare=False, repr=False)
    """The value of the setting of that name; see `with_constraints`."""
    elementary: Elementary = field(default=NATIVE, compare=False, repr=False)
    """Computes exp and ln for the ranges, and for what proposes their values."""

    @classmethod
    def read(cls, document: Document, flat: str | None = None) -> tuple[Space, list[Problem]]:
        """Return the space that a document describes, and all its faults; a faulty range becomes `UNREADABLE`.

        `flat` names the section of the ranges and constants that stand at the top level, next to the sections.
        """
        if not isinstance(document.value, dict):
            message = "a space file holds settings and sections, `name: value` each"
            return cls("space", document.source, {}, ()), [Origin(document).problem(message)]
        problems: list[Problem] = []
        settings: dict[str, Any] = {}
        fields: list[Field] = []
        origins = {key: Origin(document, (key,)) for key in document.value}
        for key, value in document.value.items():
            is_mapping = isinstance(value, dict)
            if flat is not None and key not in RESERVED and not (is_mapping and value.keys().isdisjoint(_FORMS)):
                fields += _read_fields(flat, {key: value}, Origin(document), problems)
            elif is_mapping and key not in (*SETTINGS_WITH_KEYS, NARROWED, "name"):
                fields += _read_fields(key, value, origins[key], problems)
            else:
                settings[key] = value
        name = settings.pop("name", None)
        if name is None:
            name = name_of(PurePath(document.source).stem)
        elif not isinstance(name, str) or not _SPACE_NAME.fullmatch(name):
            rule = "up to 64 ASCII letters, digits, dots, dashes and underscores, the first a letter or digit"
            why = "is not text; quote it" if isinstance(name, int | float) else f"is not a name: {rule}"
            problems.append(origins["name"].problem(f"name: {show(name)} {why}"))
            name = "space"
        narrowed = settings.pop(NARROWED, False)
        if not isinstance(narrowed, bool):
            problems.append(origins[NARROWED].problem(f"{NARROWED}: {show(narrowed)} is neither true nor false"))
        space = cls(name, document.source, settings, tuple(fields), origins)
        problems += space.condition_problems(space.fields, lenient=bool(narrowed))
        space, faults = space.with_constraints(lenient=bool(narrowed))
        return space, problems + faults

    def ends(self, periods: int) -> Sequence[float]:
        """Return how far a training has come after each period: the epochs that the setting `periods` names, or else
        the number of the period."""
        named = self.settings.get("periods")
        if isinstance(named, Sequence) and len(named) == periods and all(map(is_number, named)):
            return named
        return range(1, periods + 1)

    @classmethod
    def from_document(cls, document: Document, flat: str | None = None) -> Space:
        """Return the space that a document describes; `flat` as in `read`.

        Raises:
            SpaceError: the document has faults; the error lists all of them.
        """
        return faultless(*cls.read(document, flat))

    @classmethod
    def load(cls, path: Path, flat: str | None = None) -> Space:
        """Return the space that a YAML file describes; `flat` as in `read`.

        Raises:
            UsageError: the file cannot be read.
            SpaceError: the file has faults; the error lists all of them.
        """
        return cls.from_document(load(path), flat)

    @classmethod
    def of(cls, values: Mapping[str, Any], flat: str | None = None) -> Space:
        """Return the space that a mapping describes, as a YAML file would; a tuple in it is a list.

        `flat` as in `read`.

        Raises:
            SpaceError: the mapping has faults; the error lists all of them.
        """
        document = Document.of("space", _with_lists(dict(values)))
        if (fault := canonical_json.fault(document.value)) is not None:
            raise SpaceError([Origin(document).problem(f"a value cannot be in a space file: {fault}")]) from fault
        return cls.from_document(document, flat)

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Space:
        """Return the space from which `to_spec` made a specification, without its text and positions.

        Raises:
            SpaceError: `to_spec` could not have made this specification.
        """
        problems: list[Problem] = []
        fields = tuple(read_field(path, form, _NOWHERE, problems) for path, form in spec["fields"])
        space, faults = cls(spec["name"], "space", spec["settings"], fields).with_constraints(lenient=True)
        return faultless(space, problems + faults)

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
            sections.setdefault(section, {})[name] = item.to_json(shortest=True)
        return to_yaml({"name": self.name, **({NARROWED: True} if narrowed else {}), **self.settings, **sections})

    @property
    def ranges(self) -> tuple[Field, ...]:
        """The fields that are not constants, in the order of the file."""
        return tuple(field for field in self.fields if field.distribution is not None)

    @property
    def is_recipe(self) -> bool:
        """Whether the space has no range, so that it describes a single training run."""
        return not self.ranges

    @cached_property
    def aim(self) -> Aim:
        """What a search of the space optimizes."""
        return Aim.of(self.settings)

    @cached_property
    def distributions(self) -> dict[str, Distribution]:
        """The ranges by the paths of their fields, in the order of the file."""
        return {field.path: field.value for field in self.ranges}

    @cached_property
    def order(self) -> tuple[Field, ...]:
        """The fields in sampling order: each after the fields in its condition, otherwise as in the file. Those whose
        conditions form a cycle are left out."""
        order: dict[str, Field] = {}
        waiting = list(self.fields)
        while ready := [item for item in waiting if all(parent in order for parent in item.when)]:
            order.update((item.path, item) for item in ready)
            waiting = [item for item in waiting if item.path not in order]
        return tuple(order.values())

    @cached_property
    def _steps(self) -> Sequence[tuple[str, Any, Distribution | None, Field | None]]:
        """Path, constant and range of each field in order, and the field itself if it has a condition.

        A model walks through a space hundreds of times for each proposal, and asking the fields took most of its time.
        """
        return [(each.path, each.value, each.distribution, each if each.when else None) for each in self.order]

    def as_portable(self) -> Space:
        """Return the same space, whose ranges compute the same values on every processor."""
        fields = tuple(
            replace(item, value=replace(item.value, elementary=PORTABLE))
            if isinstance(item.value, NumberRange)
            else item
            for item in self.fields
        )
        return replace(self, fields=fields, elementary=PORTABLE)

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

    def _walk(self, suggest: Suggest) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for path, constant, span, conditional in self._steps:
            if conditional is None or conditional.is_active(values):
                values[path] = constant if span is None else suggest(path, span)
        return values

    def misfit(self, params: Mapping[str, Any]) -> str | None:
        """Return why no trial of the space can have the given parameters; None if one can.

        Some may be missing; an integer may be written as a real one.
        """
        spans = self.distributions
        for path, value in params.items():
            if path not in spans:
                return f"the space has no range {show(path)}{did_you_mean(path, spans)}"
            is_whole = isinstance(value, float) and value.is_integer()
            if not spans[path].contains(int(value) if is_whole else value):
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
        origin = self.origins.get("constraints", _NOWHERE)
        problems = [origin.problem(fault.message, *fault.below, offset=fault.offset) for fault in faults]
        settings, origins = ({**each} for each in (self.settings, self.origins))
        settings["constraints"] = [constraint.text for constraint in found]
        if not found:
            del settings["constraints"]
            origins.pop("constraints", None)
        return replace(self, settings=settings, origins=origins, constraints=tuple(found)), problems

    def condition_problems(self, fields: tuple[Field, ...], *, lenient: bool = False) -> list[Problem]:
        """Return the faults in the conditions of these fields of the space; `lenient` passes over values that the
        fields of a narrowed space never have."""
        by_path = {field.path: field for field in self.fields}
        problems: list[Problem] = []
        for child in fields:
            problems += [p for parent in child.when for p in _parent_problems(child, parent, by_path, lenient=lenient)]
            above: set[str] = set()
            waiting = [*child.when]
            while waiting:
                if (parent := waiting.pop()) in by_path and parent not in above:
                    above.add(parent)
                    waiting += by_path[parent].when
            if child.path in above:
                problems.append(child.origin.problem(f"{child.path}: its condition leads back to itself", "when"))
        return problems


def faultless(space: Space, problems: Sequence[Problem]) -> Space:
    """Return the space; SpaceError if it has problems."""
    if problems:
        raise SpaceError(problems)
    return space


def read_field(path: str, value: Any, origin: Origin, problems: list[Problem]) -> Field:
    """Return the field that a value describes; a faulty one is `UNREADABLE`, its faults are added to `problems`."""
    if not isinstance(value, dict):
        return Field(path, value, origin=origin)
    form = dict(value)
    when = _read_when(path, form.pop("when", {}), origin, problems)
    if form.keys() == {"value"} and not isinstance(form["value"], dict):
        return Field(path, form["value"], when, origin)
    found = parse_form(form)
    if isinstance(found, list):
        problems += [origin.problem(f"{path}: {fault.message}", *fault.below, at_key=fault.at_key) for fault in found]
        found = UNREADABLE
    return Field(path, found, when, origin)


def _read_fields(section: str, values: Mapping[str, Any], around: Origin, problems: list[Problem]) -> Iterator[Field]:
    for name, value in values.items():
        path, origin = f"{section}.{name}", replace(around, place=(*around.place, name))
        if FIELD_PATH.fullmatch(path):
            yield read_field(path, value, origin, problems)
        else:
            problems.append(origin.problem(f"{show(path)}: not a name of letters, digits, _", at_key=True))


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


def _parent_problems(child: Field, parent: str, by_path: Mapping[str, Field], *, lenient: bool) -> list[Problem]:
    section, _, name = parent.partition(".")
    is_near = section == child.path.partition(".")[0]
    below = (child.origin.below("when", name) if is_near else ()) or ("when", parent)
    if parent not in by_path:
        message = f"`when` names {show(parent)}, which the file does not set{did_you_mean(parent, by_path)}"
    elif lenient:
        return []
    else:
        impossible = [value for value in child.when[parent] if not by_path[parent].can_be(value)]
        message = f"{parent} is never {listing(impossible)}" if impossible else ""
    problem = child.origin.problem(f"{child.path}: {message}", *below, at_key=parent not in by_path)
    return [problem] if message else []


def _with_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_lists(inner) for key, inner in value.items()}
    return [_with_lists(inner) for inner in value] if isinstance(value, list | tuple) else value


def constrained(planner: Planner[C], space: Space) -> Planner[C]:
    """Return the planner whose plans also hold by how much they miss each constraint of the space, by its text.

    Code that checks whether parameters are feasible calls `constrained(planner, space)(params).feasible`. It does no
    harm to a planner that knows the constraints already.
    """

    def plan(params: Mapping[str, Any]) -> Plan[C]:
        made = planner(params)
        constraints = dict(made.constraints)
        for text, excess in space.excess(params).items():
            constraints[text] = max(excess, constraints.get(text, excess))
        return replace(made, constraints=constraints)

    return PlanFunction(planner.codec, plan) if space.constraints else planner
