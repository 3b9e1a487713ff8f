"""Measure what a setting brings: train a recipe with and without it, on validation images, in pairs of seeds.

    python benchmarks/levers.py train RECIPE --lever muon optim.optimizer=muon optim.lr=0.1 --seeds 20 --minutes 90
    python benchmarks/levers.py tables                                   levers.md and levers.json

RECIPE is a space file without ranges, or the name of a shipped one; `--set NAME=VALUE` changes it. It trains on the
split of a search, because a lever is kept or not before the test images are seen. Each training is a line of
levers.jsonl in the folder of `--output`, from which `tables` writes. The same command resumes an interrupted run. A
training that the file holds is not repeated.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

import pages
from publish import FOLDER
from time_limit import stopping_after

from mnist_bench.cli.experiments.runner import Lines
from mnist_bench.config.json import config_hash
from mnist_bench.config.settings import TrainConfig
from mnist_bench.data.mnist import DataOptions
from mnist_bench.errors import Stopped
from mnist_bench.experiments.grid import Grid, TrainingRun, open_grid, product, validation_errors
from mnist_bench.space_files import space_sources
from mnist_bench.statistics.paired import paired
from search import canonical_json
from search.errors import SearchError, UsageError
from search.files import append_line, make_folder, whole_lines
from search.study.folder import WorkFolder
from search.trainer_api import Report

WITHOUT = "without"
"""The name of the unchanged recipe in the ledger."""
LEDGER = "levers.jsonl"
MEASURED = 10
"""Pairs from which a comparison counts as a measurement; with fewer, it serves to choose candidates."""
WORK = Path("results/_levers")

Key = tuple[str, str, int, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Trained:
    """One training: a line of the ledger."""

    recipe: str
    """Its name, with what `--set` changed."""
    baseline: str
    """SHA-256 of the recipe's configuration without a lever."""
    data: str
    """SHA-256 over the images and their split."""
    task: str | None
    lever: str
    changes: tuple[str, ...]
    config: str
    """SHA-256 of the configuration that was trained."""
    seed: int
    errors: int | None
    """Misclassified validation images after the last period; None if training diverged."""
    images: int
    """Validation images."""
    cost: float
    """Estimated seconds, by which a search orders its events."""
    seconds: float
    """Measured seconds; they are of use if the machine did nothing else."""
    weights: str
    canary: str

    @property
    def training(self) -> Key:
        """The identity of a training."""
        return self.data, self.config, self.seed, self.canary

    @property
    def without(self) -> Key:
        """The training without the lever that it is paired with."""
        return self.data, self.baseline, self.seed, self.canary


@dataclass(frozen=True, kw_only=True, slots=True)
class Brought:
    """What a lever brings to a recipe."""

    recipe: str
    task: str | None
    lever: str
    changes: tuple[str, ...]
    pairs: int
    diverged: int
    """Pairs of which one training diverged: they are not among the others."""
    errors_without: float | None
    """Mean validation errors."""
    errors_with: float | None
    difference: float | None
    """Mean of with minus without, in validation errors; below 0 the lever helps."""
    low: float | None
    """Ends of Student's 95% interval for it; None with fewer than two pairs."""
    high: float | None
    p_value: float | None
    images: int
    cost_ratio: float
    """Estimated time with the lever, as a share of that without."""
    seconds_ratio: float
    """Measured time, likewise."""
    canary: str
    """Of the machines that trained: equal kinds of processors with equal versions have the same one."""


def trained(ledger: Path) -> list[Trained]:
    """Return the trainings of a ledger."""
    return [Trained(**{**values, "changes": tuple(values["changes"])}) for _, values in whole_lines(ledger)]


def configs(recipe: str, assignments: Sequence[str], levers: Mapping[str, Sequence[str]]) -> dict[str, TrainConfig]:
    """Return the configuration without a lever, then with each one.

    Raises:
        UsageError: a lever changes nothing in the recipe.
        SpaceError: see `space_files.load` and `space_files.recipe`.
    """
    found = {
        name: space_sources.recipe(space_sources.load(recipe, [*assignments, "train_on=search_split", *changes]))
        for name, changes in {WITHOUT: (), **levers}.items()
    }
    for name in levers:
        if found[name] == found[WITHOUT]:
            raise UsageError(f"{name}: changes nothing in {recipe}.")
    return found


