"""Train and search on a CUDA device: does it repeat, how long does it take, and what if its memory does not suffice?

    make gpu
    python benchmarks/gpu.py --device cpu      the same steps in little, which is how they are tested

An exit code of 1 says that bits differed, or that there is no such device. Nothing has been measured on a card yet.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import frame
import torch

from mnist_bench.config.settings import ModelConfig, OptimConfig, TrainConfig
from mnist_bench.data.choice import DataOptions
from mnist_bench.data.tensors import Dataset, load_dataset
from mnist_bench.errors import DeviceError
from mnist_bench.numerics.device import setup, this_machine
from mnist_bench.numerics.kinds import Precision
from mnist_bench.space_files import space_sources
from mnist_bench.training.period import advance
from mnist_bench.training.trainer import TorchTrainer, fit
from search.study.studies import open_study

PROGRAM = (sys.executable, "-c", "from mnist_bench.cli.app import main; main()")
TRIALS = 10
RECIPE = "ladder/99.4"
HUGE = TrainConfig(epochs=1, model=ModelConfig(filters=512), optim=OptimConfig(batch_size=4096))
"""A net of which a card's memory holds hardly a batch: 6.6 GB for each of the first block's feature maps."""
LITTLE = ("subset=1000", "epochs=1", "periods=[1]", "model.filters=16", "model.blocks=3", "model.convs_per_block=1")
"""Changes to the search on a CPU."""


def main() -> int:
    """Measure, and print a line for each figure."""
    parser = frame.options(__doc__, publishes=False)
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1 or cpu (default: cuda)")
    asked = parser.parse_args()
    try:
        device, precision = setup(asked.device)
    except DeviceError as error:
        print(f"No CUDA device, nothing was measured: {error}.", file=sys.stderr)
        return 1
    in_little = device.type == "cpu"
    print(f"{this_machine(device, precision).sentence}.", flush=True)
    data = load_dataset(DataOptions(subset=1200 if in_little else None), device)
    recipe = space_sources.recipe(space_sources.load(RECIPE))
    repeats = [
        training_repeats(replace(recipe, epochs=1, periods=(), phases=()) if in_little else recipe, data, precision),
        search_repeats(asked.device, LITTLE if in_little else ()),
    ]
    print(memory(replace(HUGE, model=ModelConfig(filters=8)) if in_little else HUGE, data, precision))
    return 0 if all(repeats) else 1


def training_repeats(config: TrainConfig, data: Dataset, precision: Precision) -> bool:
    """Train a recipe twice, tell the time of each, and return whether the bits were equal."""
    states = []
    for run in ("first", "again"):
        started = time.perf_counter()
        found = fit(TorchTrainer(data, precision), config, 1)
        seconds = time.perf_counter() - started
        rate = config.epochs * len(data.train) / seconds
        value = found.reports[-1].value
        print(f"{RECIPE}, {run}: {seconds:.2f} s, {rate:,.0f} images/s, validation accuracy {value}", flush=True)
        states.append(found.state)
    return told("training", states[0] == states[1])


def search_repeats(device: str, changes: tuple[str, ...]) -> bool:
    """Search with one worker and with two, tell the time of each, and return whether the digests were equal."""
    digests = []
    for workers in (1, 2):
        started = time.perf_counter()
        digests.append(digest_of_search(device, workers, changes))
        took = f"{time.perf_counter() - started:.1f} s, digest {digests[-1][:8]}"
        print(f"{TRIALS} trials of conv-gpu, --workers {workers}: {took}", flush=True)
    return told("search", digests[0] == digests[1])


def digest_of_search(device: str, workers: int, changes: tuple[str, ...]) -> str:
    """Search conv-gpu in a process of its own, and return the study's digest."""
    search = ["search", "conv-gpu", "--trials", str(TRIALS), "--device", device, "--workers", str(workers)]
    with tempfile.TemporaryDirectory() as folder:
        words = [*search, *(f"--set={change}" for change in changes), "--results", folder]
        subprocess.run([*PROGRAM, *words], stdout=subprocess.DEVNULL, check=True)
        return open_study(Path(folder), None).digest


def memory(config: TrainConfig, data: Dataset, precision: Precision) -> str:
    """Train a net that may need more memory than there is, and return what came of it."""
    _, report = advance(config, 1, 1, None, data, precision)
    used = f", at most {torch.cuda.max_memory_allocated() / 1e9:.1f} GB" if data.device.type == "cuda" else ""
    said = "out of memory, which ends the trial" if report.end == "out_of_memory" else "its memory suffices"
    return f"{config.model.filters} filters, batches of {config.optim.batch_size}: {said}{used}"


def told(what: str, repeats: bool) -> bool:
    """Print whether something repeats, and return it."""
    print(f"{what}: {'bit-identical' if repeats else 'THE BITS DIFFER'}", flush=True)
    return repeats


if __name__ == "__main__":
    sys.exit(main())
