"""How figures, and text from outside, are written on every screen, in pictures and in reports."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from search.messages import duration as duration, show

BARS = "▁▂▃▄▅▆▇█"
HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories of characters that a terminal or a browser obeys instead of showing."""


def or_nothing(reads: Callable[[Any], str] = str) -> Callable[[Any], str]:
    """Return how a value reads whose cell is empty if there is none."""
    return lambda value: "" if value is None else reads(value)


def percent(share: float | None, digits: int = 2) -> str:
    """Return a share (0..1) in percent: `99.41%`; a dash if there is none."""
    return "–" if share is None else f"{100 * share:.{digits}f}%"


def points(difference: float, *, sign: bool = False) -> str:
    """Return a difference of shares in percentage points: `0.12`, `−0.05`, with `sign` `+0.12`; 0 has no sign."""
    text = f"{100 * difference:{'+' if sign else ''}.2f}"
    return text.replace("-", "−") if float(text) else "0.00"


def p_value(found: float, least: float = 0.0001) -> str:
    """Return a p-value with two digits: `p = 0.0031`; below `least`, `p < 0.0001`."""
    return f"p < {least:g}" if found < least else f"p = {found:.2g}"


def p_column(found: float) -> str:
    """Return a p-value for a column of them, with three decimals: `0.012`, `<0.001`."""
    return "<0.001" if found < 0.001 else f"{found:.3f}"


def numbered(number: int) -> str:
    """Return a trial as tables name it: `#17`."""
    return f"#{number}"


def times(ratio: float) -> str:
    """Return how many times cheaper or faster: `3.9`; below 1 with two decimals, `0.87`."""
    return f"{ratio:.1f}" if ratio >= 0.95 else f"{ratio:.2f}"


def value(found: object) -> str:
    """Return a figure of unknown unit, or a setting, with six digits: `0.0433`; a dash if there is none."""
    if found is None:
        return "–"
    return f"{found:.6g}" if isinstance(found, float) else str(found)


def short(found: object) -> str:
    """Return a setting in few digits: `0.00573`."""
    return significant(found, 3) if isinstance(found, float) else show(found)


def significant(number: float, digits: int) -> str:
    """Return a number with this many significant digits, and its whole part in full up to a million.

    A number below 1 that would be shown as 1 gets more digits.

    >>> significant(0.00573, 2), significant(128.4, 2), significant(0.9997, 3)
    ('0.0057', '128', '0.9997')
    """
    text = f"{number:.0f}" if 10**digits <= abs(number) < 1e6 else f"{number:.{digits}g}"
    return significant(number, digits + 1) if number < 1 <= float(text) else text


def compact(number: float) -> str:
    """Return a number with two significant digits, without the zero before the point: `.05`, `8`, `1e-05`.

    A number below 1 is never shown as 1 (`.998`), and a large one keeps its whole part (`128`).
    """
    text = significant(number, 2)
    return text.replace("0.", ".", 1) if number < 1 else text


