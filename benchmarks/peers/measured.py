"""What all sides measure: one net for one epoch, after an epoch to warm up; and how each says what it took."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import replace
from importlib.metadata import version

import torch

from mnist_bench.bench.measured_nets import nets
from mnist_bench.config.settings import AugmentConfig, TrainConfig
from mnist_bench.numerics.kinds import Precision
from mnist_bench.numerics.machine import Machine, this_machine
from mnist_bench.numerics.precision import best_precision

IMAGES = {"two-conv": 18_000, "conv-mid": 12_000, "batchnorm-128": 6_000, "batchnorm-32": 6_000}
"""The nets and the training images of a measurement, which evaluates a sixth of as many: a tenth of the truth or more,
as some sides are slow."""
QUIET = 0.5
"""The highest load average of a machine that does nothing."""


def arguments(description: str | None) -> argparse.ArgumentParser:
    """Return the parser of the options of every side."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("net", choices=list(IMAGES))
    parser.add_argument("--augmented", action="store_true")
    parser.add_argument(
        "--images", type=int, default=6_000, help="training images, a multiple of 6,000 for true shares"
    )
    return parser


def config(net: str, *, augmented: bool) -> TrainConfig:
    """Return the net to train: that of `mnist-bench bench speed`, here on all training images."""
    chosen = replace(nets()[net], train_on="all")
    return chosen if augmented else replace(chosen, augment=AugmentConfig())


def say(*, seconds: float, images: int, accuracy: float, precision: Precision) -> None:
    """Print a measurement: the seconds for training on `images` and evaluating a sixth of as many, the accuracy, which
    shows that there was learning, and the precision."""
    said = {"seconds": seconds, "images": images, "accuracy": accuracy, "precision": precision}
    print(json.dumps(said), flush=True)


def load_before() -> float:
    """Return how many processes have been at work in the last minute, and warn if the machine is not quiet."""
    load = os.getloadavg()[0]
    if load > QUIET:
        print(f"This machine is busy (load {load:.1f}); the figures mean little.", file=sys.stderr)
    return load


def machine(*packages: str) -> Machine:
    """Return this machine, with the versions of the peers' packages."""
    cpu = torch.device("cpu")
    found = this_machine(cpu, best_precision(cpu))
    return replace(found, versions={**found.versions, **{name: version(name) for name in packages}})
