"""A machine's speed made by hand."""

from __future__ import annotations

from mnist_bench.bench.measured_nets import nets
from mnist_bench.bench.speed import PARTS, Round, Speed, summary
from mnist_bench.numerics.machine import Machine

MACHINE = Machine(
    processor="Abacus [bold]9[/bold]",
    cores=2,
    gpu=None,
    precision="bf16",
    python="3.11.7",
    versions={"torch": "2.13.0"},
)


def seconds(epoch: float) -> Round:
    """Return a round in which each pass over each net takes so long, or its share of that."""
    shares = dict(zip(PARTS, (1.0, 0.01, 0.11, 0.9, 0.3), strict=True))
    kernels = {("matrix product", "fp32"): 0.5, ("convolution", "fp32"): 2.0, ("convolution", "bf16"): 1.0}
    return {**kernels, **{(net, part): epoch * share for net in nets() for part, share in shares.items()}}


def speed(*epochs: float) -> Speed:
    """Return what rounds with passes of these seconds come to: 3,000 images on each of two cores."""
    return summary([seconds(epoch) for epoch in epochs], MACHINE, 2, images=3000, evaluated=1000)
