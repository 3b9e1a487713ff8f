"""A net that needs more memory than its worker may have: the allocation fails for real, the search goes on unharmed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SPACE = """
name: memory
epochs: 1
subset: 1200
model: {blocks: 1, filters: {choice: [2, 3, 256, 512]}, hidden_layers: 0}
optim: {batch_size: 250}
search: {sampler: random, pruner: none}
"""
SCRIPT = """
import json, os, resource
from pathlib import Path
from mnist_bench import searching
from mnist_bench.trial import make_trainer
from search.progress import Silent

ROOM = 100 * 2**20

class Narrow(Silent):
    def on_start(self, header):
        for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
            used = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()
            resource.prlimit(int(pid), resource.RLIMIT_AS, (used + ROOM, used + ROOM))

study = searching.run(searching.SearchOptions(space="memory.yaml", trials=8), Narrow(), lambda: False).study
trainer = make_trainer(subset=1200)
for trial in study.trials:
    ended = [trial.config["model"]["filters"], trial.state, trial.reason, trial.external]
    same = None
    if trial.state == "COMPLETE":
        _, again = trainer.advance(trial.config, trial.seed, 1, None)
        same = again.weights == trial.reports[0].weights
    print(json.dumps([*ended, same, trial.reports[0].worker]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits another process's memory by prlimit(2)")
def test_an_allocation_that_fails_ends_its_trial_and_harms_no_other(tmp_path: Path) -> None:
    (tmp_path / "memory.yaml").write_text(SPACE)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    trials = [json.loads(line) for line in done.stdout.splitlines()]
    large = [trial for trial in trials if trial[0] > 100]
    small = [trial for trial in trials if trial[0] < 100]
    assert large[0] == [large[0][0], "PRUNED", "out_of_memory", True, None, 0]
    assert [trial[1:5] for trial in large] == [["PRUNED", "out_of_memory", True, None]] * len(large)
    assert [trial[1:5] for trial in small] == [["COMPLETE", "complete", False, True]] * len(small)
    assert trials.index(large[0]) < trials.index(small[-1])
