"""The commands as Python functions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import mnist_bench
from pathlib import Path

def main():
    results = Path("studies")
    options = dict(trials=2, slots=2, overrides=["subset=1000", "epochs=1"], results=results)
    study = mnist_bench.search("smoke", **options)
    assert len(study.finished()) == 2
    assert mnist_bench.open_study(results=results) == study
    assert mnist_bench.reproduce_trial(study, study.trials[1]).identical
    found = mnist_bench.confirm_study(study, top=1, results=results)
    assert found.test(found.winner).seeds == 8
    assert mnist_bench.confirm_study(study, top=1, results=results) == found
    Path("recipe.yaml").write_text("epochs: 1\\nsubset: 1000\\nmodel: {blocks: 0, hidden_layers: 0}\\n")
    fitted = [mnist_bench.fit("recipe.yaml", seed=seed).reports[-1].weights for seed in (0, 0, 1)]
    assert fitted[0] == fitted[1] != fitted[2]

main()
"""


def test_search_open_reproduce_confirm_and_fit(tmp_path: Path) -> None:
    # A process of its own: a search closes the test set for the life of its process.
    subprocess.run([sys.executable, "-W", "error", "-c", SCRIPT], cwd=tmp_path, check=True)


def test_importing_the_package_loads_nothing_heavy() -> None:
    check = "import sys, mnist_bench; assert not {'torch', 'optuna', 'numpy', 'pydantic'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", check], check=True)
