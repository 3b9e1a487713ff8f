"""The commands as Python functions."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

FUNCTIONS = """
import mnist_bench
import numpy as np
import pytest
from mnist_bench.config.values import recipe_yaml
from pathlib import Path
from support import drawn

def main():
    drawn.no_pictures()
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
    found = mnist_bench.confirm(study, top=1)
    assert found.test(found.winner).seeds == 8
    assert mnist_bench.confirm(study, top=1) == found
    files = mnist_bench.export(study, "winner", confirmed=True)
    assert [path.name for path in files][:2] == ["model.safetensors", "net.py"]
    model, picture = mnist_bench.load_model("winner"), np.zeros((50, 40))
    picture[5:45, 15:20] = 255
    (prediction,) = model([picture])
    assert (0 <= prediction.label <= 9, sum(prediction.probabilities)) == (True, pytest.approx(1))
    assert mnist_bench.predict("winner", [picture]) == [prediction]
    ours = mnist_bench.load_model(study, 1)
    assert ours([picture]) == mnist_bench.predict(study, [picture], 1)
    assert mnist_bench.report(study).no_drawing is None
    baseline = {**study.best.config, "optim": {**study.best.config["optim"], "lr": 0.5}}
    Path("steep.yaml").write_text(recipe_yaml(baseline, name="steep", data={"subset": 1000}))
    path = mnist_bench.ablate(study, baseline=Path("steep.yaml"), seeds=2)
    assert [step.groups for step in path.steps] == [("optimizer",)]
    assert mnist_bench.ablate(study, study.best.number, baseline=Path("steep.yaml"), seeds=2) == path
    Path("recipe.yaml").write_text("epochs: 1\\nsubset: 1000\\nmodel: {blocks: 0, hidden_layers: 0}\\n")
    fitted = [mnist_bench.train("recipe.yaml", seed=seed).reports[-1].weights for seed in (0, 0, 1)]
    assert fitted[0] == fitted[1] != fitted[2]

main()
"""


SPACES = """
import json
import mnist_bench
import pytest
from mnist_bench.config.settings import ModelConfig, OptimConfig, TrainConfig
from mnist_bench.studies.record import record_of, to_json
from pathlib import Path
from search import Observer
from search.errors import UsageError
from search.study.folder import StudyFolder
from search.study.spec import fingerprint

SPACE = {
    "name": "tiny", "epochs": 1, "subset": 1000, "model": {"blocks": 0, "hidden_layers": {"int": [0, 1]}},
    "optim": {"lr": {"float": [0.001, 0.1], "log": True}},
}
TEXT = '''
name: tiny
epochs: 1
subset: 1000
model: {blocks: 0, hidden_layers: {int: [0, 1]}}
optim:
  lr: {float: [1e-3, 0.1], log: true}
'''

class Heard(Observer):
    def __init__(self):
        self.ends = []

    def on_end(self, trial):
        self.ends.append(trial.number)

def main():
    results = Path("studies")
    Path("tiny.yaml").write_text(TEXT)
    linear, hidden = ({"model": {"blocks": 0, "hidden_layers": layers}, "optim": {"lr": 0.01}} for layers in (0, 1))
    Path("linear.yaml").write_text("model: {blocks: 0, hidden_layers: 0}\\noptim: {lr: 0.01}\\n")
    config = TrainConfig(model=ModelConfig(blocks=0, hidden_layers=1), optim=OptimConfig(lr=0.01))
    heard = Heard()
    first = mnist_bench.search(
        SPACE, trials=3, concurrent_trials=2, enqueue=[linear, hidden], results=results, executor="in-process",
        observer=heard,
    )
    assert sorted(heard.ends) == [0, 1, 2]
    assert [trial.params["model.hidden_layers"] for trial in first.trials[:2]] == [0, 1]
    again = mnist_bench.search(
        "tiny.yaml", trials=3, concurrent_trials=2, enqueue=["linear.yaml", config], results="elsewhere", workers=2
    )
    assert again.digest == first.digest and fingerprint(again.spec) == fingerprint(first.spec)
    options = dict(trials=4, concurrent_trials=2, results=results, executor="in-process")
    on = mnist_bench.search(Path("tiny.yaml"), enqueue=[hidden | linear, config], **options)
    assert on.name == first.name and on.trials[:3] == first.trials and len(on.finished()) == 4
    kept = StudyFolder(results / first.name).space  # the file that a study holds, which `show --space` prints
    assert mnist_bench.search(kept, enqueue=[linear, config], **options) == on
    begins_with(linear, on, results)
    goes_on(linear, results)
    trains(linear, on)

def begins_with(linear, on, results):
    best = [trial.params for trial in on.complete()]
    few = dict(trials=2, results=results, executor="in-process")
    one, other = (
        mnist_bench.search(SPACE, enqueue=[study, linear], study_name=name, **few)
        for study, name in ((on, "one"), (results / on.name, "other"))
    )
    assert [trial.params for trial in one.trials[:2]] == best[:2]
    assert one.digest == other.digest and one.spec["enqueued_from"] == other.spec["enqueued_from"]
    assert one.spec["enqueued_from"][-1] is None

def goes_on(linear, results):
    begun = mnist_bench.search(SPACE, trials=50, timeout=0.0, results="stopped", executor="in-process")
    assert len(begun.finished()) < 50
    outside = {"model": {"blocks": 0, "hidden_layers": 0}, "optim": {"lr": 0.5}}
    with pytest.raises(UsageError, match="^--enqueue space: optim.lr 0.5 is outside the space's range"):
        mnist_bench.search(SPACE, study_name="other", enqueue=[outside], results=results, executor="in-process")
    with pytest.raises(UsageError, match="^tiny: there is nothing to search"):
        mnist_bench.search({**linear, "name": "tiny"}, results=results)

def trains(linear, on):
    seeds = mnist_bench.train_seeds(linear | {"epochs": 1, "subset": 1000}, 2, seed=7, workers=2)
    trained = mnist_bench.train_trial(on, 0, seed=8, to="out/linear.safetensors")
    assert trained.reports[-1].weights == seeds[1].reports[-1].weights
    assert mnist_bench.load_model("out/linear.safetensors").assumed
    record = to_json(record_of(on, on.trials[1]))
    assert mnist_bench.reproduce_record(record).identical
    Path("RECORD.json").write_text(json.dumps(record))
    assert mnist_bench.reproduce_record("RECORD.json").identical

main()
"""
"""A space and recipes written in Python, the files that say the same, and any executor: one study."""


@pytest.mark.parametrize("script", [FUNCTIONS, SPACES], ids=["functions", "spaces"])
def test_functions_do_what_the_commands_do(script: str, tmp_path: Path) -> None:
    # A process of its own: a search closes the test set for the life of its process.
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=environment, check=True)


@pytest.mark.cold
def test_importing_the_package_loads_nothing_heavy() -> None:
    check = "import sys, mnist_bench; assert not {'torch', 'optuna', 'numpy', 'pydantic'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", check], check=True)
