"""Help texts: options in groups, whole sentences for commands, examples at the end."""

from __future__ import annotations

import textwrap
from typing import Any

from typer.core import TyperCommand, TyperGroup

OTHERS = "Options"


class HelpfulCommand(TyperCommand):
    """A command whose options are listed under their `rich_help_panel` headings.

    Its epilog is printed unchanged: examples, one per line.
    """

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the words of the usage line; required ones have no brackets."""
        return [piece.replace("{", "").replace("}", "") for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, then the options without a heading, then the others."""
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], OTHERS: []}
        for param in self.get_params(ctx):
            row = param.get_help_record(ctx)
            panel = getattr(param, "rich_help_panel", None) or OTHERS
            heading = "Arguments" if param.param_type_name == "argument" else panel
            if row is not None:
                sections.setdefault(heading, []).append(row)
        for heading, rows in sections.items():
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples."""
        if self.epilog:
            with formatter.section("Examples"):
                formatter.write(textwrap.indent(self.epilog, "  ") + "\n")


class HelpfulGroup(TyperGroup):
    """A group that lists its commands with the whole first sentence of each."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list, its sentences wrapped and never cut."""
        rows = [(name, _first_sentence(command.help or "")) for name, command in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


class GroupWithoutSuggestions(HelpfulGroup):
    """A group with a command that cannot be undone: no mistyped word is answered with one of its commands."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "suggest_commands": False})


def _first_sentence(text: str) -> str:
    return " ".join(text.strip().split("\n\n")[0].split())
