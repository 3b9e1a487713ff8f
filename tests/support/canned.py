"""Studies that are made once and copied.

One is made by the program once a run, others are published; those of the fake trainer are searched by each test file.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from search.study.folder import StudyFolder
from search.study.studies import open_study
from support import search_fake as fake
from support.commands import run
from support.paths import ROOT, TESTS
from support.warm_processes import FOLDER

SMALL = TESTS / "data" / "small.yaml"
SEARCH = (
    f"search {SMALL} --trials 8 --concurrent-trials 4 --executor in-process --set precision=portable "
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


@dataclass
class Searched:
    """Puts the study of a search with options of `search_fake.make_search` into a folder of results."""

    new_folder: Callable[[], Path]
    _made: dict[str, Path] = field(default_factory=dict)

    def __call__(self, results: Path, *, events: int | None = None, **options: Any) -> StudyFolder:
        """Return where the study is; with `events`, of a search that was stopped after so many."""
        shutil.copytree(self.made(events=events, **options), results, dirs_exist_ok=True)
        return StudyFolder.of(options.get("name", "fake-0"), results)

    def digest(self, **options: Any) -> str:
        """Return the digest of a search that nothing has disturbed."""
        return open_study(self.made(**options), None).digest

    def made(self, *, events: int | None = None, **options: Any) -> Path:
        """Return the results that are copied, not to be written."""
        stopping = {} if events is None else {"stopping": fake.StopAfter(events)}
        key = repr((events, sorted(options.items())))
        if key not in self._made:
            self._made[key] = self.new_folder()
            fake.run(self._made[key], **options, **stopping)
        return self._made[key]
