"""Help texts: options in groups with their defaults, whole sentences for commands, examples at the end.

A page is made of plain values (`HelpPage`), which the terminal and the reference of all commands print.
"""

from __future__ import annotations

import copy
import inspect
import shutil
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

ARGUMENTS, OPTIONS, COMMANDS = "Arguments", "Options", "Commands"  # headings of entries that have no other
EXAMPLES = "\nExamples:\n"  # begins the last part of a docstring: one command per line, printed unchanged
RAW = "\b\n"  # begins a paragraph of a docstring that is printed unchanged
COLUMN = 30  # widest column of names; a longer name has a line of its own
INDENT = "  "
NARROWEST = 50  # characters of a line that a narrower terminal breaks


@dataclass(frozen=True, kw_only=True, slots=True)
class HelpEntry:
    """An argument, an option or a command on a help page."""

    name: str  # as one types it: `-n, --trials N`
    about: str
    default: str = ""  # in words, empty if it has none
    required: bool = False

    @property
    def text(self) -> str:
        """What it is, with its default."""
        known = (f"default: {self.default}" if self.default else "", "required" if self.required else "")
        noted = "; ".join(filter(None, known))
        return f"{self.about}  [{noted}]" if noted else self.about


@dataclass(frozen=True, kw_only=True, slots=True)
class HelpPage:
    """The help of a command or of a group of commands."""

    usage: str
    paragraphs: Sequence[str]  # the first is the summary; one that begins with `RAW` is printed unchanged
    sections: dict[str, list[HelpEntry]]  # by heading
    examples: str  # one command per line

    def lines(self, width: int) -> Iterator[str]:
        """Yield the lines of the page for a terminal."""
        yield from _wrapped(f"Usage: {self.usage}", width, further=" " * len("Usage: "))
        for paragraph in self.paragraphs:
            yield ""
            raw = paragraph.startswith(RAW)
            yield from paragraph.removeprefix(RAW).split("\n") if raw else _wrapped(paragraph, width, INDENT)
        for heading, entries in self.sections.items():
            yield from ("", f"{heading}:")
            yield from _columns([(entry.name, entry.text) for entry in entries], width)
        if self.examples:
            yield from ("", "Examples:", *textwrap.indent(self.examples, INDENT).split("\n"))


def _columns(rows: Sequence[tuple[str, str]], width: int) -> Iterator[str]:
    column = min(max(len(name) for name, _ in rows), COLUMN) + len(INDENT)
    for name, text in rows:
        lines = _wrapped(text, max(width, column + 24), " " * (len(INDENT) + column))
        if len(name) <= column - len(INDENT):
            lines[0] = f"{INDENT}{name:<{column}}{lines[0].lstrip()}"
        else:
            yield f"{INDENT}{name}"
        yield from lines


def _wrapped(text: str, width: int, indent: str = "", further: str | None = None) -> list[str]:
    return textwrap.wrap(
        text, max(width, 24), initial_indent=indent, subsequent_indent=indent if further is None else further,
        break_on_hyphens=False, break_long_words=False,
    ) or [indent]  # fmt: skip


