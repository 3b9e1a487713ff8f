"""Peers' loops and mnist-bench's in one run: equal nets, equal batches, both augmented or both not, on one machine.

    python benchmarks/peers/speed.py                                the table, about an hour on 2 cores
    python benchmarks/peers/speed.py --nets two-conv --repeats 1    a part of it
    python benchmarks/peers/speed.py --output results/published     writes peers.md and peers.json there
    python benchmarks/peers/speed.py --not-augmented --name peers-expert --sides "expert, one process" ...

Every measurement is a process of its own with an epoch to warm up. The sides take turns, so that what slows the machine
down for a while slows all of them; a ratio is taken within each round, and the middle one is quoted. A stopped run
continues with the same command.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib import import_module
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
import frame

from mnist_bench.bench import nets
from mnist_bench.config.settings import AugmentConfig, TrainConfig
from mnist_bench.numerics.kinds import Precision

EPOCH = 60_000
OURS = "ours"
PLAIN = ("plain, 0 workers", "plain, 2 workers")
"""The faster one with a net is the one that users would choose."""
EXPERT = ("expert, one process", "expert, two processes")
"""One training with one thread per core, and two trainings at once with the cores between them; not augmented alone."""
SIDES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    OURS: ("ours", {"precision": "auto"}),
    PLAIN[0]: ("plain", {"workers": 0}),
    PLAIN[1]: ("plain", {"workers": 2}),
    EXPERT[0]: ("expert", {"processes": 1}),
    EXPERT[1]: ("expert", {"processes": 2}),
    "ours, float32": ("ours", {"precision": "fp32"}),
}
"""In the order in which the sides take turns: the module whose `measure` trains a net on a number of images, and its
options. It returns the seconds for training on `images` and evaluating a sixth of as many, the accuracy, which shows
that there was learning, and the precision."""
IMAGES = {"two-conv": 18_000, "conv-mid": 12_000, "batchnorm-128": 6_000, "batchnorm-32": 6_000}
"""The nets and the training images of a measurement: a tenth of the truth or more, as some sides are slow."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """One side's measurement of one net in one round."""

    net: str
    augmented: bool
    side: str
    round: int
    epoch: float
    """Seconds for training on 60,000 images and evaluating 10,000, on the whole machine."""
    accuracy: float
    precision: Precision


@dataclass(frozen=True, kw_only=True, slots=True)
class NetRow:
    """One side's figures for one net."""

    net: str
    augmented: bool
    side: str
    epoch: float
    """Median of the rounds, in seconds; the lowest and the highest follow."""
    lowest: float
    highest: float
    ratio: float
    """To our time in the same round: median, lowest, highest."""
    lowest_ratio: float
    highest_ratio: float
    accuracy: float
    """Median of the rounds, 0 to 1, after the two epochs of a measurement."""
    precision: Precision
    quoted: bool = True
    """False for the plain loop with the number of workers that is the slower one with this net."""


def rows(measurements: Sequence[Measurement]) -> list[NetRow]:
    """Return a row for each net and side, in the order of their first measurements."""
    kinds: dict[tuple[str, bool, str], list[Measurement]] = {}
    for one in measurements:
        kinds.setdefault((one.net, one.augmented, one.side), []).append(one)
    table = [_row(found, kinds[*kind[:2], OURS]) for kind, found in kinds.items()]
    return [replace(row, quoted=_is_quoted(row, table)) for row in table]


def _row(found: Sequence[Measurement], ours: Sequence[Measurement]) -> NetRow:
    seconds, rounds = [one.epoch for one in found], {one.round: one.epoch for one in ours}
    ratios = [one.epoch / rounds[one.round] for one in found]
    return NetRow(
        net=found[0].net, augmented=found[0].augmented, side=found[0].side, precision=found[-1].precision,
        accuracy=median(one.accuracy for one in found),
        epoch=median(seconds), lowest=min(seconds), highest=max(seconds),
        ratio=median(ratios), lowest_ratio=min(ratios), highest_ratio=max(ratios),
    )  # fmt: skip


def _is_quoted(row: NetRow, table: Sequence[NetRow]) -> bool:
    plain = [one.ratio for one in table if one.side in PLAIN and (one.net, one.augmented) == (row.net, row.augmented)]
    return row.side not in PLAIN or row.ratio == min(plain)


