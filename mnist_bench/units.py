"""How figures read everywhere: on screens, in pictures and reports."""

from __future__ import annotations


def percent(share: float, digits: int = 2) -> str:
    """Return a share (0..1) in percent: `99.41 %`."""
    return f"{100 * share:.{digits}f} %"


def significant(number: float, digits: int) -> str:
    """Return a number with so many significant digits, and all of its whole part up to a million.

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


def duration(seconds: float) -> str:
    """Return a duration: `31 s` below two minutes, then `4:22`, then `2:04:22`."""
    whole = round(seconds)
    if whole < 120:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}:{rest:02}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


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
    """Return what a second objective counts, "macs" or "parameters": `MACs`, `parameters`."""
    return "MACs" if cost == "macs" else cost


def objectives(cost: str) -> str:
    """Return what a search with a second objective is for: `high accuracy and few MACs`."""
    return f"high accuracy and few {unit(cost)}"
