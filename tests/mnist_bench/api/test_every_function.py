"""The commands as Python functions."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

SCRIPT = """
import mnist_bench
import numpy as np
import pytest
from contextlib import suppress
from dataclasses import replace
from mnist_bench.config.recipe_yaml import text
from pathlib import Path
from search.errors import FingerprintError, UsageError
from support import undrawn

def main():
    undrawn.pictures()
    results = Path("studies")
    options = dict(
        trials=2, concurrent_trials=2, overrides=["subset=1000", "epochs=1"], results=results, executor="in-process"
    )
    first = mnist_bench.search("smoke", target=0.001, patience=9, **options)
    assert (first.stop.rule, first.stop.best, len(first.finished())) == ("target", first.best.number, 1)
    study = mnist_bench.search("smoke", trial_timeout=600, **options)
    assert study.stop is None
    assert len(study.finished()) == 2
    assert mnist_bench.open_study(results=results) == study
    assert mnist_bench.reproduce(study, study.trials[1]).identical
    found = mnist_bench.confirm(study, top=1, results=results)
    assert found.test(found.winner).seeds == 8
    assert mnist_bench.confirm(study, top=1, results=results) == found
    files = mnist_bench.export(study, "winner", confirmed=True, results=results)
    assert [path.name for path in files][:2] == ["model.safetensors", "net.py"]
    model, picture = mnist_bench.load_model("winner"), np.zeros((50, 40))
    picture[5:45, 15:20] = 255
    (prediction,) = model([picture])
    assert (0 <= prediction.label <= 9, sum(prediction.probabilities)) == (True, pytest.approx(1))
    assert mnist_bench.predict("winner", [picture]) == [prediction]
    ours = mnist_bench.load_model(study, 1, results=results)
    assert ours([picture]) == mnist_bench.predict(study, [picture], 1, results=results)
    assert mnist_bench.report(study, results=results).no_drawing is None
    ablate(study, results)
    Path("recipe.yaml").write_text("epochs: 1\\nsubset: 1000\\nmodel: {blocks: 0, hidden_layers: 0}\\n")
    fitted = [mnist_bench.train("recipe.yaml", seed=seed).reports[-1].weights for seed in (0, 0, 1)]
    assert fitted[0] == fitted[1] != fitted[2]

def ablate(study, results):
    config = study.best.config
    baseline = {**config, "optim": {**config["optim"], "lr": 0.5}}
    Path("steep.yaml").write_text(text(baseline, name="steep", subset=1000))
    asked = dict(baseline=Path("steep.yaml"), seeds=2, results=results)
    path = mnist_bench.ablate(study, **asked)
    assert [step.groups for step in path.steps] == [("optimizer",)]
    assert mnist_bench.ablate(study, **asked) == path
    asked["baseline"] = {**baseline, "name": "steep", "subset": 1000}
    asked["baseline"] = {name: value for name, value in asked["baseline"].items() if value not in (None, [])}
    again = mnist_bench.ablate(study, study.best.number, **asked)
    assert (again.question, again.steps) == (path.question, path.steps)
    elsewhere = replace(study, spec={**study.spec, "numerics": {**study.spec["numerics"], "check": "0" * 64}})
    with suppress(FingerprintError):
        mnist_bench.ablate(elsewhere, **asked)
        raise AssertionError("what another machine found was taken for an answer")

main()
"""


def test_every_function(tmp_path: Path) -> None:
    # A process of its own: a search closes the test set for the life of its process.
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    subprocess.run([sys.executable, "-c", SCRIPT], cwd=tmp_path, env=environment, check=True)


@pytest.mark.cold
def test_importing_the_package_loads_nothing_heavy() -> None:
    check = "import sys, mnist_bench; assert not {'torch', 'optuna', 'numpy', 'pydantic'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", check], check=True)
