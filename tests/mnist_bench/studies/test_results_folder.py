"""A file where the folder of results should be: the user's mistake, told in a sentence before anything is trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from mnist_bench.data.choice import DataOptions
from mnist_bench.data.mnist import load_training_set
from mnist_bench.experiments.trainings import Observer as ExperimentObserver, Workplace, open_grid
from mnist_bench.searches import running
from mnist_bench.searches.config import SearchConfig
from search.driver.progress import Observer
from search.errors import UsageError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "results"
    path.write_bytes(b"a file")
    return path


def test_a_workshop_needs_a_folder(file: Path) -> None:
    place = Workplace(observer=ExperimentObserver())
    with (
        pytest.raises(UsageError, match=r"results/_notebook: cannot be created as a folder \(Not a directory\)\.$"),
        open_grid(file / "_notebook", "The notebook", place, load_training_set(DataOptions()), "auto"),
    ):
        pass


class Heard(Observer):
    """Keeps the warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def on_notice(self, text: str) -> None:
        self.warnings.append(text)


@pytest.mark.slow
@pytest.mark.usefixtures("left_open")
def test_a_search_needs_a_folder(file: Path) -> None:
    heard, space = Heard(), {"model": {"blocks": {"int": [2, 2]}}}
    with pytest.raises(UsageError, match=r"results/conv-0: cannot be created as a folder \(Not a directory\)\.$"):
        running.run(SearchConfig(space=space, study_name="conv-0", results=file), heard, lambda: False)
    (warning,) = heard.warnings  # what is odd about the space is told before anything else goes wrong
    assert "warning: model.blocks: a range of one value" in warning
