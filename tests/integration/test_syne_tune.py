"""Syne Tune reads an exported table, point by point, and searches it; in an environment of its own.

All that Syne Tune asks for would take 1.4 GB; a table needs it without xgboost.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mnist_bench.tables import syne_tune
from support import handmade_table
from support.paths import ROOT

pytestmark = pytest.mark.integration

PACKAGES = ("pandas", "fastparquet", "scikit-learn", "huggingface-hub", "dill")
SYNE_TUNE = "syne-tune==0.16.0"

LOOK_UP = """
import json, sys
from syne_tune.blackbox_repository.blackbox_tabular import deserialize

((name, blackbox),) = deserialize("blackbox").items()
configurations = blackbox.all_configurations()
def look_up(configuration, period, seed):
    return list(map(float, blackbox.objective_function(configuration, {"period": period}, seed=seed).values()))

seeds = range(blackbox.num_seeds)
found = [[look_up(each, period, seed) for period in (1, 2, 3)] for each in configurations for seed in seeds]
print(json.dumps([name, configurations, found]))
"""

SEARCH = """
import json, logging
from syne_tune import StoppingCriterion, Tuner
from syne_tune.backend.simulator_backend.simulator_callback import SimulatorCallback
from syne_tune.optimizer.baselines import ASHA

logging.disable(logging.INFO)

def searched(backend, points):
    scheduler = ASHA(
        backend.blackbox.configuration_space, metric="metric_error", time_attr="period", max_t=3, reduction_factor=2,
        random_seed=0, points_to_evaluate=points,
    )
    stop = StoppingCriterion(max_num_trials_started=20)
    tuner = Tuner(
        trial_backend=backend, scheduler=scheduler, stop_criterion=stop, n_workers=2, sleep_time=0,
        callbacks=[SimulatorCallback()], save_tuner=False,
    )
    tuner.run()
    metrics = tuner.tuning_status.get_dataframe()
    return float(metrics["metric_error"].min()), len(metrics)

alone = UserBlackboxBackend(blackbox, elapsed_time_attr="metric_elapsed_time", seed=0)
print("FOUND", json.dumps([searched(alone, blackbox.all_configurations()), searched(backend, None)]))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the interpreter of an environment with Syne Tune."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, capture_output=True)
    interpreter = folder / "bin" / "python"
    for arguments in (PACKAGES, ("--no-deps", SYNE_TUNE)):
        command = [str(interpreter), "-m", "pip", "install", "--quiet", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        if done.returncode:
            pytest.skip(f"{SYNE_TUNE} cannot be installed here: {done.stderr[-200:]}")
    return interpreter


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the handmade table in `blackbox/`."""
    syne_tune.write(handmade_table.table(), tmp_path / "blackbox")
    return tmp_path


def ran(python: Path, script: str, folder: Path) -> str:
    """Return what a script prints in the environment."""
    done = subprocess.run(
        [str(python), "-c", script], cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_every_look_up_is_that_of_the_table(python: Path, folder: Path) -> None:
    table = handmade_table.table()
    name, configurations, found = json.loads(ran(python, LOOK_UP, folder).splitlines()[-1])
    assert name == "handmade"
    errors = [[count / 10_000 for count in table.curve(point, seed).errors] for point in range(90) for seed in range(3)]
    np.testing.assert_allclose(np.array(found)[:, :, 0], errors, rtol=1e-6)
    for params, configuration in zip(table.points, configurations, strict=True):
        assert {path: configuration[path] for path in params} == params


def test_its_schedulers_search_as_the_page_says(python: Path, folder: Path) -> None:
    page = (ROOT / "docs" / "tables.md").read_text()
    (block,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    out = ran(python, block.replace("conv-5k", "handmade") + SEARCH, folder)
    ((alone, first), (anywhere, second)) = json.loads(out.split("FOUND ")[-1].splitlines()[0])
    errors = handmade_table.table().arrays.errors[:, -1]
    assert errors[errors >= 0].min() / 10_000 - 1e-6 <= min(alone, anywhere) < 0.06
    assert min(first, second) >= 20
