"""What other ways to compute a step would bring: the same step in turns, on one core, as it is and with one change.

    python benchmarks/step_levers.py                        the table, about five minutes on an idle machine
    python benchmarks/step_levers.py --output FOLDER        writes step-levers.md and .json there, too

Each way but `foreach` gives other bits, so that a net would have to ask for it by a setting of its own: what is
measured here decides whether one is worth having.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import cycle
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from mnist_bench import numerics, space_files
from mnist_bench.bench.nets import nets
from mnist_bench.config import Schedule, TrainConfig
from mnist_bench.data import DataOptions, Dataset, close_test_set, load_dataset
from mnist_bench.nets import set_dropout_generator
from mnist_bench.numerics import Precision
from mnist_bench.numerics.machine import sentence, this_machine
from mnist_bench.training import Batch, Learner, evaluate, make_learner, seeded, train_step
from mnist_bench.training.batches import batches

Way = Literal["foreach", "product", "folded"]
WAYS: Mapping[Way, str] = MappingProxyType(
    {
        "foreach": "averages and decay of all weights in a call each, their pairs looked up once",
        "product": "the first convolution as a matrix product over the patches of its one map",
        "folded": "batch normalisation folded into the convolution before it, in evaluations alone",
    }
)
Work = Callable[[], object]
WARM_UP = 2
"""Turns of each side that do not count."""
STEPS = 20
"""Of a turn."""
RECIPES = ("ladder/99.4", "ladder/99.6")
"""Beside the nets of `bench speed`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A net, computed as it is and in another way."""

    net: str
    way: Way
    milliseconds: float
    """Of a step, or of an evaluation of 10,000 images, as it is: the median of the rounds."""
    ratio: float
    """The other way's time as a share of it, in the same round: median, lowest, highest."""
    low: float
    high: float


