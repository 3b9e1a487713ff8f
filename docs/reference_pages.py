"""The parts of docs/reference that are made from the code. `make reference` writes them; a test finds a stale one.

A part stands in its page between `<!-- made: NAME -->` and `<!-- end -->`. All else on these pages is written by hand.
"""

from __future__ import annotations

import html
import inspect
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

import mnist_bench
from mnist_bench.cli.app import app
from mnist_bench.cli.help import ARGUMENTS, RAW, HelpEntry, HelpPage, pages
from mnist_bench.config.catalogue import sections
from mnist_bench.config.field_docs import field_docs
from mnist_bench.leaderboard.board import Leaderboard, LeaderboardRow, NetFigures, NetTotals
from mnist_bench.leaderboard.board_records import FIELDS, KEYS, NET_KEYS
from mnist_bench.leaderboard.board_table import FIGURES, FRONT, NET_FIGURES, OVER, STUDY
from mnist_bench.nets.summary import about_cell, settings_by_heading
from mnist_bench.result_table import Column
from mnist_bench.space_files import json_schema
from mnist_bench.space_files.content import OWN
from mnist_bench.space_files.reference.space_fields import SpaceField, space_fields
from search.messages import show

FOLDER = Path(__file__).parent / "reference"
PART = re.compile(r"(<!-- made: ([\w ]+) -->\n).*?(<!-- end -->)", re.DOTALL)
OF_ALL = ("-h, --help", "-v, --verbose")
"""Options that the page of the commands explains once."""
BOARD_KEYS = (
    "study", "digest", "order", "goal", "counts", "external", "live", "hidden", "front", "stop", "ahead",
    "published", "tied", "saved_epochs", "budget_epochs", "test_openings", "objective",
    "parameters", "rows", "confirmed", "confirmed_front", "totals", "saved_periods", "budget_periods", "cost",
    "value_name", "minimized",
)  # fmt: skip
"""The keys of a study in the JSON of its leaderboard."""
FIELD_OF = {"saved_epochs": "saved", "budget_epochs": "budget", "saved_periods": "saved", "budget_periods": "budget"}
"""Fields of a leaderboard whose keys have another name."""
NO_FIELD = {
    "goal": "Trial budget, in trained trials.",
    "objective": "Objectives: `val_accuracy`, then the cost that is minimized, if there is one.",
    "rows": "The trials, see below.",
    "confirmed": "Result of `confirm`, see below; null if there is none, or if the search has continued since.",
    "confirmed_front": "The same of `confirm --front`; only with two objectives.",
}
"""Keys that are not a field of a leaderboard."""


def commands() -> str:
    """Return the help of all commands, in the groups of `mnist-bench --help`."""
    parts: list[str] = []
    for group, found in groupby(pages(app), key=lambda item: item[0]):
        parts.append(f"## {group}\n")
        for _, words, page in found:
            parts += [f"### {words}\n", *_help(page)]
    return "\n".join(parts)


def _help(page: HelpPage) -> Iterator[str]:
    """Yield the parts of a command's help: usage, text, options and examples."""
    summary, *further = page.paragraphs
    yield from (f"{_escaped(summary)}\n", _block(page.usage, "text"))
    for paragraph in further:
        is_raw = paragraph.startswith(RAW)
        text = textwrap.dedent(paragraph.removeprefix(RAW))
        yield _block(text, "text") if is_raw else f"{_escaped(text)}\n"
    for heading, entries in page.sections.items():
        rows = [_option(entry) for entry in entries if entry.name not in OF_ALL]
        if rows:
            yield table(("argument" if heading == ARGUMENTS else heading.lower(), "meaning", "default"), rows)
    if page.examples:
        yield _block(page.examples, "sh")


def _option(entry: HelpEntry) -> Sequence[str]:
    return _code(entry.name), _escaped(entry.about), "required" if entry.required else entry.default


