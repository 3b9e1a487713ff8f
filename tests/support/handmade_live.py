"""Pages of running searches, made by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mnist_bench.live_page.page_content import Freshness, LiveContent, PageState, content_of
from search.driver.progress import Progress
from search.study.studies import StoredStudy
from support import handmade

FRESH = Freshness(written=1_764_000_000.0, every=2.5, quiet=30.0)
PROGRESS = Progress(
    goal=9, finished=6, complete=3, pruned=2, failed=1, infeasible=1, running=(), best=None, seconds=161.0,
    saved_periods=8, total_periods=30, order_cost=0.012, workers=2, lanes=2, seconds_left=110.0,
)  # fmt: skip


def content(
    study: StoredStudy | None = None, state: PageState = "running", fresh: Freshness = FRESH, **progress: Any
) -> LiveContent:
    """Return the page of a study, of `handmade.mixed` where none is given, with these figures."""
    study = study or handmade.mixed()
    running = tuple(trial for trial in study.trials if trial.state == "RUNNING")
    figures: dict[str, Any] = {"running": running, "best": study.best, **progress}
    return content_of(study, replace(PROGRESS, **figures), state, fresh)
