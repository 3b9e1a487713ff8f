"""Measure ensembles: several networks trained alike with different seeds, or of different recipes.

    python benchmarks/ensembles.py train ladder/99.6 --nets 20 --minutes 60    train what is missing on all images
    python benchmarks/ensembles.py page                                        ensembles.md and ensembles.json

A network's probabilities on the test images are kept in ensembles/ in the folder of `--output`, in steps of 1/65535, so
that ensembles are made without another training. `mnist-bench bench ladder` finds the same trainings, and trains none
of them again. The same command resumes an interrupted run. An ensemble averages the probabilities of its networks.
Which networks belong to an ensemble follows from the recipe's name and their seeds alone: the test images choose
nothing.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from statistics import fmean

import numpy as np
import pages
from numpy.typing import NDArray
from publish import FOLDER
from time_limit import stopping_after

from mnist_bench.cells import percent
from mnist_bench.cli.experiments.runner import Lines
from mnist_bench.config.json import config_hash
from mnist_bench.config.settings import TrainConfig
from mnist_bench.data.mnist import DataOptions
from mnist_bench.data.test_set import open_test_set
from mnist_bench.errors import Stopped
from mnist_bench.experiments import ladder
from mnist_bench.experiments.grid import ResultsWorkplace, product
from mnist_bench.experiments.test_set_scores import open_scored_grid
from mnist_bench.nets.architecture import plan_layers
from mnist_bench.nets.size import training_macs
from mnist_bench.space_files import space_sources
from mnist_bench.statistics.inference import share_interval
from search.driver.tasks import Task
from search.errors import SearchError, UsageError
from search.files import atomic_write, make_folder
from search.trainer_api import Report

STEPS = 65535
"""Steps of a kept probability."""
SIZES = (2, 5, 10)
DRAWS = 5
"""Ensembles of each size, whose networks are drawn at random; one, if all networks are in it."""
OTHERS = (("ttdoucet/mnist, its notebook", 10, 0.9982, 47_300_000, 13_040e12),)
"""Published ensembles: source, networks, test accuracy of one ensemble, parameters, operations of the trainings."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Member:
    """A trained network."""

    recipe: str
    seed: int
    parameters: int
    """Weights, biases and running statistics."""
    flop: float
    """Floating-point operations of its training."""
    probabilities: NDArray[np.uint16]
    """(N, classes), in steps of 1/65535."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ensembles:
    """The results of the ensembles of one size."""

    recipe: str
    """Names of the recipes, if there are several."""
    size: int
    errors: tuple[int, ...]
    """Test images that each ensemble gets wrong."""
    images: int
    parameters: float
    """Weights, biases and running statistics of all networks of an ensemble, on average."""
    flop: float
    """Floating-point operations of the trainings of all networks of an ensemble, on average."""

    @property
    def mean(self) -> float:
        """Mean accuracy, 0..1."""
        return 1 - fmean(self.errors) / self.images


def train(recipe: str, nets: int, stopping: Callable[[], bool], output: Path, workers: int) -> None:
    """Train the first `nets` networks of a recipe on all images, and keep their probabilities on the test images.

    Raises:
        SearchError: there is no such recipe; and as `open_scored_grid`.
    """
    name = pages.recipe_name(recipe)
    config = space_sources.recipe(space_sources.load(recipe, ["train_on=all"]))
    seeds = [ladder.seed_of(number) for number in range(nets)]
    folder = output / "ensembles"
    make_folder(folder)
    missing = [seed for seed in seeds if not _file(folder, config, seed).exists()]
    place = ResultsWorkplace(workers=workers)
    with open_scored_grid(
        ladder.FOLDER, "The ladder", Lines(stopping), place, data=place.data,
        purpose=f"benchmarks/ensembles.py: {recipe}, {nets} networks", precision="auto", lanes=1,
    ) as (grid, scores):  # fmt: skip
        scored = ladder.scoring(scores, workers)

        def on_period(task: Task, period: int, report: Report, state: bytes) -> Report:
            if period == len(task.costs) and not report.end:
                found = np.rint(scores.probabilities(task, state).cpu().numpy() * STEPS).astype(np.uint16)
                content = BytesIO()
                np.savez_compressed(
                    content, probabilities=found, recipe=name, seed=task.seed,
                    config=config_hash(config), parameters=plan_layers(config.model).parameters,
                    flop=ladder.training_flop(training_macs(config, grid.data.split.images)),
                )  # fmt: skip
                atomic_write(_file(folder, config, task.seed), content.getvalue())
            return scored(task, period, report, state)

        curves = grid.train(product({name: config}, missing), on_period=on_period)
    ended = [seed for (_, seed), curve in curves.items() if curve[-1].end is None]
    if lost := [seed for seed in ended if not _file(folder, config, seed).exists()]:
        where = place.results / ladder.FOLDER
        raise UsageError(f"{recipe}, seeds {lost}: trained without probabilities. Remove {where} to train again.")


def _file(folder: Path, config: TrainConfig, seed: int) -> Path:
    return folder / f"{config_hash(config)[:12]}-{seed}.npz"


def kept(folder: Path) -> list[Member]:
    """Return the networks of a folder, by recipe, in the order of the ladder's seeds.

    Raises:
        UsageError: a recipe was changed, so that the folder holds networks of two recipes with one name.
    """
    order = {ladder.seed_of(number): number for number in range(1000)}
    found, configs = [], dict[str, set[str]]()
    for path in folder.glob("*.npz"):
        with np.load(path) as file:
            configs.setdefault(str(file["recipe"]), set()).add(str(file["config"]))
            found.append(
                Member(
                    recipe=str(file["recipe"]), seed=int(file["seed"]), parameters=int(file["parameters"]),
                    flop=float(file["flop"]), probabilities=file["probabilities"],
                )
            )  # fmt: skip
    if changed := sorted(name for name, hashes in configs.items() if len(hashes) > 1):
        raise UsageError(f"{folder}: holds networks of several recipes named {changed}; remove those of the earlier.")
    return sorted(found, key=lambda member: (member.recipe, order[member.seed]))


def errors(members: Sequence[Member], labels: NDArray[np.int64]) -> int:
    """Return how many images the networks get wrong together: by the sum of their probabilities."""
    together = np.sum([member.probabilities.astype(np.uint32) for member in members], axis=0)
    return int((together.argmax(1) != labels).sum())


def ensembles(name: str, members: Sequence[Member], labels: NDArray[np.int64]) -> Iterator[Ensembles]:
    """Yield single networks, then the ensembles of each size that the networks suffice for."""
    draw = random.Random(name)  # noqa: S311
    for size in (1, *(size for size in SIZES if size <= len(members))):
        groups = (
            [[member] for member in members]
            if size == 1
            else [_drawn(members, size, draw) for _ in range(DRAWS if size < len(members) else 1)]
        )
        yield Ensembles(
            recipe=name, size=size, errors=tuple(errors(group, labels) for group in groups), images=len(labels),
            parameters=fmean(sum(member.parameters for member in group) for group in groups),
            flop=fmean(sum(member.flop for member in group) for group in groups),
        )  # fmt: skip


def _drawn(members: Sequence[Member], size: int, draw: random.Random) -> list[Member]:
    """Return an ensemble in the order of `members`, with networks of each recipe in turn."""
    rest = draw.sample(list(members), len(members))
    taken: list[Member] = []
    while len(taken) < size:
        turns = {member.recipe: member for member in reversed(rest)}  # the first of each recipe
        taken += list(turns.values())[: size - len(taken)]
        rest = [member for member in rest if member not in taken]
    return taken


def rows(found: Sequence[Ensembles]) -> Iterator[list[str]]:
    """Yield the rows of the table."""
    for one in found:
        interval = share_interval([1 - wrong / one.images for wrong in one.errors], step=1 / one.images)
        ends = f" [{percent(interval[0])}, {percent(interval[1])}]" if one.size == 1 and interval else ""
        yield [
            one.recipe, str(one.size), str(len(one.errors)), percent(one.mean) + ends,
            f"{percent(1 - max(one.errors) / one.images)} to {percent(1 - min(one.errors) / one.images)}",
            f"{one.parameters:,.0f}", f"{one.flop / 1e12:,.3g}",
        ]  # fmt: skip
    for source, size, accuracy, parameters, flop in OTHERS:
        yield [source, str(size), "1", percent(accuracy), "", f"{parameters:,}", f"{flop / 1e12:,.0f}"]


def write(output: Path, mixed: Sequence[Sequence[str]]) -> None:
    """Write the page of the networks that are kept; `mixed` names recipes whose networks make ensembles together."""
    members = kept(output / "ensembles")
    opened = open_test_set(
        DataOptions(), purpose="benchmarks/ensembles.py page", ledgers=[ResultsWorkplace().ledger],
    )  # fmt: skip
    labels = opened.labels.astype(np.int64)
    recipes = sorted({member.recipe for member in members})
    found = [
        one
        for recipe in recipes
        for one in ensembles(recipe, [member for member in members if member.recipe == recipe], labels)
    ]
    for together in mixed:
        chosen = [member for member in members if member.recipe in together]
        found += [one for one in ensembles(", ".join(together), chosen, labels) if one.size > 1]
    heads = ["recipe", "networks:", "ensembles:", "test accuracy, mean:", "range:", "parameters:", "TFLOP:"]
    text = "\n".join(
        [
            "# Ensembles",
            "",
            f"`python benchmarks/ensembles.py page` on {pages.machine()}.",
            "",
            "Networks trained on all 60,000 images with different seeds. An ensemble averages their probabilities. The "
            "networks of an ensemble are drawn at random. Ensembles share networks, so their mean has no "
            "interval. If there are several recipes, an ensemble takes networks of each in turn. TFLOP: "
            "operations of all trainings of an ensemble, in 10^12, 6 per multiply-accumulate.",
            "",
            *pages.table(heads, rows(found)),
            "",
        ]
    )
    seeds = {recipe: [member.seed for member in members if member.recipe == recipe] for recipe in recipes}
    pages.write(output, "ensembles", text, {"seeds": seeds, "ensembles": [asdict(one) for one in found]})


def main(arguments: Sequence[str]) -> None:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="what", required=True)
    training, page = kinds.add_parser("train"), kinds.add_parser("page")
    training.add_argument("recipe", help="a space file without ranges, or the name of a shipped one")
    training.add_argument("--nets", type=int, default=20)
    training.add_argument("--minutes", type=float, default=95, help="of this command; the same command resumes")
    training.add_argument("--workers", type=int, default=2)
    page.add_argument("--mix", nargs="+", action="append", default=[], metavar="RECIPE", help="ensembles of several")
    for kind in (training, page):
        kind.add_argument("--output", type=Path, default=FOLDER, help="folder of the results")
    asked = parser.parse_args(arguments)
    try:
        if asked.what == "train":
            with stopping_after(asked.minutes) as stopping:
                train(asked.recipe, asked.nets, stopping, asked.output, asked.workers)
        else:
            write(asked.output, asked.mix)
    except Stopped:
        sys.exit("Stopped; the same command resumes.")
    except SearchError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
