"""What a check-up found: one sentence on one thing, how bad it is, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["ok", "note", "problem"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnostic:
    """One thing that was looked at."""

    about: str
    """A word or two: "memory", "checkpoints"."""
    severity: Severity
    """A note is worth knowing and needs nothing done."""
    text: str
    advice: str = ""
    """What to do, where there is something."""
    mend: Callable[[], str] | None = None
    """Repairs it without losing a result, and returns in a sentence what it did; None where there is nothing to repair,
    or a person has to."""


def ok(about: str, text: str) -> Diagnostic:
    """Return that all is well."""
    return Diagnostic(about=about, severity="ok", text=text)


def note(about: str, text: str, advice: str = "", mend: Callable[[], str] | None = None) -> Diagnostic:
    """Return something worth knowing."""
    return Diagnostic(about=about, severity="note", text=text, advice=advice, mend=mend)


def problem(about: str, text: str, advice: str = "", mend: Callable[[], str] | None = None) -> Diagnostic:
    """Return something that is wrong."""
    return Diagnostic(about=about, severity="problem", text=text, advice=advice, mend=mend)


def plain(finding: Diagnostic) -> dict[str, Any]:
    """Return plain values for JSON."""
    return {
        "about": finding.about,
        "severity": finding.severity,
        "text": finding.text,
        "advice": finding.advice,
        "repairable": finding.mend is not None,
    }