@dataclass(frozen=True, kw_only=True)
class Training:
    """Trainings of a recipe with levers, which are added to a ledger."""

    recipe: str
    assignments: tuple[str, ...]
    levers: Mapping[str, Sequence[str]]
    """The assignments of each lever, or of several together, by name."""
    subset: int | None
    """Number of training images to use, validation included; None for all."""
    ledger: Path
    workers: int

    @cached_property
    def configurations(self) -> Mapping[str, TrainConfig]:
        """The configurations by lever, see `configs`."""
        return configs(self.recipe, self.assignments, self.levers)

    @cached_property
    def _name(self) -> str:
        return " ".join([pages.recipe_name(self.recipe), *self.assignments])

    def run(self, stopping: Callable[[], bool], wanted: Callable[[str, int], bool], seeds: Sequence[int]) -> None:
        """Train what the ledger lacks, a seed per worker at a time, until all is there or `stopping` says so.

        `wanted` says whether a lever is trained with a seed.

        Raises:
            SearchError: the recipe or a lever is malformed; and as `open_grid`.
        """
        runs = [run for run in product(self.configurations, seeds) if wanted(run.name, run.seed)]
        make_folder(self.ledger.parent)
        observer, data = Lines(stopping), DataOptions(subset=self.subset)
        with open_grid(WORK, "levers", observer, data=data, workers=self.workers) as grid, suppress(Stopped):
            rows = trained(self.ledger)
            for start in range(0, len(seeds), self.workers):
                together = seeds[start : start + self.workers]
                self._train(grid, [run for run in runs if run.seed in together], rows)

    def _train(self, grid: Grid, runs: Sequence[TrainingRun], rows: Sequence[Trained]) -> None:
        """Train what the rows of the ledger lack of these runs, and add it."""
        known = {(row.recipe, row.lever, row.changes, row.training) for row in rows}
        by_training = {row.training: row for row in rows}
        fresh = []
        for run in runs:
            row = self._row(grid, run)
            if (row.recipe, row.lever, row.changes, row.training) in known:
                continue
            if same := by_training.get(row.training):  # trained for another comparison
                self._add(row, {name: getattr(same, name) for name in ("errors", "seconds", "weights")})
            else:
                fresh.append((run, row))
        if not fresh:
            return
        curves = grid.train([run for run, _ in fresh])
        for run, row in fresh:
            self._add(row, _figures(curves[run.name, run.seed]))
        for path in WorkFolder(WORK).checkpoints.iterdir():  # the ledger has all figures
            path.unlink()

    def _add(self, row: Trained, figures: Mapping[str, Any]) -> None:
        append_line(self.ledger, canonical_json.dumps({**asdict(row), **figures}))

    def _row(self, grid: Grid, run: TrainingRun) -> Trained:
        """Return the line of a run, still without its results."""
        return Trained(
            recipe=self._name, baseline=config_hash(self.configurations[WITHOUT]),
            data=canonical_json.sha256([grid.data.data_hash, grid.data.split.digest]), lever=run.name,
            task=None if self.subset is None else f"mnist-{self.subset}",
            changes=tuple(self.levers.get(run.name, ())), config=config_hash(run.config), seed=run.seed, errors=None,
            images=len(grid.data.split.validation), cost=sum(grid.task_of(run).costs) / 1e6, seconds=0, weights="",
            canary=grid.numerics["canary"],
        )  # fmt: skip


def _figures(reports: Sequence[Report]) -> dict[str, Any]:
    seconds = round(sum(report.seconds for report in reports), 3)
    return {"errors": validation_errors(reports), "seconds": seconds, "weights": reports[-1].weights}


def brought(rows: Sequence[Trained]) -> Iterator[Brought]:
    """Yield what each lever brings to each recipe, in the order in which they were first trained.

    Two levers of the same configuration remain apart: one chooses it, the other confirms it with fresh seeds. So do two
    kinds of machines.
    """
    by_training = {row.training: row for row in rows}
    groups: dict[tuple[str, ...], dict[Key, Trained]] = {}
    for row in rows:
        if row.lever != WITHOUT:
            groups.setdefault((row.data, row.baseline, row.config, row.lever, row.canary), {})[row.training] = row
    for with_it in groups.values():
        pairs = [(by_training[row.without], row) for row in with_it.values() if row.without in by_training]
        if pairs:
            yield _brought(pairs)


def _brought(pairs: Sequence[tuple[Trained, Trained]]) -> Brought:
    first = pairs[0][1]
    ended = [(bare.errors, pulled.errors) for bare, pulled in pairs]
    whole = [(bare, pulled) for bare, pulled in ended if bare is not None and pulled is not None]
    differences = [float(pulled - bare) for bare, pulled in whole]
    sure = paired(differences, 1) if len(differences) > 1 else None
    return Brought(
        recipe=first.recipe, task=first.task, lever=first.lever, changes=first.changes, pairs=len(whole),
        diverged=len(pairs) - len(whole), errors_without=fmean(bare for bare, _ in whole) if whole else None,
        errors_with=fmean(pulled for _, pulled in whole) if whole else None,
        difference=fmean(differences) if whole else None, low=sure.low if sure else None,
        high=sure.high if sure else None, p_value=sure.p_value if sure else None, images=first.images,
        cost_ratio=sum(pulled.cost for _, pulled in pairs) / sum(bare.cost for bare, _ in pairs),
        seconds_ratio=sum(pulled.seconds for _, pulled in pairs) / sum(bare.seconds for bare, _ in pairs),
        canary=first.canary,
    )  # fmt: skip


