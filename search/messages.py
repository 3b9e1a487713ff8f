"""How messages spell values and near names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

MAX_LENGTH = 60
MAX_REASON = 300


def show(value: Any) -> str:
    """Return `value` as a message shows it: like YAML, on one line, at most 60 characters."""
    text = on_one_line(_spell(value))
    return text if len(text) <= MAX_LENGTH else text[: MAX_LENGTH - 3] + "..."


def on_one_line(text: str) -> str:
    """Return `text` with a space in place of each character that cannot be seen, line breaks among them."""
    return "".join(character if character.isprintable() else " " for character in text)


def in_a_sentence(why: object) -> str:
    """Return a reason as it stands in the middle of a sentence: on one line, at most 300 characters."""
    text = on_one_line(str(why)).strip().rstrip(".")
    return text if len(text) <= MAX_REASON else text[: MAX_REASON - 3] + "..."


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean `x`?" with the nearest of the known names, or nothing where none is near."""
    near = difflib.get_close_matches(name[:MAX_LENGTH], list(known), n=1)
    return f"; did you mean `{near[0]}`?" if near else ""


def listing(names: Iterable[Any]) -> str:
    """Return the values as "a, b or c"."""
    spelt = [show(name) for name in names]
    return " or ".join([", ".join(spelt[:-1]), spelt[-1]] if len(spelt) > 1 else spelt)


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, or its type's name, for the middle of a sentence.

    Where the first line only announces the others (several hosts were tried), the last one stands for all.
    """
    lines = str(error).splitlines() or [type(error).__name__]
    return (lines[-1].removeprefix("- ") if lines[0].endswith(":") else lines[0]).rstrip(".")


def _spell(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {show(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(show(item) for item in value) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)
