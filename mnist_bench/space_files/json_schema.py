"""The JSON Schema of space files, for editors: completion, units and bounds while one types.

`python -m mnist_bench.space_files.json_schema > spaces/schema.json` writes it anew. It says less than
`mnist_bench.space_files.problems` does: it knows nothing of conditions and sums.
"""

from __future__ import annotations

import json
import math
from functools import cache
from typing import Any, get_type_hints

from annotated_types import Unit
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from mnist_bench.config.values import field_docs, sections
from mnist_bench.space_files.content import OWN, SETTINGS
from search.space.space import NARROWED

Schema = dict[str, Any]


def json_schema() -> Schema:
    """Return the schema (draft 2020-12) of a space file, made from the config's dataclasses and their docstrings.

    Its keyword `unit` is not of the standard: the unit of a number in words.
    """
    name = "Name, after which studies are named. Default: the file's name."
    narrowed = "Whether conditions and constraints may name values outside the ranges, as after --set."
    settings: Schema = {
        "name": {"type": "string", "description": name},
        NARROWED: {"type": "boolean", "description": narrowed},
    }
    settings |= {name: _constants(cls)[name] for name, cls in SETTINGS.items()}
    trials = {name: _section(cls) for name, cls in sections().items()}
    # Of your own network the schema of a file cannot know more.
    kinds = ("boolean", "integer", "number", "string", "array", "null")
    about = "Settings of your own network, as the code that --net names declares them."
    anything = _field({"anyOf": [{"type": kind} for kind in kinds]})
    trials[OWN] = {"type": "object", "additionalProperties": anything, "description": about}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A search space of mnist-bench",
        **_closed(settings | trials),
        "$defs": _shared(),
    }


class _Told(GenerateJsonSchema):
    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> Schema:
        found = super().dataclass_schema(schema)
        cls: Any = schema["cls"]
        docs, hints = field_docs(cls), get_type_hints(cls, include_extras=True)
        for name, field in found["properties"].items():
            units = (item.unit for item in getattr(hints[name], "__metadata__", ()) if isinstance(item, Unit))
            told = {"description": docs.get(name), "unit": next(units, None)}
            field |= {key: text for key, text in told.items() if text}
        return found


@cache
def _constants(cls: type) -> Schema:
    whole = TypeAdapter(cls).json_schema(schema_generator=_Told)
    return {name: _inlined(field, whole.get("$defs", {})) for name, field in whole["properties"].items()}


def _section(cls: type) -> Schema:
    doc = " ".join((cls.__doc__ or "").split())
    return _closed({name: _field(constant) for name, constant in _constants(cls).items()}) | {"description": doc}


def _inlined(schema: Any, definitions: Schema) -> Any:
    """Return the schema without titles and infinite defaults, its references written out."""
    if isinstance(schema, list):
        return [_inlined(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    told = {key: value for key, value in schema.items() if key != "title" and value != math.inf}  # JSON has no infinity
    if reference := told.pop("$ref", None):
        return _inlined(definitions[reference.rpartition("/")[2]] | told, definitions)
    plain = {key: _inlined(value, definitions) for key, value in told.items()}
    return {"additionalProperties": False} | plain if "properties" in schema else plain


def _field(constant: Schema) -> Schema:
    about = {key: constant[key] for key in ("description", "unit", "default") if key in constant}
    plain = {key: value for key, value in constant.items() if key not in about}
    numbers = _numbers(plain)
    options = {"int": ("step", "log"), "float": ("log",)}
    ranges = [
        _form(kind, {"items": member, "$ref": "#/$defs/ends"}, *options[kind]) for kind, member in numbers.items()
    ]
    if level := numbers.get("float") or numbers.get("int"):
        ranges.append(_form("levels", {"items": level, "$ref": "#/$defs/levels"}, "log"))
    choice = _form("choice", {"items": plain, "$ref": "#/$defs/options"})
    return {"anyOf": [plain, *ranges, choice, _form("value", plain)]} | about


def _numbers(plain: Schema) -> dict[str, Schema]:
    """Return the kinds of range, `int` or `float`, that a field allows, each with the schema of its ends."""
    kinds = {"integer": "int", "number": "float"}
    found: dict[str, Schema] = {}
    for member in plain.get("anyOf", [plain]):
        values = member.get("enum", [])
        if (kind := kinds.get(member.get("type", ""))) or (values and all(isinstance(v, int) for v in values)):
            found[kind or "int"] = member
    if "float" in found:
        found["int"] = found["float"] | {"type": "integer"}
    return found


def _form(kind: str, value: Schema, *options: str) -> Schema:
    """Return the schema of a mapping with the key `kind`, maybe these options, and maybe a condition."""
    shared = {option: {"$ref": f"#/$defs/{option}"} for option in (*options, "when")}
    return _closed({kind: value, **shared}) | {"required": [kind]}


def _shared() -> Schema:
    when = "Values of other fields (`field`, or `section.field`) under which this one counts."
    return {
        "ends": {"type": "array", "minItems": 2, "maxItems": 2, "description": "Lowest and highest value."},
        "levels": {
            "type": "array",
            "minItems": 1,
            "uniqueItems": True,
            "description": "These numbers alone; they rise.",
        },
        "options": {"type": "array", "minItems": 1, "uniqueItems": True, "description": "Any of these values."},
        "step": {"type": "integer", "minimum": 1, "description": "Distance of the values."},
        "log": {"type": "boolean", "description": "Sample evenly in the logarithm."},
        "when": {"type": "object", "minProperties": 1, "description": when},
    }


def _closed(properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def text() -> str:
    """Return the schema as the text of spaces/schema.json."""
    return json.dumps(json_schema(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


if __name__ == "__main__":
    print(text(), end="")