def page(rows: Sequence[Brought]) -> str:
    """Return the table as Markdown."""
    heads = [
        "recipe", "images", "lever", "changes", "pairs:", "without:", "with:", "difference:", "p:", "cost:", "seconds:",
        "numerics",
    ]  # fmt: skip
    sections = {
        f"## {MEASURED} pairs or more": [row for row in rows if row.pairs >= MEASURED],
        "## Candidates, with fewer pairs": [row for row in rows if row.pairs < MEASURED],
    }
    return "\n".join(
        [
            "# What each lever brings",
            "",
            f"`python benchmarks/levers.py tables`, written on {pages.machine()}. A lever is one setting or several, "
            "with and without which a recipe is trained.",
            "",
            "Validation errors with the lever minus those without, paired by seed, with Student's 95% interval of each "
            "comparison alone. Below 0, the lever reduces errors. Cost: the estimated cost of a training. Seconds: "
            "measured, two trainings at a time. Both are shares of those without the lever. Numerics: the first digits "
            "of the hash of the numerics check, which is the same on one kind of machine with the same versions.",
            "",
            *(
                line
                for title, listed in sections.items()
                if listed
                for line in (title, "", *pages.table(heads, map(_cells, listed)), "")
            ),
        ]
    )


def _cells(row: Brought) -> list[str]:
    return [
        row.recipe, row.task or "mnist", row.lever, " ".join(f"`{change}`" for change in row.changes),
        f"{row.pairs}" + (f" ({row.diverged} diverged)" if row.diverged else ""),
        _number(row.errors_without), _number(row.errors_with), _difference(row),
        "–" if row.p_value is None else f"{row.p_value:.2g}",
        f"×{row.cost_ratio:.2f}", f"×{row.seconds_ratio:.2f}",
        row.canary[:8],
    ]  # fmt: skip


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _difference(row: Brought) -> str:
    if row.difference is None:
        return "–"
    interval = "" if row.low is None or row.high is None else f" [{row.low:+.1f}, {row.high:+.1f}]"
    return f"{row.difference:+.1f}{interval}"


def write_tables(folder: Path) -> None:
    """Write levers.md and levers.json from the ledger in the same folder."""
    rows = trained(folder / LEDGER)
    found = list(brought(rows))
    pages.write(folder, "levers", page(found), {"levers": [asdict(row) for row in found]})


def named(given: Sequence[Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Return the levers of a command line by name.

    Raises:
        UsageError: one has no assignment, or the name of the unchanged recipe.
    """
    for name, *changes in given:
        if not changes or name == WITHOUT:
            raise UsageError(f"--lever {name}: give a name other than {WITHOUT!r}, then NAME=VALUE.")
    return {name: tuple(changes) for name, *changes in given}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of all commands that train."""
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="changes the recipe")
    parser.add_argument("--subset", type=int, metavar="N", help="training images; by default all of MNIST")
    parser.add_argument("--minutes", type=float, default=95, help="of this command; the same command resumes")
    parser.add_argument("--workers", type=int, default=2)


def main(arguments: Sequence[str]) -> None:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="what", required=True)
    training, tables = kinds.add_parser("train"), kinds.add_parser("tables")
    training.add_argument("recipe", help="a space file without ranges, or the name of a shipped one")
    training.add_argument("--lever", action="append", required=True, nargs="+", metavar="NAME", help="NAME PATH=VALUE…")
    training.add_argument("--seeds", type=int, default=10)
    training.add_argument("--first-seed", type=int, default=0)
    add_options(training)
    for kind in (training, tables):
        kind.add_argument("--output", type=Path, default=FOLDER, help="folder of the ledger")
    asked = parser.parse_args(arguments)
    if asked.what == "train":
        try:
            work = Training(
                recipe=asked.recipe, assignments=tuple(asked.set), levers=named(asked.lever), subset=asked.subset,
                ledger=asked.output / LEDGER, workers=asked.workers,
            )  # fmt: skip
            seeds = range(asked.first_seed, asked.first_seed + asked.seeds)
            with stopping_after(asked.minutes) as stopping:
                work.run(stopping, lambda lever, seed: True, seeds)
        except SearchError as error:
            sys.exit(str(error))
    else:
        write_tables(asked.output)


if __name__ == "__main__":
    main(sys.argv[1:])