def page(table: Sequence[NetRow], repeats: int, made: str) -> Iterator[str]:
    """Yield the lines of the page."""
    yield from ("# Peers' loops compared with mnist-bench's", "", made, "")
    yield "Seconds for training on 60,000 images and evaluating 10,000:"
    yield f"the median of {repeats} rounds, the lowest and the highest. Ratios are within a round."
    yield "`ours` is mnist-bench: one training per core at once, in bfloat16 if the machine supports it."
    yield "The expert's loop uses the machine's faster precision, with its images in memory and not augmented:"
    yield "one training on all cores, or two at once. The other loops use float32, one training on all cores."
    yield "The plain loop's faster number of loading processes is in bold. Accuracy is measured after the few timed"
    yield from ("steps, when batchnorm's running statistics may still be far off.", "")
    heads = ("net", "augmented", "side", "precision", "seconds:", "", "times ours:", "", "accuracy:")
    yield from frame.table(heads, map(_cells, table))


def _cells(row: NetRow) -> list[str]:
    ratio = f"**{row.ratio:.2f}**" if row.side in PLAIN and row.quoted else f"{row.ratio:.2f}"
    spreads = f"{row.lowest:.1f} – {row.highest:.1f}", f"{row.lowest_ratio:.2f} – {row.highest_ratio:.2f}"
    kind = [row.net, "yes" if row.augmented else "no", row.side, row.precision]
    return [*kind, f"{row.epoch:.1f}", spreads[0], ratio, spreads[1], f"{row.accuracy:.1%}"]


def config(net: str, *, augmented: bool) -> TrainConfig:
    """Return the net to train, on all training images."""
    chosen = replace(nets()[net], train_on="all")
    return chosen if augmented else replace(chosen, augment=AugmentConfig())


def measured(net: str, *, augmented: bool, side: str, images: int) -> dict[str, Any]:
    """Measure a side in a process of its own; return seconds per epoch, accuracy and precision."""
    words = [sys.executable, __file__, "--measure", side, net, str(images), *["augmented"] * augmented]
    said = json.loads(subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()[-1])
    epoch = said["seconds"] * EPOCH / said["images"]
    print(f"{net}{', augmented' * augmented}: {side} {epoch:.1f} s", file=sys.stderr, flush=True)
    return {"epoch": epoch, "accuracy": said["accuracy"], "precision": said["precision"]}


def measure(side: str, net: str, images: str, *augmented: str) -> None:
    """Measure a side in this process, and print what it says."""
    module, options = SIDES[side]
    said = import_module(module).measure(config(net, augmented=bool(augmented)), int(images), **options)
    print(json.dumps(said), flush=True)


def takes_part(side: str, *, augmented: bool) -> bool:
    """Return whether a side takes part: the expert's loop does not augment."""
    return not (augmented and side in EXPERT)


def measure_all(asked: argparse.Namespace, ledger: frame.Ledger) -> Iterator[Measurement]:
    """Let the sides take turns, net by net."""
    sides = [side for side in SIDES if side == OURS or side in asked.sides]
    kinds = [augmented for augmented in (True, False) if not (augmented and asked.not_augmented)]
    for net, number, augmented, side in product(asked.nets, range(1, asked.repeats + 1), kinds, sides):
        if takes_part(side, augmented=augmented):
            one = partial(measured, net, augmented=augmented, side=side, images=asked.images or IMAGES[net])
            row = ledger.row(f"{net}, {augmented}, {side}, {number}", one)
            yield Measurement(net=net, augmented=augmented, side=side, round=number, **row)


def main() -> None:
    """Measure, print the table, and keep it if asked."""
    if sys.argv[1:2] == ["--measure"]:
        measure(*sys.argv[2:])
        return
    parser = frame.options(__doc__)
    parser.add_argument("--nets", nargs="+", choices=list(IMAGES), default=list(IMAGES))
    parser.add_argument("--sides", nargs="+", choices=list(SIDES), default=list(SIDES), help="besides mnist-bench's")
    parser.add_argument("--not-augmented", action="store_true", help="leave out augmented training")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--images", type=int, help="per measurement, a multiple of 6,000 (default: by net)")
    parser.add_argument("--name", default="peers", help="name of the files in --output")
    asked = parser.parse_args()
    made, load = frame.made(packages=["torchvision"]), frame.load_before()
    with frame.ledger(made) as ledger:
        found = [*measure_all(asked, ledger)]
    table = rows(found)
    figures = {
        **asdict(made), "load_before": load, "rows": [asdict(row) for row in table],
        "measurements": [asdict(one) for one in found],
    }  # fmt: skip
    frame.publish(asked.output, asked.name, page(table, asked.repeats, str(made)), figures)


if __name__ == "__main__":
    main()