class ProductConv(nn.Module):
    """A convolution of one map as a product: patches (N H W, k²) by weights (k², maps), in channels-last memory.

    Nobody asks for the gradient of its input, the pictures.
    """

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.weight, self.bias = convolution.weight, convolution.bias
        self.kernel = convolution.kernel_size[0]

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the maps (N, C, H, W) of pictures (N, 1, H, W)."""
        number, _, rows, columns = inputs.shape
        around = self.kernel // 2
        precise = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else inputs.dtype
        # (N, H + k - 1, W + k - 1), in the precision of the product, so that the patches are copied once.
        padded = functional.pad(inputs[:, 0].to(precise), (around,) * 4)
        patches = padded.unfold(1, self.kernel, 1).unfold(2, self.kernel, 1)  # (N, H, W, k, k), without a copy
        maps = functional.linear(patches.reshape(number * rows * columns, -1), self.weight.flatten(1), self.bias)
        return maps.view(number, rows, columns, -1).permute(0, 3, 1, 2)


def folded(model: nn.Sequential) -> nn.Sequential:
    """Return the net for evaluation, with each normalisation that follows a convolution at once folded into it."""
    layers: list[nn.Module] = []
    for layer in deepcopy(model).eval():
        if isinstance(layer, nn.BatchNorm2d) and layers and isinstance(layers[-1], nn.Conv2d):
            layers[-1] = fuse_conv_bn_eval(layers[-1], layer)
        else:
            layers.append(layer)
    return nn.Sequential(*layers)


class Net:
    """A net in training, on batches that were made before."""

    def __init__(self, config: TrainConfig, data: Dataset, precision: Precision) -> None:
        self.config, self.data, self.precision = config, data, precision
        self.schedule = Schedule(config=config, images=len(data.train))
        made = batches(self.schedule, data, 0, range(STEPS))
        self.batches = cycle([replace(batch, losses=None) for batch in made])

    def learner(self) -> Learner:
        """Return a new learner."""
        found = make_learner(self.schedule, seeded(0, "init"), self.data.device, self.data.form)
        set_dropout_generator(found.model, seeded(0, "dropout", 1, device="cpu"))
        found.model.train()
        return found

    def ways(self) -> Iterator[tuple[Way, Work, Work]]:
        """Yield each way that changes this net: what it does as it is, and what it does then."""
        learner = self.learner()
        model = cast(nn.Sequential, learner.model)  # as all nets of ours are
        if learner.average or self.config.optim.weight_decay:
            yield "foreach", partial(self.steps, self.learner()), self.with_foreach(self.learner())
        if isinstance(model[0], nn.Conv2d):
            model[0] = ProductConv(model[0])
            yield "product", partial(self.steps, self.learner()), partial(self.steps, learner)
        stock = cast(nn.Sequential, self.learner().model)
        if len(fused := folded(stock)) < len(stock):
            yield "folded", self.evaluation(stock), self.evaluation(fused)

    def steps(self, learner: Learner) -> None:
        """Take the steps of a turn."""
        for _ in range(STEPS):
            self.step(learner, self.config, next(self.batches))

    def step(self, learner: Learner, config: TrainConfig, batch: Batch) -> None:
        """Take a step."""
        train_step(learner, config.optim, batch, self.schedule.lr(batch.step), self.precision)

    def with_foreach(self, learner: Learner) -> Work:
        """Return a turn whose averages and decay are moved here, in a call each."""
        bare = replace(learner, average={})
        config = replace(self.config, optim=replace(self.config.optim, weight_decay=0.0))
        state = learner.model.state_dict()
        averages, newest = list(learner.average.values()), [state[name] for name in learner.average]
        weights: list[Tensor] = [weight for weight in learner.model.parameters() if weight.ndim > 1]

        @torch.no_grad()
        def move(batch: Batch) -> None:
            if self.config.optim.weight_decay:
                torch._foreach_mul_(weights, 1 - self.schedule.lr(batch.step) * self.config.optim.weight_decay)
            if averages:
                torch._foreach_lerp_(averages, newest, 0.01)

        def turn() -> None:
            for _ in range(STEPS):
                batch = next(self.batches)
                self.step(bare, config, batch)
                move(batch)

        return turn

    def evaluation(self, model: nn.Module) -> Work:
        """Return an evaluation of the validation images."""
        return lambda: evaluate(model, self.data, self.precision)


def compared(stock: Work, other: Work, rounds: int) -> list[tuple[float, float]]:
    """Return the seconds of both sides, which take turns."""
    timed = [(_seconds(stock), _seconds(other)) for _ in range(WARM_UP + rounds)]
    return timed[WARM_UP:]


def _seconds(work: Work) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def row(net: str, way: Way, timed: Sequence[tuple[float, float]]) -> Row:
    """Return what was measured."""
    parts = 1 if way == "folded" else STEPS
    ratios = [other / stock for stock, other in timed]
    milliseconds = 1000 * median(stock for stock, _ in timed) / parts
    return Row(net=net, way=way, milliseconds=milliseconds, ratio=median(ratios), low=min(ratios), high=max(ratios))


def markdown(rows: Sequence[Row], machine: str, rounds: int) -> str:
    """Return the table as a page."""
    lines = [
        "# Other ways to compute a step",
        "",
        f"`python benchmarks/step_levers.py` on one core, {machine};",
        f"both sides in turns, the middle of {rounds} rounds and their ends. Times are of a step as it is; for",
        "`folded`, of an evaluation of 10,000 images.",
        "",
        *(f"- {way}: {words}" for way, words in WAYS.items()),
        "",
        "| net | way | as it is, ms | the other way | |",
        "|---|---|--:|--:|---|",
        *(
            f"| {one.net} | {one.way} | {one.milliseconds:.1f} | ×{one.ratio:.3f} | {one.low:.2f} to {one.high:.2f} |"
            for one in rows
        ),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print the table, and keep it where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--output", type=Path, help="a folder, made where it is missing")
    asked = parser.parse_args()
    close_test_set()
    device = numerics.setup("cpu")
    precision = numerics.choose_precision(device, "auto")
    data = load_dataset(DataOptions(), device)
    some = replace(data, validation=data.validation[:10_000])
    configs = {**nets(), **{name: space_files.recipe(space_files.load(name)) for name in RECIPES}}
    rows = [
        row(name, way, compared(stock, other, asked.rounds))
        for name, config in configs.items()
        for way, stock, other in Net(config, some, precision).ways()
    ]
    machine = this_machine(device, precision)
    page = markdown(rows, sentence(machine), asked.rounds)
    print(page)
    if asked.output:
        asked.output.mkdir(parents=True, exist_ok=True)
        (asked.output / "step-levers.md").write_text(page)
        figures = {"machine": asdict(machine), "rounds": asked.rounds, "rows": [asdict(one) for one in rows]}
        (asked.output / "step-levers.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
