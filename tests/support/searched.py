"""Studies of searches with the fake trainer: each is searched once, and copied for every test that changes it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from search.study.folder import StudyFolder
from search.study.studies import open_study
from support import search_fake as fake


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