def roughly(seconds: float) -> str:
    """Return an estimated duration in one unit: `45 s`, `19 min`, `5.5 h`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:,.1f} h"


def between(low: float, high: float) -> str:
    """Return a range of seconds in one unit, two digits each: `4 to 7 minutes`, `49 to 140 seconds`."""
    size, name = next(((size, name) for size, name in _SPANS if low >= size and high >= 1.5 * size), _SPANS[-1])
    ends = list(dict.fromkeys(_two_digits(seconds / size) for seconds in (low, high)))
    return f"{' to '.join(ends)} {name[:-1] if ends == ['1'] else name}"


_SPANS = ((86_400, "days"), (3600, "hours"), (60, "minutes"), (1, "seconds"))


def _two_digits(number: float) -> str:
    return f"{float(f'{number:.2g}'):,.0f}" if number >= 99.5 else f"{number:.2g}"


def size(count: float) -> str:
    """Return a number of bytes: `24 GB`, `1.5 TB`."""
    steps = next((steps for steps in range(len(_BYTES) - 1) if count < 995 * 1000**steps), len(_BYTES) - 1)
    return f"{_two_digits(count / 1000**steps)} {_BYTES[steps]}"


_BYTES = ("bytes", "kB", "MB", "GB", "TB", "PB", "EB")


def unit(cost: str) -> str:
    """Return the unit of a second objective, "macs" or "parameters": `MACs`, `parameters`."""
    return "MACs" if cost == "macs" else cost


def objectives(cost: str) -> str:
    """Return the aim of a search with a second objective: `high accuracy and few MACs`."""
    return f"high accuracy and few {unit(cost)}"


def interval(low: float | None, high: float | None) -> str:
    """Return an interval of shares in percent: `[99.24, 99.54]`; empty if there is none.

    An end that is not 0 or 100% does not read so: `[85.10, <100]`.
    """
    return "" if low is None or high is None else f"[{_end(low)}, {_end(high)}]"


def _end(share: float) -> str:
    text = f"{100 * share:.2f}"
    if text == "100.00" and share < 1:
        return "<100"
    return ">0" if text == "0.00" and share > 0 else text


UNITS = ((1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T"))  # units of large counts


def count(number: float | None) -> str:
    """Return a large count in three digits: `850`, `61.2k`, `2.1M`, `1.87G`."""
    if number is None:
        return "–"
    if number < 1000:
        return f"{number:.0f}"
    size, unit = next((size, unit) for size, unit in UNITS if number < 999.5 * size or size == UNITS[-1][0])
    return f"{number / size:.3g}{unit}"


def spelled(number: int) -> str:
    """Return a small number as a word in a sentence, a larger one in digits: `three`, `12`."""
    return _WORDS[number] if number < len(_WORDS) else f"{number:,}"


_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def epochs(done: float, total: float) -> str:
    """Return trained epochs: `6` if all were trained, else `1/6`."""
    return f"{done:g}" if done == total else f"{done:g}/{total:g}"


def ending(state: str, reason: str) -> str:
    """Return a trial's state, with its reason if that adds something: `PRUNED`, `PRUNED (diverged)`.

    A trial that no worker trains now is `PAUSED`, which Optuna has no state for.
    """
    if reason == "paused":
        return "PAUSED"
    told = {"COMPLETE": "complete", "PRUNED": "pruned", "RUNNING": "running"}.get(state)
    return state if reason == told else f"{state} ({reason.replace('_', ' ')})"


def counted(counts: Mapping[str, int], *, live: bool = False) -> str:
    """Return the counts that are not zero: `7 complete, 43 pruned (and 3 infeasible)`.

    Unfinished trials read as running in a `live` study and as paused in one that no process searches.
    """
    from search.event_log.records import besides  # not needed to print a table

    names = {"complete": "complete", "pruned": "pruned", "failed": "failed", "running": "running" if live else "paused"}
    parts = [f"{counts[name]} {word}" for name, word in names.items() if counts[name]] or ["none finished"]
    return ", ".join(parts) + besides(counts)


def sparkline(values: Sequence[float | None], low: float, high: float) -> str:
    """Return one bar per value, scaled between `low` and `high`; a space if there is no value."""
    return "".join(" " if value is None else _bar(value, low, high) for value in values)


def _bar(value: float, low: float, high: float) -> str:
    share = (value - low) / (high - low) if high > low else 1.0
    return BARS[round(min(1.0, max(0.0, share)) * (len(BARS) - 1))]


def safe(text: object) -> str:
    """Return `text` on one line, without control characters, text-direction marks and lone surrogates."""
    return "".join(_visible(character) for character in str(text))


def safe_lines(text: object) -> str:
    """Return `text` with its line breaks kept and each line made `safe`."""
    return "\n".join(safe(line) for line in str(text).split("\n"))


def _visible(character: str) -> str:
    if character in "\n\r\t":
        return " "
    return "" if unicodedata.category(character) in HIDDEN_CATEGORIES else character
