"""How figures, and text from outside, are written on every screen, in pictures and in reports."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence

from mnist_bench import cells
from mnist_bench.cells import duration as duration
from search.messages import show

BARS = "▁▂▃▄▅▆▇█"
HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories of characters that a terminal or a browser obeys instead of showing."""


def percent(share: float | None, digits: int = 2) -> str:
    """Return a share (0..1) in percent: `99.41 %`; a dash if there is none."""
    return "–" if share is None else cells.percent(share, digits)


def value(found: object) -> str:
    """Return a figure of unknown unit, or a setting, with six digits: `0.0433`; a dash if there is none."""
    if found is None:
        return "–"
    return f"{found:.6g}" if isinstance(found, float) else str(found)


def short(found: object) -> str:
    """Return a setting in few digits: `0.00573`."""
    return cells.significant(found, 3) if isinstance(found, float) else show(found)


def interval(low: float | None, high: float | None) -> str:
    """Return an interval of shares in percent: `[99.24, 99.54]`; empty if there is none.

    An end that is not 0 or 100 % does not read so: `[85.10, <100]`.
    """
    return "" if low is None or high is None else f"[{_end(low)}, {_end(high)}]"


def _end(share: float) -> str:
    text = f"{100 * share:.2f}"
    if text == "100.00" and share < 1:
        return "<100"
    return ">0" if text == "0.00" and share > 0 else text


UNITS = ((1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T"))
"""Units of large counts."""


def count(number: float | None) -> str:
    """Return a large count in three digits: `850`, `61.2 k`, `2.1 M`, `1.87 G`."""
    if number is None:
        return "–"
    if number < 1000:
        return f"{number:.0f}"
    size, unit = next((size, unit) for size, unit in UNITS if number < 999.5 * size or size == UNITS[-1][0])
    return f"{number / size:.3g} {unit}"


def epochs(done: float, total: float) -> str:
    """Return trained epochs: `6` if all were trained, else `1/6`."""
    return f"{done:g}" if done == total else f"{done:g}/{total:g}"


def ending(state: str, reason: str) -> str:
    """Return a trial's state, with its reason if that adds something: `PRUNED`, `PRUNED (diverged)`.

    A trial that nobody trains now is `PAUSED`, which Optuna has no state for.
    """
    if reason == "paused":
        return "PAUSED"
    told = {"COMPLETE": "complete", "PRUNED": "pruned", "RUNNING": "running"}.get(state)
    return state if reason == told else f"{state} ({reason.replace('_', ' ')})"


def counted(counts: Mapping[str, int], *, live: bool = False) -> str:
    """Return the counts that are not zero: `7 complete, 43 pruned (3 infeasible besides)`.

    Unfinished trials read as running in a `live` study and as paused in one that nobody drives.
    """
    names = {"complete": "complete", "pruned": "pruned", "failed": "failed", "running": "running" if live else "paused"}
    parts = [f"{counts[name]} {word}" for name, word in names.items() if counts[name]] or ["none finished"]
    besides = f" ({counts['infeasible']} infeasible besides)" if counts["infeasible"] else ""
    return ", ".join(parts) + besides


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
