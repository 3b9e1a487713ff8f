"""An ablation made by hand, of one step."""

from __future__ import annotations

from dataclasses import replace

from mnist_bench.config.json import to_json
from mnist_bench.config.settings import TrainConfig
from mnist_bench.experiments.ablation.path import Ablation, Measured, Step

START = Measured(config=to_json(TrainConfig()), errors=(76, 78), parameters=7850, macs=7840, seconds=1.0)
STEP = Step(
    groups=("batchnorm",), change="batchnorm none → after", after=replace(START, errors=(50, 46)), tried=(),
    waiting=(), fewer=29.0, low=21.0, high=37.0,
)  # fmt: skip
PATH = Ablation(
    question="0" * 64, study="conv-0", trial=1, baseline="linear", images=1000, seeds=(7, 8), start=START, steps=(STEP,)
)
