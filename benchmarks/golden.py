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
from typing import Any, get_args

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import torch

from mnist_bench import numerics
from mnist_bench.numerics.kinds import Precision, device_kind
from search.study.spec import DRIVER_REVISION
from support import golden_searches, golden_weights, releases

ROOT = Path(__file__).parent.parent
TRAINED = ROOT / "tests" / "mnist_bench" / "golden.json"
SEARCHED = ROOT / golden_searches.FILE
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
KINDS = [device_kind(precision, on_gpu=False) for precision in PRECISIONS]


def main() -> None:
    """Train and search, and write both files."""
    trained = json.loads(TRAINED.read_text())
    revisions = {kind: numerics.TRAINER_REVISIONS[kind] for kind in KINDS}
    torch_release = ".".join(releases.release(str(torch.__version__)))
    if not trained["trainer_revisions"].items() <= revisions.items() or trained["torch"] != torch_release:
        trained |= {"weights": {}, "searches": {}}
    trained |= {"trainer_revisions": revisions, "torch": torch_release}
    searched = json.loads(SEARCHED.read_text()) if SEARCHED.exists() else {}
    if searched.get("driver_revision") != DRIVER_REVISION:
        searched = {"driver_revision": DRIVER_REVISION, "digests": {}}
    note_searches(searched["digests"], trained.setdefault("searches", {}))
    note_weights(trained)
    TRAINED.write_text(json.dumps(trained, indent=2) + "\n")
    SEARCHED.write_text(json.dumps(searched, indent=2) + "\n")


def note_weights(golden: dict[str, Any]) -> None:
    """Train each case of the file in each precision on the CPU."""
    for precision in PRECISIONS:
        place, found = golden_weights.trained(golden["cases"], precision)
        golden["weights"][place] = found


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
