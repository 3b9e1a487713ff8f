"""How figures read everywhere: on screens, in pictures and reports."""

from __future__ import annotations


def percent(share: float, digits: int = 2) -> str:
    """Return a share (0..1) in percent: `99.41 %`."""
    return f"{100 * share:.{digits}f} %"


def duration(seconds: float) -> str:
    """Return a duration: `31 s` below two minutes, then `4:22`, then `2:04:22`."""
    whole = round(seconds)
    if whole < 120:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}:{rest:02}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def unit(cost: str) -> str:
    """Return what a second objective counts, "macs" or "parameters": `MACs`, `parameters`."""
    return "MACs" if cost == "macs" else cost


def objectives(cost: str) -> str:
    """Return what a search with a second objective is for: `high accuracy and few MACs`."""
    return f"high accuracy and few {unit(cost)}"
