"""The parts of docs/reference that are made from the code. `make reference` writes them; a test finds a stale one.

A part stands in its page between `<!-- made: NAME -->` and `<!-- end -->`. All else on these pages is written by hand.
"""

from __future__ import annotations

import dataclasses
import html
import inspect
import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import mnist_bench
from mnist_bench.cli.app import app
from mnist_bench.cli.help import ARGUMENTS, COMMANDS, RAW, HelpEntry, HelpPage, pages
from mnist_bench.config.values import field_docs, sections
from mnist_bench.leaderboard.board import GROUPS, figures_of, study_figures
from mnist_bench.nets.summary import about_cell, settings_by_heading
from mnist_bench.result_table import Figure
from mnist_bench.space_files import json_schema
from mnist_bench.space_files.content import OWN
from mnist_bench.value_kind import NETS, ValueKind
from search.messages import joined, show
from search.strategies import pruners, samplers

FOLDER = Path(__file__).parent / "reference"
PART = re.compile(r"(<!-- made: ([\w ]+) -->\n).*?(<!-- end -->)", re.DOTALL)
OF_ALL = ("-h, --help", "-v, --verbose")
"""Options that the page of the commands explains once."""
MANY = 2
"""An option of as many commands stands in one table."""
MANY_ROWS = 15
"""A command with as many arguments and options has a table for each section of its help."""
OF_ROWS = {
    "confirmed": "Result of `confirm`, see below; null if there is none, or if the search continued later.",
    "confirmed_front": "Result of `confirm --front`; only with two objectives.",
}
"""Keys next to the figures of a study."""
Schema = Mapping[str, Any]
NOUNS = {
    "integer": "integer", "number": "number", "boolean": "true or false", "string": "text", "object": "a mapping",
}  # fmt: skip
LISTS = {
    "integer": "list of integers",
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
    """In words: `integer`, `adam or sgd_nesterov`, `list of texts`."""
    bounds: str
    """In words: `1 to 512`, `above 0`; empty if there are none."""
    unit: str
    """In words: `channels`; empty if there is none."""
    default: Any
    """A plain value; None if there is none, or if it is in words in `about`."""
    about: str
    """Its docstring on one line."""

    @property
    def section(self) -> str:
        """The first part of the path, `optim`; empty for a field at the top of the file."""
        return self.path.partition(".")[0].removesuffix("[]") if "." in self.path else ""

    @property
    def values(self) -> str:
        """Type, bounds and unit: `integer, 1 to 512 (channels)`."""
        text = f"{self.type}, {self.bounds}" if self.bounds else self.type
        return f"{text} ({self.unit})" if self.unit else text


def commands() -> str:
    """Return the options that many commands have, then the help of all commands, grouped as by `mnist-bench --help`."""
    all_pages = [page for _, _, page in pages(app)]
    count = Counter(entry for page in all_pages for entry in _entries(page))
    common = [entry for entry in count if count[entry] >= MANY]
    parts = ["## Options of several commands\n", table(("option", "meaning", "default"), map(_option, common))]
    for group, found in groupby(pages(app), key=lambda item: item[0]):
        parts.append(f"## {group}\n")
        for _, words, page in found:
            parts += [f"### {words}\n", *_help(page, common)]
    return "\n".join(parts)


def _entries(page: HelpPage) -> Iterator[HelpEntry]:
    """Yield the options of a command, without those that the page explains once."""
    for heading, entries in page.sections.items():
        yield from (entry for entry in entries if heading != ARGUMENTS and entry.name not in OF_ALL)


def _help(page: HelpPage, common: Sequence[HelpEntry]) -> Iterator[str]:
    """Yield the parts of a command's help: text, options and examples."""
    for paragraph in page.paragraphs:
        is_raw = paragraph.startswith(RAW)
        text = textwrap.dedent(paragraph.removeprefix(RAW))
        yield _block(text, "text") if is_raw else f"{_escaped(text)}\n"
    yield from _tables(page, common)
    shared = [_code(entry.name.split()[0]) for entry in _entries(page) if entry in common]
    if shared:
        yield f"Also {joined(shared, 'and')}.\n"
    if page.examples:
        yield _block(page.examples, "sh")


def _tables(page: HelpPage, common: Sequence[HelpEntry]) -> Iterator[str]:
    """Yield the table of a command's arguments and options, or one for each section if there are many; a subcommand
    has a section of its own."""
    found = {
        heading: [_option(entry) for entry in entries if entry.name not in OF_ALL and entry not in common]
        for heading, entries in page.sections.items()
        if heading != COMMANDS
    }
    if sum(map(len, found.values())) < MANY_ROWS:
        found = {"name": [row for rows in found.values() for row in rows]}
    for heading, rows in found.items():
        if rows:
            yield table(("argument" if heading == ARGUMENTS else heading.lower(), "meaning", "default"), rows)


def _option(entry: HelpEntry) -> Sequence[str]:
    return _code(entry.name), _escaped(entry.about), "required" if entry.required else entry.default


def fields_of_the_space() -> str:
    """Return the table of the fields outside the sections of a trial, without the options of samplers and pruners."""
    rows = (_row(field) for field in space_fields() if field.section not in _trial() and not _is_option(field))
    return table(("field", "values", "default", "meaning"), rows)


def options_of_strategies() -> str:
    """Return the table of the options of samplers and pruners."""
    rows = (_row(field) for field in space_fields() if _is_option(field))
    return table(("option", "values", "default", "meaning"), rows)


def fields_of_a_trial() -> str:
    """Return a table of fields for each section of a trial."""
    schema = json_schema.json_schema()["properties"]
    parts = []
    for section in _trial():
        rows = (_row(field) for field in space_fields() if field.section == section)
        parts += [f"## {section}\n", f"{_escaped(schema[section]['description'])}\n"]
        parts.append(table(("field", "values", "default", "meaning"), rows))
    return "\n".join(parts)


def space_fields() -> tuple[SpaceField, ...]:
    """Return every field that a space file can have, in the order of their declarations.

    They are made from the JSON Schema, which is made from the declarations of the settings. Only the options of
    samplers and pruners come from elsewhere: from their own declarations.
    """
    properties = json_schema.json_schema()["properties"]
    return tuple(field for name, schema in properties.items() for field in _fields_below(name, schema))


def _fields_below(path: str, schema: Schema) -> Iterator[SpaceField]:
    """Yield a field, unless it is only a section, then the fields in it."""
    items = schema.get("items", {})
    prefix, inner = (f"{path}[]", items) if "properties" in items else (path, schema)
    if inner is not schema or not {"properties", "additionalProperties"} & schema.keys():
        yield _declared(path, schema)
    for key, field in inner.get("properties", {}).items():
        yield _declared(f"{prefix}.{key}", field)
        yield from _options_of(f"{prefix}.{key}")
    if path == OWN:
        yield _declared(f"{OWN}.NAME", schema["additionalProperties"] | {"description": "A setting."})


def _declared(path: str, schema: Schema) -> SpaceField:
    takes_range = any("$ref" in str(form.get("properties", {})) for form in schema.get("anyOf", []))
    plain = schema["anyOf"][0] if takes_range else schema  # the first form is the constant
    return SpaceField(
        path=path,
        type=ANY if path == f"{OWN}.NAME" else _type(plain),
        bounds=_bounds(plain),
        unit=schema.get("unit", ""),
        default=schema.get("default"),
        about=schema.get("description", ""),
    )


def _type(schema: Schema) -> str:
    members = schema.get("anyOf") or schema.get("oneOf")
    if members:
        kinds = dict.fromkeys(_type(member) for member in members if member.get("type") != "null")
        return ", or ".join(kinds)
    if "enum" in schema or "const" in schema:
        return joined(map(show, schema.get("enum") or [schema["const"]]), "or")
    if "pattern" in schema:
        return f"a text such as {schema['examples'][0]}"
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


def _options_of(path: str) -> Iterator[SpaceField]:
    """Yield the options of the strategies that a field selects from; their defaults depend on the strategy."""
    for name, strategy in STRATEGIES.get(path, {}).items():
        docs = field_docs(strategy)
        for option in dataclasses.fields(strategy):
            values = option.metadata["values"]
            yield SpaceField(
                path=f"{path}.{option.name}",
                type=NOUNS["integer"],
                bounds=f"{values[0]} to {values[-1]}",
                unit="",
                default=option.default,
                about=f"With {name}: {docs[option.name]}",
            )


def _trial() -> Sequence[str]:
    return [*sections(), OWN]


def _is_option(field: SpaceField) -> bool:
    return field.path.count(".") == 2


def _row(field: SpaceField) -> Sequence[str]:
    default = "" if field.default in (None, []) else _code(show(field.default))
    return _code(field.path), _escaped(field.values), default, _escaped(field.about)


def figures_of_a_trial() -> str:
    """Return the figures of a leaderboard's row: the column on screens, the key in JSON and CSV, the meaning."""
    found = [*_of_both(figures_of), *(Figure("", str, key=key, about=about) for key, about in GROUPS.items())]
    named = ((_named(figure.heading), _named(figure.key), figure.about) for figure in found)
    return table(("column", "key", "meaning"), named)


def figures_of_a_study() -> str:
    """Return the figures of a study in the JSON of its leaderboard."""
    meanings = {figure.key: figure.about for figure in _of_both(study_figures)} | OF_ROWS
    return table(("key", "meaning"), ((_code(key), about) for key, about in meanings.items()))


def _of_both(figures: Callable[[ValueKind], Sequence[Figure[Any]]]) -> list[Figure[Any]]:
    """Return the figures of nets, then those that only other trainers have."""
    nets, others = figures(NETS), figures(ValueKind())
    known = {(figure.heading, figure.key) for figure in nets} | {("cost", "cost")}
    return [*nets, *(figure for figure in others if (figure.heading, figure.key) not in known)]


def _named(name: str) -> str:
    return _code(name) if name else ""


def compact_cells() -> str:
    """Return the compact cells: heading, settings, and how a cell reads."""
    rows = []
    for heading, settings in settings_by_heading().items():
        paths = ", ".join(_code(declared.path) for declared in settings)
        rows.append((_code(heading), paths, _escaped(about_cell(heading))))
    return table(("column", "settings", "cell"), rows)


def functions() -> str:
    """Return the table of all functions for Python."""
    names: dict[object, list[str]] = {}
    for name in vars(mnist_bench)["__all__"]:
        names.setdefault(inspect.unwrap(getattr(mnist_bench, name)), []).append(_code(name))
    rows = [(", ".join(known), _first_sentence(function, known[0])) for function, known in names.items()]
    return table(("function", "what it does"), rows)


def _first_sentence(documented: object, name: str) -> str:
    """Return the first sentence of a docstring, without the command if that has the same name."""
    text = " ".join((documented.__doc__ or "").split("\n\n")[0].split())
    sentence = text.split(". ")[0].removesuffix(".")
    return sentence.replace(f"; as `mnist-bench {name.strip('`')}`", "") + "."


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table, with an empty line behind it."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join([*(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines), ""])


def _code(text: str) -> str:
    """Return text as code. In a table, Markdown would show the backslash that a bar needs between backticks."""
    return f"<code>{html.escape(text).replace('|', '&#124;')}</code>" if "|" in text else f"`{text}`"


def _block(text: str, language: str) -> str:
    return f"```{language}\n{text}\n```\n"


def _escaped(text: str) -> str:
    """Return plain text in which Markdown finds no mark but backticks."""
    parts = text.split("`")
    escaped = [re.sub(r"([*_])", r"\\\1", part) if number % 2 == 0 else part for number, part in enumerate(parts)]
    return "`".join(escaped)


PARTS: Mapping[str, Callable[[], str]] = {
    "commands": commands,
    "compact cells": compact_cells,
    "fields of a trial": fields_of_a_trial,
    "fields of the space": fields_of_the_space,
    "figures of a study": figures_of_a_study,
    "figures of a trial": figures_of_a_trial,
    "functions": functions,
    "options of strategies": options_of_strategies,
}
"""The makers of the parts by name."""


def renewed(page: str) -> str:
    """Return the text of a page with all its parts made anew."""
    return PART.sub(lambda found: f"{found[1]}\n{PARTS[found[2]]()}\n{found[3]}", page)


def write() -> None:
    """Write all pages."""
    for path in sorted(FOLDER.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        path.write_text(renewed(text), encoding="utf-8")


if __name__ == "__main__":
    write()
