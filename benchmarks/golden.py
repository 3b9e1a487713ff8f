"""Record the results of this revision of the trainer and of the driver on this machine.

Run as `python benchmarks/golden.py` after raising numerics.TRAINER_REVISIONS or spec.DRIVER_REVISION, after adding a
case to either, or where the kernels or versions are not known yet: on another processor, with another Optuna or NumPy.
It adds to tests/mnist_bench/golden.json (weights, by canary, and a small search) and tests/search/golden_searches.json
(digests, by versions and arithmetic); notes of another revision, or of another release of PyTorch, are dropped.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import torch

from mnist_bench import numerics
from mnist_bench.config.json import from_json
from mnist_bench.data.mnist import DataOptions
from mnist_bench.data.tensors import load_dataset
from mnist_bench.numerics.canaries.canary import canary
from mnist_bench.numerics.kinds import Precision, device_kind
from mnist_bench.training.period import fit
from search.study.spec import DRIVER_REVISION
from support import golden_searches, releases

ROOT = Path(__file__).parent.parent
TRAINED = ROOT / "tests" / "mnist_bench" / "golden.json"
SEARCHED = ROOT / golden_searches.FILE
PRECISIONS: tuple[Precision, Precision] = ("bf16", "fp32")
KINDS = [device_kind(precision, on_gpu=False) for precision in PRECISIONS]


def main() -> None:
    """Train and search, and write both files."""
    trained = json.loads(TRAINED.read_text())
    made_by = {
        "trainer_revisions": {kind: numerics.TRAINER_REVISIONS[kind] for kind in KINDS},
        "torch": ".".join(releases.release(str(torch.__version__))),
    }
    if {name: trained[name] for name in made_by} != made_by:
        trained |= {**made_by, "weights": {}, "searches": {}}
    searched = json.loads(SEARCHED.read_text()) if SEARCHED.exists() else {}
    if searched.get("driver_revision") != DRIVER_REVISION:
        searched = {"driver_revision": DRIVER_REVISION, "digests": {}}
    note_searches(searched["digests"], trained.setdefault("searches", {}))
    note_weights(trained)
    TRAINED.write_text(json.dumps(trained, indent=2) + "\n")
    SEARCHED.write_text(json.dumps(searched, indent=2) + "\n")


def note_weights(golden: dict[str, Any]) -> None:
    """Train each case of the file in each precision on the CPU."""
    data = load_dataset(DataOptions(subset=1200), numerics.setup("cpu"))
    for precision in PRECISIONS:
        found = {name: fit(from_json(case), 0, data, precision) for name, case in golden["cases"].items()}
        golden["weights"][canary("cpu", precision)] = {name: run.reports[-1].weights for name, run in found.items()}


def note_searches(fake: dict[str, dict[str, str]], real: dict[str, str]) -> None:
    """Search with the fake trainer in every way, and once with nets."""
    for name, options in golden_searches.cases().items():
        with tempfile.TemporaryDirectory() as folder:
            digest = golden_searches.searched(Path(folder), options).digest
        fake.setdefault(golden_searches.place(options), {})[name] = digest
    with tempfile.TemporaryDirectory() as folder:
        place, study = golden_searches.searched_for_real(Path(folder))
    real[place] = study.digest


if __name__ == "__main__":
    main()
