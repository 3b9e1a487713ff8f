"""Stored studies for tests that only read them: one that the program makes once a run, and the published ones."""

from __future__ import annotations

import fcntl
import os
from functools import cache
from pathlib import Path

from support.copies import run
from support.paths import ROOT, TESTS
from support.warm_processes import FOLDER

SMALL = TESTS / "data" / "small.yaml"
SEARCH = (
    f"search {SMALL} --trials 8 --concurrent-trials 4 --executor in-process --precision portable "
    "--study-name finished --results canned"
)
PUBLISHED = ROOT / "results" / "published" / "studies"
CONFIRMED = PUBLISHED / "conv-0"
"""A study that was confirmed and ablated, with its winner's weights; copy it before a database is opened there."""


@cache
def studies() -> Path:
    """Return a folder of results with the study `finished`, eight trials of small.yaml; copy it before you write."""
    shared = Path(os.environ[FOLDER])
    with (shared / "canned.lock").open("w") as lock:  # xdist's workers share it
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "canned").exists():
            (made,) = run(ROOT, shared, SEARCH)
            assert made.code == 0, made.err
    return shared / "canned"