def fields_of_the_space() -> str:
    """Return the table of the fields outside the sections of a trial, without the options of samplers and pruners."""
    rows = (_constant(field) for field in space_fields() if field.section not in _trial() and not _is_option(field))
    return table(("field", "values", "default", "meaning"), rows)


def options_of_strategies() -> str:
    """Return the table of the options of samplers and pruners."""
    rows = (_constant(field) for field in space_fields() if _is_option(field))
    return table(("option", "values", "default", "meaning"), rows)


def fields_of_a_trial() -> str:
    """Return a table of fields for each section of a trial."""
    schema = json_schema.json_schema()["properties"]
    parts = []
    for section in _trial():
        rows = (_field(field) for field in space_fields() if field.section == section)
        parts += [f"## {section}\n", f"{_escaped(schema[section]['description'])}\n"]
        parts.append(table(("field", "values", "default", "ranges", "meaning"), rows))
    return "\n".join(parts)


def _trial() -> Sequence[str]:
    return [*sections(), OWN]


def _is_option(field: SpaceField) -> bool:
    return field.path.count(".") == 2


def _constant(field: SpaceField) -> Sequence[str]:
    path, values, default, _, about = _field(field)
    return path, values, default, about


def _field(field: SpaceField) -> Sequence[str]:
    default = "" if field.default in (None, []) else _code(show(field.default))
    values, about = _escaped(field.values), _escaped(field.about)
    return _code(field.path), values, default, ", ".join(map(_code, field.ranges)), about


def columns() -> str:
    """Return the columns of the leaderboard of networks."""
    return _columns((*NET_FIGURES, STUDY, FRONT, OVER))


def columns_of_other_trainers() -> str:
    """Return the columns of a study that another trainer made."""
    return _columns(FIGURES)


def _columns(found: Iterable[Column[LeaderboardRow]]) -> str:
    return table(("column", "meaning"), ((_code(column.heading), column.about) for column in found))


def compact_cells() -> str:
    """Return the compact cells: heading, settings, and how a cell reads."""
    rows = []
    for heading, settings in settings_by_heading().items():
        paths = ", ".join(_code(declared.path) for declared in settings)
        rows.append((_code(heading), paths, _escaped(about_cell(heading))))
    return table(("column", "settings", "cell"), rows)


def keys_of_a_study() -> str:
    """Return the keys of a study in the JSON of its leaderboard."""
    docs = field_docs(Leaderboard) | field_docs(NetTotals)
    return _keys({key: NO_FIELD.get(key) or docs[FIELD_OF.get(key, key)] for key in BOARD_KEYS})


def keys_of_a_trial() -> str:
    """Return the keys of a trial in the JSON and CSV of a leaderboard."""
    docs = field_docs(LeaderboardRow) | field_docs(NetFigures)
    return _keys({key: docs[FIELDS.get(key, key)] for key in dict.fromkeys([*NET_KEYS, *KEYS])})


def _keys(meanings: Mapping[str, str]) -> str:
    rows = ((_code(key), re.sub(r"\bNone\b", "null", meaning)) for key, meaning in meanings.items())
    return table(("key", "meaning"), rows)


def functions() -> str:
    """Return the table of all functions for Python."""
    names: dict[object, list[str]] = {}
    for name in vars(mnist_bench)["__all__"]:
        names.setdefault(inspect.unwrap(getattr(mnist_bench, name)), []).append(_code(name))
    rows = [(", ".join(known), _first_sentence(function)) for function, known in names.items()]
    return table(("function", "what it does"), rows)


def _first_sentence(documented: object) -> str:
    text = " ".join((documented.__doc__ or "").split("\n\n")[0].split())
    return f"{text.split('. ')[0].removesuffix('.')}."


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
    "columns": columns,
    "columns of other trainers": columns_of_other_trainers,
    "commands": commands,
    "compact cells": compact_cells,
    "fields of a trial": fields_of_a_trial,
    "fields of the space": fields_of_the_space,
    "functions": functions,
    "keys of a study": keys_of_a_study,
    "keys of a trial": keys_of_a_trial,
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
