from __future__ import annotations

import base64

import numpy as np
import pytest
from matplotlib.figure import Figure

from mnist_bench.plots import gallery
from mnist_bench.plots.kinds import KINDS
from mnist_bench.plots.subject import Subject
from search.errors import StudyNotFoundError
from support import handmade


def draw(kind: str, subject: Subject, *, narrow: bool) -> Figure:
    """Draw ten points, a hundred thousand for the slices, none for the layers."""
    if kind == "layers":
        raise StudyNotFoundError("It has no weights.")
    figure = Figure(figsize=(1, 1))
    figure.suptitle(f"What {kind}\nfound")
    figure.subplots().plot(np.random.default_rng(0).random(100_000 if kind == "slices" else 10), ".")
    return figure


@pytest.mark.slow
def test_small_drawings_stay_drawings_and_what_cannot_be_drawn_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "picture", draw)
    told: list[str] = []
    made = gallery.gallery(Subject(study=handmade.mixed()), told.append)
    assert told == list(KINDS)
    assert dict(made.missing) == {"layers": "It has no weights."}
    by_kind = {picture.kind: picture for picture in made.pictures}
    assert list(by_kind) == [kind for kind in KINDS if kind != "layers"]
    assert by_kind["history"].finding == "What history found"
    assert (by_kind["history"].half, by_kind["slices"].half) == (True, False)
    head, _, data = by_kind["history"].source.partition(",")
    assert head == "data:image/svg+xml;base64"
    assert base64.b64decode(data).startswith(b"<?xml")
    head, _, data = by_kind["slices"].source.partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(data).startswith(b"\x89PNG")
