"""Accuracy on photos of digits under uneven light, with and without the local estimate of the paper.

    python benchmarks/shadows.py --publish results/published

The photos are made of MNIST's validation images: handwriting of any size and place on paper, dark on light and light
on dark, lit in six ways, with noise. "Cut" photos end at the digit, so that it touches their border. The network is the
published conv-0/48. The test set stays closed. It takes about 4 minutes on 2 cores.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pages
import torch
from numpy.typing import NDArray
from PIL import Image

from mnist_bench.data.mnist import DataOptions
from mnist_bench.data.tensors import load_dataset
from mnist_bench.prediction.light import lit_evenly
from mnist_bench.prediction.model import Model, load_model
from mnist_bench.prediction.preparation import prepare

WEIGHTS = Path(__file__).parents[1] / "results/published/studies/conv-0/weights/48.safetensors"
SOFTNESS = {"a shadow's sharp edge": 0.004, "a shadow's soft edge": 0.08, "a shadow's wide edge": 0.3}
"""Width of an edge, as a share of half of the photo."""
LIGHTS = ("even light", "even light, cut", "a gradient", "a vignette", *SOFTNESS)
Grey = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class LightRow:
    """How many photos of a kind are read right."""

    light: str
    ink: str
    """Dark on light, or light on dark."""
    photos: int
    before: int
    """Read right by `prepare` alone."""
    after: int
    """Read right with `lit_evenly`."""
    lost: int
    """Read right before, and wrong after."""


def brightness_of(light: str, shape: tuple[int, int], draw: np.random.Generator) -> Grey:
    """Return the share of the light that reaches each pixel, (H, W)."""
    height, width = shape
    down, right = np.mgrid[0:height, 0:width].astype(float)
    turn = draw.uniform(0, 2 * np.pi)
    along = ((right - width / 2) * np.cos(turn) + (down - height / 2) * np.sin(turn)) / (max(shape) / 2)
    if light == "a gradient":
        return np.asarray(1 - draw.uniform(0.3, 0.6) * (along + 1) / 2)
    if light == "a vignette":
        x, y = width * draw.uniform(0.3, 0.7), height * draw.uniform(0.3, 0.7)
        squares = ((right - x) / (width / 2)) ** 2 + ((down - y) / (height / 2)) ** 2
        return np.asarray(1 - draw.uniform(0.3, 0.6) * squares / 2.5)
    if light in SOFTNESS:
        steps = np.clip((along - draw.uniform(-0.5, 0.5)) / SOFTNESS[light], -50, 50)
        return np.asarray(1 - draw.uniform(0.35, 0.6) / (1 + np.exp(-steps)))
    return np.ones(shape)


def photo(digit: Grey, light: str, draw: np.random.Generator, *, dark: bool) -> Grey:
    """Return a photo of a digit, (H, W), 0 to 255, with sides of 150 to 400 pixels."""
    height, width = (int(side) for side in draw.integers(150, 400, 2))
    size = int(min(height, width) * draw.uniform(0.3, 0.9))
    drawn = Image.fromarray(digit.astype(np.uint8)).resize((size, size), Image.Resampling.BICUBIC)
    ink = np.zeros((height, width))
    top, left = int(draw.integers(0, height - size + 1)), int(draw.integers(0, width - size + 1))
    ink[top : top + size, left : left + size] = np.asarray(drawn, np.float64) / 255
    if light.endswith("cut"):
        rows, columns = np.flatnonzero(ink.max(1) > 0.3), np.flatnonzero(ink.max(0) > 0.3)
        ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 9]
    contrast = draw.uniform(0.6, 0.9)
    paper = 0.95 * (1 - contrast * ink) if dark else 0.12 + 0.8 * contrast * ink
    seen = paper * brightness_of(light, (ink.shape[0], ink.shape[1]), draw) * 255 * draw.uniform(0.8, 1)
    return np.clip(seen + draw.normal(0, draw.uniform(0, 5), seen.shape), 0, 255).round()


def right(model: Model, photos: Sequence[Grey], labels: NDArray[Any], way: Callable[[Grey], Any]) -> NDArray[np.bool_]:
    """Return which photos are read right; one that is refused as empty is wrong."""
    seen = np.zeros((len(photos), 28, 28), np.float32)
    refused = np.ones(len(photos), bool)
    for number, picture in enumerate(photos):
        with suppress(ValueError):
            seen[number] = prepare(way(picture))
            refused[number] = False
    return np.asarray((model.probabilities(seen).argmax(1) == labels) & ~refused)


def rows(count: int) -> Iterator[LightRow]:
    """Yield a row per light and ink, each from the same digits."""
    model = load_model(WEIGHTS)
    data = load_dataset(DataOptions(), torch.device("cpu"))
    chosen = data.validation[:count]
    digits, labels = data.pixels(chosen)[:, 0].double().numpy(), data.labels[chosen].numpy()
    for light in LIGHTS:
        for dark in (True, False):
            draw = np.random.default_rng(LIGHTS.index(light))
            photos = [photo(digit, light, draw, dark=dark) for digit in digits]
            before, after = (right(model, photos, labels, way) for way in (np.asarray, lit_evenly))
            yield LightRow(
                light=light, ink="dark on light" if dark else "light on dark", photos=count, before=int(before.sum()),
                after=int(after.sum()), lost=int((before & ~after).sum()),
            )  # fmt: skip


def text(found: Sequence[LightRow]) -> str:
    """Return the page that is published."""
    lines = [
        "# Photos of digits under uneven light", "",
        f"`python benchmarks/shadows.py` on {pages.machine('fp32')}. Network: conv-0/48. Each row has "
        f"{found[0].photos} photos made of validation images. Without the local estimate, the median of the border is "
        "the paper.", "",
        *pages.table(
            ["light", "ink", "without:", "with the local estimate:", "right without, wrong with:"],
            [
                (row.light, row.ink, f"{row.before / row.photos:.1%}", f"{row.after / row.photos:.1%}", str(row.lost))
                for row in found
            ],
        ), "",
    ]  # fmt: skip
    return "\n".join(lines)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description="How well are digits read under uneven light?")
    parser.add_argument("--photos", type=int, default=200, help="photos per row")
    parser.add_argument("--publish", type=Path, metavar="DIR", help="write shadows.md and shadows.json there")
    asked = parser.parse_args()
    found = []
    for row in rows(asked.photos):
        found.append(row)
        print(row, flush=True)
    page = text(found)
    print(page)
    if asked.publish is not None:
        pages.write(asked.publish, "shadows", page, {"rows": [asdict(row) for row in found]})


if __name__ == "__main__":
    main()
