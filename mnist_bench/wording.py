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
