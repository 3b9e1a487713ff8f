"""The examples that log elsewhere: as callbacks of a search, and run on a study that has ended."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.paths import ROOT

pytestmark = pytest.mark.integration
SEARCH = """
import sys
import search
sys.path.insert(0, sys.argv[1])
import {module}

def objective(config):
    for step in range(3):
        yield {{"value": config.x * step, "loss": 1.0 - step}}

search.run(objective, {{"name": "logged", "x": {{"float": [0, 1]}}}}, trials=4, periods=3, callbacks=[{module}.log])
"""


def run(folder: Path, *words: str) -> str:
    """Return what a Python process prints in a folder; its standard error is silent, so no library warns."""
    environment = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_mlflow_has_a_run_per_trial(tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    run(tmp_path, "-c", SEARCH.format(module="log_to_mlflow"), str(ROOT / "examples"))
    printed = run(tmp_path, str(ROOT / "examples" / "log_to_mlflow.py"), "logged-0")
    assert printed == "4 trials of logged-0 are in the experiment of this name.\n"
    asked = (
        "import mlflow\nclient = mlflow.MlflowClient()\n"
        "for name in ('Default', 'logged-0'):\n"
        "    found = client.search_runs([client.get_experiment_by_name(name).experiment_id])\n"
        "    print(len(found), *sorted(found[0].data.params), *sorted(found[0].data.metrics), *sorted(\n"
        "        name for name in found[0].data.tags if '.' not in name))\n"
    )
    expected = "4 config.x loss seconds value reason seed"
    assert run(tmp_path, "-c", asked).splitlines() == [expected, expected]


def test_tensorboard_has_a_run_per_trial(tmp_path: Path) -> None:
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run(tmp_path, "-c", SEARCH.format(module="log_to_tensorboard"), str(ROOT / "examples"))
    printed = run(tmp_path, str(ROOT / "examples" / "log_to_tensorboard.py"), "logged-0")
    assert printed == "4 trials of logged-0 are in the folder runs/logged-0.\n"
    for folder in (tmp_path / "runs", tmp_path / "runs" / "logged-0"):
        for trial in range(4):
            events = reader.EventAccumulator(str(folder / str(trial))).Reload()
            steps = [event.step for event in events.Scalars("loss")]
            assert steps in ([1], [1, 2], [1, 2, 3])
