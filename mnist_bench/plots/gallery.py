"""All pictures of a study as data URIs, to be embedded in a report."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mnist_bench.plots import files
from mnist_bench.plots.files import Drawn, Job
from mnist_bench.plots.kinds import HALVES, KINDS, picture
from mnist_bench.plots.subject import Subject
from search.errors import SearchError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SMALL_SVG = 120_000
"""Bytes. Up to this size a picture is embedded as SVG, which stays sharp; above it, the smaller of SVG and PNG is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """One picture with its description."""

    kind: str
    shows: str
    """What this kind of picture shows."""
    finding: str
    """The picture's heading: its finding about this study."""
    source: str
    """A data URI of an SVG or a PNG."""
    half: bool = False
    """Whether it is drawn for half the width of a page."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Gallery:
    """The pictures of a study, and the reasons why others are missing."""

    pictures: tuple[Picture, ...]
    missing: Mapping[str, str]
    """Reasons by kind."""
    unforeseen: Mapping[str, SearchError] = field(default_factory=dict)
    """Of `missing`, the errors that were not written for the user, by kind; their causes are the original errors."""


def gallery(subject: Subject, begins: Callable[[str], None]) -> Gallery:
    """Draw every kind of picture; for those that cannot be drawn, give the reason. `begins` is told each kind."""
    pictures: list[Picture] = []
    missing: dict[str, str] = {}
    unforeseen: dict[str, SearchError] = {}
    for kind in KINDS:
        begins(kind)
        made = _drawn(kind, subject)
        if isinstance(made, Picture):
            pictures.append(made)
        elif made.error is not None:
            missing[kind] = str(made.error)
            if not made.foreseen:
                unforeseen[kind] = made.error
    return Gallery(pictures=tuple(pictures), missing=missing, unforeseen=unforeseen)


def _drawn(kind: str, subject: Subject) -> Picture | Drawn:
    """Return the picture of a kind, or with its error what was not drawn."""
    figures: list[Figure] = []

    def make() -> Figure:
        figures.append(picture(kind, subject, narrow=True))
        return figures[-1]

    with tempfile.TemporaryDirectory() as folder:
        drawn = files.draw(Job(kind=kind, make=make), Path(folder), ("svg", "png"))
        if drawn.error is not None:
            return drawn
        svg, png = (file.read_bytes() for file in drawn.files)
    finding = " ".join(figures[0].get_suptitle().split())
    source = _uri("svg+xml", svg) if len(svg) <= max(SMALL_SVG, len(png)) else _uri("png", png)
    return Picture(kind=kind, shows=KINDS[kind], finding=finding, source=source, half=kind in HALVES)


def _uri(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
