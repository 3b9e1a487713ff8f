"""Measure what portable precision costs on this processor.

    python benchmarks/portable_cost.py                 about two minutes on an idle machine

Each round trains the four networks of `mnist-bench bench speed` for an epoch of 3,000 images in each way, in one
thread: in bfloat16, in float32 as on a processor whose widest instructions are AVX2, and in portable precision. The
table has the shortest time of each way.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import cast

from mnist_bench.bench.measured_nets import nets
from mnist_bench.data.mnist import DataOptions
from mnist_bench.data.tensors import load_dataset
from mnist_bench.numerics import device
from mnist_bench.numerics.kinds import Precision, environment_of
from mnist_bench.training.period import fit

IMAGES = 3_600
"""A sixth of them validates."""
AVX2 = {**environment_of("portable"), "MKL_CBWR": "", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}
WAYS: Mapping[str, tuple[Precision, Mapping[str, str]]] = {
    "bf16": ("bf16", {}),
    "fp32 with AVX2": ("fp32", AVX2),
    "portable": ("portable", environment_of("portable")),
}


def main() -> None:
    """Measure all ways, round by round, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--way", choices=WAYS, help="measure this one in this process")
    asked = parser.parse_args()
    if asked.way is not None:
        print(json.dumps(seconds(WAYS[asked.way][0])))
        return
    rounds = [{way: measured(way) for way in WAYS} for _ in range(asked.rounds)]
    print("| network | " + " | ".join(WAYS) + " | portable / bf16 | portable / fp32 |")
    print("|---|" + "---:|" * (len(WAYS) + 2))
    for net in nets():
        least = {way: min(found[way][net] for found in rounds) for way in WAYS}
        bf16, fp32, portable = least.values()
        figures = [*(f"{value:.2f}" for value in least.values()), f"{portable / bf16:.2f}", f"{portable / fp32:.2f}"]
        print(f"| {net} | {' | '.join(figures)} |")


def measured(way: str) -> dict[str, float]:
    """Return the seconds per epoch of each network, in a process that is started for this way."""
    environment = {**os.environ, **WAYS[way][1]}
    words = [sys.executable, __file__, "--way", way]
    done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return cast(dict[str, float], json.loads(done.stdout))


def seconds(precision: Precision) -> dict[str, float]:
    """Return the seconds per epoch of each network in this process; a first epoch warms up."""
    data = load_dataset(DataOptions(subset=IMAGES), device.setup("cpu", precision))
    found = {}
    for name, net in nets().items():
        for seed in (0, 1):
            begun = time.perf_counter()
            fit(net, seed, data, precision)
            found[name] = time.perf_counter() - begun
    return found


if __name__ == "__main__":
    main()
