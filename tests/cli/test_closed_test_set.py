"""A search never opens the test set, in the driver or in a worker."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mnist_bench.data.mnist import PACKAGED

pytestmark = pytest.mark.slow

OPENS_IN_A_WORKER = """
from mnist_bench.data.choice import DataOptions
from mnist_bench.data.mnist import PACKAGED, load_training_set
from mnist_bench.training.trainer import make_trainer, trainer_spec
make_trainer(**trainer_spec(load_training_set(DataOptions())).options)
(PACKAGED / "t10k-labels-idx1-ubyte.gz").read_bytes()
"""
READS_IN_THE_DRIVER = """
from mnist_bench.data.mnist import PACKAGED
from mnist_bench.searches.config import SearchConfig
from mnist_bench.searches.running import run
from search import Observer

class Curious(Observer):
    def on_start(self, header):
        (PACKAGED / "t10k-labels-idx1-ubyte.gz").read_bytes()

SPACE = {
    "name": "tiny", "epochs": 1, "subset": 1000, "model": {"blocks": 0, "hidden_layers": 0},
    "optim": {"lr": {"float": [0.001, 0.1], "log": True}},
}
if __name__ == "__main__":  # its worker imports it
    run(SearchConfig(space=SPACE, trials=1), Curious(), lambda: False)
"""
"""With a worker of its own, which does not close the test set for the driver."""
SEARCHES = "from mnist_bench.cli.app import main; main()"
SEARCH = "search smoke --trials 2 --workers 1 --set subset=1000 --set epochs=1 --data data"


def ran(folder: Path, program: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program, *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_a_search_works_where_the_test_files_are_deleted(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for path in PACKAGED.glob("train-*.gz"):
        shutil.copy(path, tmp_path / "data")
    done = ran(tmp_path, SEARCHES, *SEARCH.split())
    assert done.returncode == 0, done.stderr
    assert "The test set has not been evaluated." in done.stdout


@pytest.mark.parametrize("program", [READS_IN_THE_DRIVER, OPENS_IN_A_WORKER], ids=["driver", "worker"])
def test_what_would_open_it_is_refused(tmp_path: Path, program: str) -> None:
    done = ran(tmp_path, program)
    assert done.returncode == 1
    assert re.search(r"ClosedDoorError: .*t10k-labels-idx1-ubyte\.gz: the test set cannot be read here", done.stderr)
