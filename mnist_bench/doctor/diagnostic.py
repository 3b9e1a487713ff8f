"""One finding of a check-up: a sentence about one thing, its severity, and what to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["ok", "note", "problem"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnostic:
    """The finding about one thing."""

    about: str  # the thing in a word or two: "memory", "checkpoints"
    severity: Severity  # a note is worth knowing but needs no action
    text: str
    advice: str = ""  # what to do; empty if there is nothing to do


def ok(about: str, text: str) -> Diagnostic:
    """Return the finding that something is as it should be."""
    return Diagnostic(about=about, severity="ok", text=text)


def note(about: str, text: str, advice: str = "") -> Diagnostic:
    """Return a finding that is worth knowing but needs no action."""
    return Diagnostic(about=about, severity="note", text=text, advice=advice)


def problem(about: str, text: str, advice: str = "") -> Diagnostic:
    """Return the finding that something is wrong."""
    return Diagnostic(about=about, severity="problem", text=text, advice=advice)


def plain(finding: Diagnostic) -> dict[str, Any]:
    """Return a finding as plain values for JSON."""
    return asdict(finding)
