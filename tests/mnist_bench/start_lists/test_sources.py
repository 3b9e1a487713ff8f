"""A search that begins with what recorded tables found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mnist_bench.searches import running
from mnist_bench.searches.config import SearchConfig
from mnist_bench.space_files import space_sources
from search.driver.progress import Observer
from search.errors import SpaceError


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


def test_a_table_that_there_is_not_is_told_at_its_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    text = space_sources.find("smoke").read_text()
    file.write_text(text.replace("search: {", "search: {start: [conv-6k], "))
    asked = SearchConfig(space=str(file), trials=2, results=tmp_path, executor="in-process", device="cpu")
    with pytest.raises(SpaceError, match=r"mine\.yaml:\d+:\d+ +search\.start: no table conv-6k; there are conv-5k "):
        running.run(asked, Observer(), lambda: True)
