"""A search that begins with what an earlier study found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from shutil import copytree, rmtree

import pytest

from mnist_bench.searches import running
from mnist_bench.searches.config import SearchConfig
from mnist_bench.space_files import space_sources
from mnist_bench.start_lists import sources
from mnist_bench.studies.validated import open_study
from search.driver.progress import Observer
from search.errors import FingerprintError, SpaceError, UsageError
from support import golden_searches, search_fake as fake

STUDIES = golden_searches.SMALL.parent


@pytest.mark.slow
def test_it_tries_the_best_of_the_study_first_and_no_longer_needs_it(tmp_path: Path) -> None:
    copytree(STUDIES / "finished", tmp_path / "finished")
    earlier = open_study(tmp_path, "finished")
    asked = SearchConfig(
        space=str(golden_searches.SMALL), trials=2, slots=2, results=tmp_path, study_name="new", executor="in-process",
        device="cpu", sampler="random", from_studies=("finished",),
    )  # fmt: skip
    first = running.run(asked, Observer(), lambda: False).study
    assert earlier.best is not None
    assert first.trials[0].params == earlier.best.params
    assert first.spec["start"]["made_of"] == ["finished"]
    rmtree(tmp_path / "finished")
    more = running.run(replace(asked, trials=3), Observer(), lambda: False).study
    assert len([trial for trial in more.trials if trial.state != "RUNNING" and trial.reason != "infeasible"]) == 3
    with pytest.raises(FingerprintError, match="start"):
        running.run(replace(asked, trials=4, from_studies=()), Observer(), lambda: False)


def test_of_a_study_that_minimizes_it_takes_nothing(tmp_path: Path) -> None:
    """Errors lie between 0 and 1, too; the best of them would count as the worst accuracy."""
    fake.run(tmp_path, goal=2, space_values={**fake.SPACE, "direction": "minimize"})
    with pytest.raises(UsageError, match="fake-0 is not a study of accuracies: it minimizes its value"):
        sources.source("fake-0", tmp_path)


class Notices(Observer):
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def on_notice(self, text: str) -> None:
        """Remember it."""
        self.told.append(text)


@pytest.mark.slow
def test_a_space_names_tables_for_its_list(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    text = space_sources.find("conv").read_text()
    file.write_text(text.replace("start: [conv-5k, conv-5k-wrong]", "start: [conv-5k-wrong]"))
    observer = Notices()
    asked = SearchConfig(space=str(file), trials=2, results=tmp_path, executor="in-process", device="cpu")
    begun = running.run(asked, observer, lambda: True).study
    assert begun.spec["start"]["made_of"] == ["conv-5k-wrong"]
    assert len(begun.spec["start"]["configurations"]) == 10
    assert observer.told[0].startswith("Tries 10 configurations first that did well in conv-5k-wrong: at most ")
    without = running.run(replace(asked, start=False, study_name="without"), observer, lambda: True).study
    assert "start" not in without.spec
    other = replace(asked, overrides=("optim.ema_decay={choice: [0.5, 0.6]}",), study_name="other")
    assert "start" not in running.run(other, observer, lambda: True).study.spec
    assert observer.told[-1] == (
        "No configuration of conv-5k-wrong fits the space conv. The search begins without warm-start configurations."
    )
    with pytest.raises(UsageError, match="No configuration of conv-5k fits"):
        running.run(replace(other, from_studies=("conv-5k",)), observer, lambda: True)


def test_a_table_that_there_is_not_is_told_at_its_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    text = space_sources.find("smoke").read_text()
    file.write_text(text.replace("search: {", "search: {start: [conv-6k], "))
    asked = SearchConfig(space=str(file), trials=2, results=tmp_path, executor="in-process", device="cpu")
    with pytest.raises(SpaceError, match=r"mine\.yaml:\d+:\d+ +search\.start: no table conv-6k; there are conv-5k,"):
        running.run(asked, Observer(), lambda: True)
