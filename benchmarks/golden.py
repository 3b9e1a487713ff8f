"""Note the weights that this revision of the trainer gives with the kernels of this machine.

Run as `python benchmarks/golden.py` after raising numerics.TRAINER_REVISION, or on a machine whose kernels are
not known yet. The file is tests/mnist_bench/golden.json; notes of another revision are dropped.
"""

from __future__ import annotations

import json
from pathlib import Path

from mnist_bench import numerics
from mnist_bench.canary import canary
from mnist_bench.config_json import from_json
from mnist_bench.data import DataOptions
from mnist_bench.data.tensors import load_dataset
from mnist_bench.precision import Precision
from mnist_bench.train import fit

GOLDEN = Path(__file__).parent.parent / "tests" / "mnist_bench" / "golden.json"
PRECISIONS: tuple[Precision, Precision] = ("bf16", "fp32")


def main() -> None:
    """Train each case of the file in each precision on the CPU and write the file."""
    golden = json.loads(GOLDEN.read_text())
    if golden["trainer_revision"] != numerics.TRAINER_REVISION:
        golden |= {"trainer_revision": numerics.TRAINER_REVISION, "weights": {}}
    data = load_dataset(DataOptions(subset=1200), numerics.setup("cpu"))
    for precision in PRECISIONS:
        found = {name: fit(from_json(case), 0, data, precision) for name, case in golden["cases"].items()}
        golden["weights"][canary("cpu", precision)] = {name: run.reports[-1].weights for name, run in found.items()}
    GOLDEN.write_text(json.dumps(golden, indent=2) + "\n")


if __name__ == "__main__":
    main()
