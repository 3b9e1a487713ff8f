"""Peers' loops and ours in one run: equal nets, equal batches, both augmented or both not, on one machine.

    python benchmarks/peers/speed.py                                the table, about 35 minutes on 2 cores
    python benchmarks/peers/speed.py --nets two-conv --repeats 1    a part of it
    python benchmarks/peers/speed.py --output results/published     writes peers.md and peers.json there

Every measurement is a process of its own with an epoch to warm up. The sides take turns, so that what slows the machine
down for a while slows all of them; a ratio is taken within each round, and the middle one is quoted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median

import measured

from mnist_bench.numerics.machine import sentence

EPOCH = 60_000
FOLDER = Path(__file__).parent
OURS = "ours"
PLAIN = ("plain, 0 workers", "plain, 2 workers")
"""The one that is faster with a net is what people can have."""
KERAS = "keras"
SIDES: Mapping[str, tuple[str, ...]] = {
    OURS: ("ours.py",),
    PLAIN[0]: ("plain.py", "--workers", "0"),
    PLAIN[1]: ("plain.py", "--workers", "2"),
    KERAS: ("keras_loop.py",),
    "ours, float32": ("ours.py", "--precision", "fp32"),
}
"""The scripts of the sides, in the order in which they take turns."""


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
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
    quoted: bool = True
    """False for the plain loop with the number of workers that is the slower beside ours with this net."""


def rows(measurements: Sequence[Measurement]) -> list[Row]:
    """Return a row for each net and side, in the order of their first measurements."""
    epochs: dict[tuple[str, bool, str], dict[int, float]] = {}
    for one in measurements:
        epochs.setdefault((one.net, one.augmented, one.side), {})[one.round] = one.epoch
    table = [_row(*key, found, epochs[*key[:2], OURS]) for key, found in epochs.items()]
    return [replace(row, quoted=_is_quoted(row, table)) for row in table]


def _row(net: str, augmented: bool, side: str, found: Mapping[int, float], ours: Mapping[int, float]) -> Row:
    seconds = list(found.values())
    ratios = [epoch / ours[number] for number, epoch in found.items()]
    return Row(
        net=net, augmented=augmented, side=side,
        epoch=median(seconds), lowest=min(seconds), highest=max(seconds),
        ratio=median(ratios), lowest_ratio=min(ratios), highest_ratio=max(ratios),
    )  # fmt: skip


def _is_quoted(row: Row, table: Sequence[Row]) -> bool:
    plain = [one.ratio for one in table if one.side in PLAIN and (one.net, one.augmented) == (row.net, row.augmented)]
    return row.side not in PLAIN or row.ratio == min(plain)


def markdown(table: Sequence[Row], repeats: int, hardware: str) -> str:
    """Return the table as a page."""
    lines = [
        "# Peers' loops beside ours",
        "",
        f"Seconds for training on 60,000 images and evaluating 10,000, on {hardware};",
        f"the middle of {repeats} rounds, the lowest and the highest. Times ours: within a round.",
        "Ours is a training on every core at once, in bfloat16 where the machine has it; the others compute in",
        "float32, one training on all cores. Of the plain loop the faster number of loading processes is in bold.",
        "",
        "| net | augmented | side | seconds | | times ours | |",
        "|---|---|---|--:|---|--:|---|",
    ]
    return "\n".join([*lines, *map(_line, table)]) + "\n"


def _line(row: Row) -> str:
    quoted = row.side in PLAIN and row.quoted
    ratio = f"**{row.ratio:.2f}**" if quoted else f"{row.ratio:.2f}"
    spread = f"{row.lowest:.1f} – {row.highest:.1f} | {ratio} | {row.lowest_ratio:.2f} – {row.highest_ratio:.2f}"
    return f"| {row.net} | {'yes' if row.augmented else 'no'} | {row.side} | {row.epoch:.1f} | {spread} |"


def measure(net: str, *, augmented: bool, side: str, images: int, number: int) -> Measurement:
    """Run one side's script and return what it says."""
    script, *options = SIDES[side]
    asked = [net, "--images", str(images), *options, *(["--augmented"] if augmented else [])]
    done = subprocess.run([sys.executable, FOLDER / script, *asked], stdout=subprocess.PIPE, text=True, check=True)
    said = json.loads(done.stdout.splitlines()[-1])
    epoch = said["seconds"] * EPOCH / said["images"]
    kind = f"{net}, augmented" if augmented else net
    print(f"{kind}, round {number}: {side} {epoch:.1f} s", file=sys.stderr, flush=True)
    return Measurement(net=net, augmented=augmented, side=side, round=number, epoch=epoch, accuracy=said["accuracy"])


def arguments() -> argparse.Namespace:
    """Return what to measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nets", nargs="+", choices=list(measured.IMAGES), default=list(measured.IMAGES))
    parser.add_argument(
        "--sides", nargs="+", choices=list(SIDES), default=list(SIDES), help="ours is always among them"
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--images", type=int, help="of a measurement, a multiple of 6,000; left out, each net's own")
    parser.add_argument("--output", type=Path, help="a folder, made where it is missing")
    return parser.parse_args()


def measure_all(asked: argparse.Namespace) -> list[Measurement]:
    """Let the sides take turns, net by net."""
    sides = [side for side in SIDES if side == OURS or side in asked.sides]
    return [
        measure(net, augmented=augmented, side=side, images=asked.images or measured.IMAGES[net], number=number)
        for net in asked.nets
        for number in range(1, asked.repeats + 1)
        for augmented in (True, False)
        for side in sides
        if side != KERAS or net != "two-conv"
    ]


def main() -> None:
    """Measure, print the table, and keep it where asked."""
    asked = arguments()
    hardware, load = measured.machine("torchvision", "keras"), measured.load_before()
    found = measure_all(asked)
    table = rows(found)
    page = markdown(table, asked.repeats, sentence(hardware))
    print(page)
    if asked.output:
        measured.keep(
            asked.output, "peers", page, machine=asdict(hardware), load_before=load,
            rows=[asdict(row) for row in table], measurements=[asdict(one) for one in found],
        )  # fmt: skip


if __name__ == "__main__":
    main()