class _WithPage:
    """What commands and groups of commands share: a page of help, and --verbose wherever one writes it."""

    params: list[Any]
    help: str | None
    _verbose: Any = None

    def get_params(self, ctx: Any) -> list[Any]:
        params: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        root = ctx.find_root()
        if self._verbose is None and root.command is not self:
            self._verbose = next((_below(param) for param in root.command.params if param.name == "verbose"), None)
        return params if self._verbose is None else [*params[:-1], self._verbose, params[-1]]

    def page(self, ctx: Any) -> HelpPage:
        text, _, examples = f"{inspect.cleandoc(self.help or '')}\n".partition(EXAMPLES)
        paragraphs = [part if part.startswith(RAW) else " ".join(part.split()) for part in text.strip().split("\n\n")]
        return HelpPage(
            usage=" ".join([ctx.command_path, *self.collect_usage_pieces(ctx)]),
            paragraphs=[part.rstrip() for part in paragraphs if part],
            sections=self.sections(ctx),
            examples=textwrap.dedent(examples).strip("\n"),
        )

    def sections(self, ctx: Any) -> dict[str, list[HelpEntry]]:
        found: dict[str, list[HelpEntry]] = {ARGUMENTS: [], OPTIONS: []}
        for param in self.get_params(ctx):
            if not getattr(param, "hidden", False) and param is not self._verbose:  # which the program's page explains
                panel = getattr(param, "rich_help_panel", None) or OPTIONS
                heading = ARGUMENTS if param.param_type_name == "argument" else panel
                found.setdefault(heading, []).append(_entry(param, ctx))
        return {heading: entries for heading, entries in found.items() if entries}

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        pieces: list[str] = super().collect_usage_pieces(ctx)  # type: ignore[misc]
        return [piece.replace("{", "").replace("}", "") for piece in pieces]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        width = max(shutil.get_terminal_size().columns, NARROWEST)
        formatter.write("\n".join(self.page(ctx).lines(width)) + "\n")


class HelpfulCommand(_WithPage, TyperCommand):
    """A command with its page of help."""


class HelpfulGroup(_WithPage, TyperGroup):
    """A group that lists its commands with the whole first sentence of each, under their headings."""

    def sections(self, ctx: Any) -> dict[str, list[HelpEntry]]:
        found = super().sections(ctx)
        for name, command in self.commands.items():
            heading = getattr(command, "rich_help_panel", None) or COMMANDS
            summary = inspect.cleandoc(command.help or "").split("\n\n")[0]
            found.setdefault(heading, []).append(HelpEntry(name=name, about=" ".join(summary.split())))
        return found


class GroupWithoutSuggestions(HelpfulGroup):
    """A group with a command that cannot be undone: no mistyped word is answered with one of its commands."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "suggest_commands": False})


def pages(app: Any) -> Iterator[tuple[str, str, HelpPage]]:
    """Yield (heading, words, page) of every command of an app, under the headings of its help and in their order."""
    root: Any = get_command(app)
    context = root.make_context(root.name, [], resilient_parsing=True)
    for heading, entries in root.sections(context).items():
        for entry in entries if heading not in (ARGUMENTS, OPTIONS) else ():
            command = root.commands[entry.name]
            yield from ((heading, words, page) for words, page in _pages_of(command, entry.name, context))


def _pages_of(command: Any, words: str, parent: Any) -> Iterator[tuple[str, HelpPage]]:
    context = command.make_context(command.name, [], parent=parent, resilient_parsing=True)
    inner = getattr(command, "commands", {})
    if not inner or command.invoke_without_command:
        yield words, command.page(context)
    for name, below in inner.items():
        yield from _pages_of(below, f"{words} {name}", context)


def _below(verbose: Any) -> Any:
    """Return the option --verbose of the whole program as one of a command, where it has the same effect."""

    def noted(ctx: Any, param: Any, value: bool) -> None:
        if value:
            ctx.find_root().params["verbose"] = True

    option = copy.copy(verbose)
    option.expose_value, option.callback = False, noted
    return option


def _entry(param: Any, ctx: Any) -> HelpEntry:
    metavar = param.metavar or param.display_type(ctx).strip("<>")
    if param.param_type_name == "argument":
        name = metavar if param.nargs == 1 else f"{metavar}..."
    else:
        names = ", ".join(sorted(param.opts, key=lambda name: name.startswith("--")))
        name = names if param.is_flag else f"{names} {metavar}"
    return HelpEntry(
        name=name,
        about=param.help or "",
        default=_default(param),
        required=bool(param.required),
    )


def _default(param: Any) -> str:
    if isinstance(param.show_default, str):
        return param.show_default
    if not param.show_default or param.default is None or getattr(param, "is_flag", False):
        return ""
    return f"{param.default:g}" if isinstance(param.default, float) else str(param.default)
