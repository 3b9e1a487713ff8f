"""A net that needs more memory than its worker may have: the allocation fails for real, the search goes on unharmed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.paths import ROOT

pytestmark = pytest.mark.slow

SPACE = """
name: memory
epochs: 1
subset: 1200
model: {blocks: 1, filters: {choice: [2, 512]}, hidden_layers: 0}
optim: {batch_size: 250}
search: {sampler: random, pruner: none}
"""
RECIPE = """
name: recipe
epochs: 1
subset: 1200
model: {blocks: 1, filters: %d, hidden_layers: 0}
optim: {batch_size: 250}
"""
SCRIPT = """
import json, os, resource
from pathlib import Path
from mnist_bench.data.choice import DataOptions
from mnist_bench.data.mnist import load_training_set
from mnist_bench.searches.config import SearchConfig
from mnist_bench.searches.running import run
from mnist_bench.training.trainer import make_trainer, trainer_spec
from search.driver.progress import Observer

ROOM = 100 * 2**20

class Narrow(Observer):
    def on_start(self, header):
        for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
            used = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()
            resource.prlimit(int(pid), resource.RLIMIT_AS, (used + ROOM, used + ROOM))

asked = SearchConfig(space="memory.yaml", trials=3, enqueue=("large.yaml", "small.yaml", "small.yaml"))
study = run(asked, Narrow(), lambda: False).study
trainer = make_trainer(**trainer_spec(load_training_set(DataOptions(subset=1200))).options)
for trial in study.trials:
    ended = [trial.config["model"]["filters"], trial.state, trial.reason, trial.external]
    same = None
    if trial.state == "COMPLETE":
        _, again = trainer.advance(trainer.codec.from_json(trial.config), trial.seed, 1, None)
        same = again.weights == trial.reports[0].weights
    print(json.dumps([*ended, same]))
"""


@pytest.mark.integration
@pytest.mark.cold
@pytest.mark.skipif(sys.platform != "linux", reason="limits another process's memory by prlimit(2)")
def test_an_allocation_that_fails_ends_its_trial_and_harms_no_other(tmp_path: Path) -> None:
    (tmp_path / "memory.yaml").write_text(SPACE)
    (tmp_path / "large.yaml").write_text(RECIPE % 512)
    (tmp_path / "small.yaml").write_text(RECIPE % 2)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        [512, "PRUNED", "out_of_memory", True, None],
        [2, "COMPLETE", "complete", False, True],
        [2, "COMPLETE", "complete", False, True],
    ]
