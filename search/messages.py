"""Notation of values, names and reasons in messages, and of tables in a notebook."""

from __future__ import annotations

import difflib
import html
import os
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import ValidationError

MAX_LENGTH = 60  # characters of a value in a message; a longer one is cut
MAX_REASON = 300  # characters of a quoted reason, such as a database driver's error


def show(value: Any) -> str:
    """Return `value` in YAML's notation, on one line and cut to 60 characters."""
    text = on_one_line(_spell(value))
    return text if len(text) <= MAX_LENGTH else text[: MAX_LENGTH - 3] + "..."


def on_one_line(text: str) -> str:
    """Replace every unprintable character by a space, line breaks and terminal escapes included."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else " " for character in text)


def in_a_sentence(reason: object) -> str:
    """Return a reason ready for the middle of a sentence: one line, no final full stop, cut to 300 characters."""
    text = on_one_line(str(reason)).strip().rstrip(".")
    return text if len(text) <= MAX_REASON else text[: MAX_REASON - 3] + "..."


def quoted(word: object) -> str:
    """Return a word of a command as a shell reads it, on one line and in characters that a terminal shows.

    >>> print(quoted("my results"), quoted("two\\nlines of é"))
    'my results' $'two\\012lines of é'
    """
    text = str(word)
    return shlex.quote(text) if text.isprintable() else f"$'{''.join(map(_escaped, text))}'"


def _escaped(character: str) -> str:
    if character.isprintable() and character not in "\\'":
        return character
    return "".join(f"\\{byte:03o}" for byte in os.fsencode(character))


def command_line(words: Iterable[object]) -> str:
    """Return a command as one would type it; see `quoted`."""
    return " ".join(map(quoted, words))


def without_option(option: str, words: Sequence[str]) -> Iterator[str]:
    """Yield the words of a command without an option and its value.

    >>> list(without_option("--seed", ["search", "conv", "--seed", "1", "--seed=2"]))
    ['search', 'conv']
    """
    for before, word in zip(["", *words], words, strict=False):
        if option not in (before, word) and not word.startswith(f"{option}="):
            yield word


def shortened(text: str, length: int) -> str:
    """Return a text, cut to `length` characters.

    >>> shortened("antidisestablishmentarianism", 8), shortened("sorrel", 8)
    ('antidis…', 'sorrel')
    """
    return text if len(text) <= length else text[: length - 1] + "…"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean `x`?" for the closest known name, or an empty text if no name is close."""
    # Cut, because difflib's time grows with the square of the length, and the name comes from a user's file.
    near = difflib.get_close_matches(name[:MAX_LENGTH], list(known), n=1)
    return f"; did you mean `{near[0]}`?" if near else ""


def lacks(what: str, package: str, extra: str) -> str:
    """Return that an optional package is not installed, and the command that installs it, without a final full stop.

    >>> print(lacks("--executor ray", "Ray", "ray"))
    --executor ray needs Ray, which this installation lacks; `pip install '.[ray]'` in a clone of mnist-bench adds it
    """
    adds = f"`pip install '.[{extra}]'` in a clone of mnist-bench adds it"
    return f"{what} needs {package}, which this installation lacks; {adds}"


def no_attribute(owner: str, name: str, known: Iterable[str]) -> AttributeError:
    """Return the error that `owner` has no attribute of this name, with the closest one that it has.

    Python itself suggests names in the tracebacks of a terminal only; a notebook shows the text alone.
    """
    # With `name` given and no object, Python does not add a suggestion of its own.
    return AttributeError(f"{owner} has no attribute {show(name)}{did_you_mean(name, known)}", name=name)


def listing(names: Iterable[Any]) -> str:
    """Return the values as "a, b or c"."""
    return joined(map(show, names), "or")


def joined(texts: Iterable[str], word: str = "and") -> str:
    """Return texts in a sentence.

    >>> joined(["batchnorm"]), joined(["batchnorm", "dropout", "the rest"])
    ('batchnorm', 'batchnorm, dropout and the rest')
    """
    *others, last = [*texts] or [""]
    return f"{', '.join(others)} {word} {last}" if others else last


def first_few(texts: Sequence[str], most: int) -> str:
    """Return at most `most` texts, and the number of the others.

    >>> first_few(["#3", "#5", "#8"], 2)
    '#3, #5 and 1 more'
    """
    shown = ", ".join(texts[:most])
    return shown if len(texts) <= most else f"{shown} and {len(texts) - most} more"


def number_of(number: int, noun: str) -> str:
    """Return a number with its noun: "1 trial", "0 trials", "1,200 trials"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """Return a duration: `31 s` below two minutes, then `4 min 22 s`, then `2 h 4 min`; a rest of 0 is left out."""
    whole = round(seconds)
    if whole < 120:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{whole} s"
    return _in_two_units(whole, "min", "s") if whole < 3600 else _in_two_units(whole // 60, "h", "min")


def _in_two_units(number: int, large: str, small: str) -> str:
    whole, rest = divmod(number, 60)
    return f"{whole} {large} {rest} {small}" if rest else f"{whole} {large}"


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, or its type's name, for the middle of a sentence."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


def first_fault(error: ValidationError) -> str:
    """Return the first fault that pydantic found: `trials.3.value: Input should be a valid number`."""
    fault = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(show(part) for part in fault["loc"])
    return f"{place}: {fault['msg']}" if place else fault["msg"]


def number(value: float | None) -> str:
    """Return a figure of unknown unit with six digits; a dash if there is none."""
    return "–" if value is None else f"{value:.6g}"


def short(value: object) -> str:
    """Return a parameter in three digits, or as `show` does: `0.00573`."""
    return f"{value:.3g}" if isinstance(value, float) else show(value)


def assigned(params: Mapping[str, Any]) -> str:
    """Return parameters in few digits.

    >>> assigned({"optim.lr": 0.013742, "model.norm": None}), assigned({})
    ('optim.lr=0.0137, model.norm=null', 'none')
    """
    return ", ".join(f"{name}={short(value)}" for name, value in params.items()) or "none"


def html_table(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]], notes: Iterable[str] = ()) -> str:
    """Return a table for a notebook: a line above it, a line for each note below it, all text escaped.

    It sets no color, so it can be read on a light and on a dark page.
    """
    lines = [_html_row("td", row) for row in rows]
    table = f"<table>{_html_row('th', headings)}{''.join(lines)}</table>" if lines else ""
    below = [f'<div style="font-size: 85%">{html.escape(on_one_line(note))}</div>' for note in notes if note]
    above = f"<div><strong>{html.escape(on_one_line(title))}</strong></div>" if title else ""
    return f"{above}{table}{''.join(below)}"


def _html_row(tag: str, texts: Iterable[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{html.escape(on_one_line(text))}</{tag}>' for text in texts)}</tr>"


def _spell(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {show(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(show(item) for item in value) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)
