"""Every field that a space file can have, one row each, made from its JSON Schema.

The schema is made from the declarations of the settings, so a new setting is a row without further work. Only the
options of samplers and pruners come from elsewhere: from their own declarations.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mnist_bench.config.field_docs import field_docs
from mnist_bench.space_files import json_schema
from mnist_bench.space_files.content import OWN
from search.messages import joined, show
from search.strategies import pruners, samplers
from search.strategies.strategy import bounds_of

Schema = Mapping[str, Any]
NOUNS = {
    "integer": "whole number", "number": "number", "boolean": "true or false", "string": "text", "object": "a mapping",
}  # fmt: skip
LISTS = {
    "integer": "list of whole numbers",
    "number": "list of numbers",
    "string": "list of texts",
    "object": "list of mappings",
}
ANY = "any value"
STRATEGIES: Mapping[str, Mapping[str, type]] = {
    "search.sampler": samplers.SAMPLERS,
    "search.pruner": pruners.PRUNERS,
}
"""The built-in strategies by name, under the field that selects one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SpaceField:
    """One field of a space file."""

    path: str
    """Section and name, `optim.lr`; `phases[].lr` is in each mapping of the list `phases`."""
    type: str
    """In words: `whole number`, `adam or sgd_nesterov`, `list of texts`."""
    bounds: str
    """In words: `1 to 512`, `above 0`; empty if there are none."""
    unit: str
    """In words: `channels`; empty if there is none."""
    default: Any
    """A plain value; None if there is none, or if it is in words in `about`."""
    ranges: tuple[str, ...]
    """Kinds of range that a space may give it, such as `int` and `levels`; none if it takes a constant only."""
    about: str
    """Its docstring on one line."""

    @property
    def section(self) -> str:
        """The first part of the path, `optim`; empty for a field at the top of the file."""
        return self.path.partition(".")[0].removesuffix("[]") if "." in self.path else ""

    @property
    def values(self) -> str:
        """Type, bounds and unit: `whole number, 1 to 512 (channels)`."""
        text = f"{self.type}, {self.bounds}" if self.bounds else self.type
        return f"{text} ({self.unit})" if self.unit else text


def space_fields() -> tuple[SpaceField, ...]:
    """Return every field of a space file, in the order of their declarations."""
    properties = json_schema.json_schema()["properties"]
    return tuple(field for name, schema in properties.items() for field in _fields(name, schema))


def _fields(path: str, schema: Schema) -> Iterator[SpaceField]:
    """Yield a field, unless it is only a section, then the fields in it."""
    items = schema.get("items", {})
    prefix, inner = (f"{path}[]", items) if "properties" in items else (path, schema)
    if inner is not schema or not {"properties", "additionalProperties"} & schema.keys():
        yield _field(path, schema)
    for key, field in inner.get("properties", {}).items():
        yield _field(f"{prefix}.{key}", field)
        yield from _options(f"{prefix}.{key}")
    if path == OWN:
        yield _field(f"{OWN}.NAME", schema["additionalProperties"] | {"description": schema["description"]})


def _field(path: str, schema: Schema) -> SpaceField:
    forms = [form for form in schema.get("anyOf", []) if _kind(form)]
    plain = schema["anyOf"][0] if forms else schema  # a field of a trial: a constant, or one of the forms of a range
    return SpaceField(
        path=path,
        type=ANY if path == f"{OWN}.NAME" else _type(plain),
        bounds=_bounds(plain),
        unit=schema.get("unit", ""),
        default=schema.get("default"),
        ranges=tuple(kind for form in forms if (kind := _kind(form)) != "value"),
        about=schema.get("description", ""),
    )


def _kind(form: Schema) -> str:
    """Return the kind of range that a form of a field is; empty if it is a plain value."""
    is_form = "$ref" in str(form.get("properties", {}))
    return str(form["required"][0]) if is_form else ""


def _type(schema: Schema) -> str:
    members = schema.get("anyOf") or schema.get("oneOf")
    if members:
        kinds = dict.fromkeys(_type(member) for member in members if member.get("type") != "null")
        return ", or ".join(kinds)
    if "enum" in schema or "const" in schema:
        return joined(map(show, schema.get("enum") or [schema["const"]]), "or")
    if "prefixItems" in schema:
        return f"[{', '.join(_type(item) for item in schema['prefixItems'])}]"
    if schema["type"] == "array":
        items = schema["items"]
        return "list of these" if "enum" in items else LISTS[items["type"]]
    return NOUNS[schema["type"]]


def _bounds(schema: Schema) -> str:
    """Return the bounds of a number, or of the numbers in a list."""
    if "anyOf" in schema:
        return next((bounds for member in schema["anyOf"] if (bounds := _bounds(member))), "")
    if schema.get("type") == "array":
        return _bounds(schema.get("items", {}))
    if "minimum" in schema and "maximum" in schema:
        return f"{schema['minimum']:g} to {schema['maximum']:g}"
    words = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    return ", ".join(f"{word} {show(schema[key])}" for key, word in words.items() if key in schema)


def _options(path: str) -> Iterator[SpaceField]:
    """Yield the options of the strategies that a field selects from; their defaults depend on the strategy."""
    for name, strategy in STRATEGIES.get(path, {}).items():
        docs = field_docs(strategy)
        for option in dataclasses.fields(strategy):
            bounds = bounds_of(option)
            yield SpaceField(
                path=f"{path}.{option.name}",
                type=NOUNS["integer" if bounds.kind is int else "number"],
                bounds=f"{bounds.least} to {bounds.most}",
                unit="",
                default=option.default,
                ranges=(),
                about=f"With {name}: {docs[option.name]}",
            )
