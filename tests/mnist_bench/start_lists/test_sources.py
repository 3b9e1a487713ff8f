"""A search that begins with what an earlier study found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from shutil import copytree, rmtree

import pytest

from mnist_bench.studies import SearchConfig, open_study, run_search
from search.driver.progress import Observer
from search.errors import FingerprintError
from support import golden_searches

STUDIES = golden_searches.SMALL.parent


@pytest.mark.slow
def test_it_tries_the_best_of_the_study_first_and_no_longer_needs_it(tmp_path: Path) -> None:
    copytree(STUDIES / "finished", tmp_path / "finished")
    earlier = open_study(tmp_path, "finished")
    asked = SearchConfig(
        space=str(golden_searches.SMALL), trials=2, slots=2, results=tmp_path, study_name="new", executor="in-process",
        device="cpu", sampler="random", from_studies=("finished",),
    )  # fmt: skip
    first = run_search.run(asked, Observer(), lambda: False).study
    assert earlier.best is not None
    assert first.trials[0].params == earlier.best.params
    assert first.spec["start"]["made_of"] == ["finished"]
    rmtree(tmp_path / "finished")
    more = run_search.run(replace(asked, trials=3), Observer(), lambda: False).study
    assert len([trial for trial in more.trials if trial.state != "RUNNING" and trial.reason != "infeasible"]) == 3
    with pytest.raises(FingerprintError, match="start"):
        run_search.run(replace(asked, trials=4, from_studies=()), Observer(), lambda: False)
