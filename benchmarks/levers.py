"""What a setting brings: a recipe trained with and without it, on validation images, paired by seed.

    python benchmarks/levers.py train RECIPE --seeds 10 --minutes 90     what is missing, a seed of all levers at a time
    python benchmarks/levers.py train RECIPE --lever half optim.hard_share=0.5 optim.easy_share=0.2
    python benchmarks/levers.py tables                                   levers.md and levers.json

RECIPE is a space file without ranges, or a shipped one's name; `--set NAME=VALUE` changes it. It trains on the split of
a search, whatever it says, for a lever is kept or not before anybody looks at the test images. Levers that change
nothing in a recipe are left out. Trainings are added to levers.jsonl in the folder of `--output`, a line each; stopped
or killed at any moment, the same command goes on, and what is there is not trained again.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from statistics import fmean
from types import MappingProxyType
from typing import Any, get_args

from publish import machine

from mnist_bench import space_files
from mnist_bench.config import TaskName, TrainConfig, config_hash
from mnist_bench.data import DataOptions
from mnist_bench.experiments.ablation.setting_groups import effective
from mnist_bench.experiments.grid import Grid, Observer, Run, open_grid, product
from mnist_bench.statistics.paired import paired
from search import canonical_json
from search.errors import SearchError, UsageError
from search.files import append_line, atomic_write, make_folder
from search.study import WorkFolder
from search.trainer_api import Report

LEVERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "grid": ("augment.grid_pixels=4", "augment.grid_shift=1.0"),
        "coarser": ("augment.grid_pixels=4", "augment.grid_shift=2.0"),
        "one-cycle": ("optim.schedule=one_cycle",),
        "cooldown": ("optim.schedule=constant", "optim.cooldown_fraction=0.3"),
        "hard": ("optim.hard_share=0.5",),
    }
)
"""The assignments that make each lever."""
WITHOUT = "without"
"""What the ledger calls the recipe as it is."""
WORK = Path("results/_levers")
FIGURES = ("config", "seed", "errors", "images", "cost", "seconds", "weights", "canary")
"""What a line of the ledger says of the training itself, whatever it was made for."""

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
    """Validation images misclassified after the last period; None where training diverged."""
    images: int
    """Validation images."""
    cost: float
    """Estimated seconds, which decide the order of a search's events."""
    seconds: float
    """Measured seconds, of use where the machine did nothing else."""
    weights: str
    canary: str

    @property
    def training(self) -> Key:
        """What tells trainings apart."""
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
    """Pairs of which a training diverged: they are not among the others."""
    errors_without: float | None
    """Mean validation errors."""
    errors_with: float | None
    difference: float | None
    """Mean of with minus without, in validation errors; below 0 the lever helps."""
    low: float | None
    """Ends of Student's 95 % interval for it; None with fewer than two pairs."""
    high: float | None
    p_value: float | None
    images: int
    cost_ratio: float
    """Estimated time with the lever, as a share of that without."""
    seconds_ratio: float


def made(ledger: Path) -> list[Trained]:
    """Return the lines of a ledger; one that is torn is passed over."""
    lines = ledger.read_text().splitlines() if ledger.exists() else []
    return list(filter(None, map(_read, lines)))


def _read(line: str) -> Trained | None:
    try:
        values = json.loads(line)
    except json.JSONDecodeError:
        return None
    return Trained(**{**values, "changes": tuple(values["changes"])})


def configs(recipe: str, assignments: Sequence[str], levers: Mapping[str, Sequence[str]]) -> dict[str, TrainConfig]:
    """Return the configuration without a lever, then with each one that changes something.

    Raises:
        SpaceError, UsageError: see `space_files.load` and `space_files.recipe`.
    """
    changes = {WITHOUT: (), **levers}
    found = {
        name: space_files.recipe(space_files.load(recipe, [*assignments, "train_on=search_split", *more]))
        for name, more in changes.items()
    }
    bare = effective(found[WITHOUT])
    return {name: config for name, config in found.items() if name == WITHOUT or effective(config) != bare}


def train(asked: argparse.Namespace, levers: Mapping[str, Sequence[str]], stopping: Callable[[], bool]) -> None:
    """Train what is missing, seed by seed, until all is there or `stopping` says so.

    Raises:
        SearchError: a lever or the recipe is malformed; and what `open_grid` raises.
    """
    wanted = configs(asked.recipe, asked.set, levers)
    for name in levers.keys() - wanted.keys():
        print(f"{name} changes nothing in {asked.recipe} and is left out", file=sys.stderr)
    make_folder(asked.output)
    ledger = asked.output / "levers.jsonl"
    recipe = " ".join([space_files.load(asked.recipe).name, *asked.set])
    seeds = range(asked.first_seed, asked.first_seed + asked.seeds)
    with open_grid(WORK, "levers", data=DataOptions(task=asked.task), workers=asked.workers) as grid:
        data = canonical_json.sha256([grid.data.data_hash, grid.data.split.digest])
        rows = made(ledger)
        trained = {row.training: row for row in rows}
        paired_already = {(row.training, row.without) for row in rows}

        def row_of(run: Run, figures: Mapping[str, Any]) -> Trained:
            baseline, changes = config_hash(wanted[WITHOUT]), tuple(levers.get(run.name, ()))
            return Trained(
                recipe=recipe, baseline=baseline, data=data, task=asked.task, lever=run.name, changes=changes, **figures
            )

        missing = []
        for run in product(wanted, seeds):
            known = trained.get((data, config_hash(run.config), run.seed, grid.numerics["canary"]))
            if known is None:
                missing.append(run)
                continue
            again = row_of(run, {name: value for name, value in asdict(known).items() if name in FIGURES})
            if run.name != WITHOUT and (again.training, again.without) not in paired_already:
                append_line(ledger, canonical_json.dumps(asdict(again)))  # trained as what another comparison needed
        for seed, of_seed in groupby(missing, lambda run: run.seed):
            runs = list(of_seed)
            curves = grid.train(runs, stopping, Observer())
            if curves is None:
                return
            for run in runs:
                row = row_of(run, _figures(grid, run, curves[run.name, seed]))
                append_line(ledger, canonical_json.dumps(asdict(row)))
                print(f"{datetime.now():%H:%M} {run.title}: {row.errors} errors, {row.seconds:.0f} s", file=sys.stderr)
            WorkFolder(WORK).clear_checkpoints()  # the ledger has it all


def _figures(grid: Grid, run: Run, reports: Sequence[Report]) -> dict[str, Any]:
    errors = reports[-1].metrics["errors"]
    return {
        "config": config_hash(run.config),
        "seed": run.seed,
        "errors": None if reports[-1].end else errors,
        "images": len(grid.data.split.validation),
        "cost": sum(grid.task_of(run).costs) / 1e6,
        "seconds": round(sum(report.seconds for report in reports), 3),
        "weights": reports[-1].weights,
        "canary": grid.numerics["canary"],
    }


def brought(rows: Sequence[Trained]) -> Iterator[Brought]:
    """Yield what each lever brings to each recipe, in the order in which they were first trained.

    A recipe's trainings without a lever may be those of another recipe's lever: the configuration tells, not the name.
    """
    trained = {row.training: row for row in rows}
    groups: dict[tuple[str, str, str], dict[Key, Trained]] = {}
    for row in rows:
        if row.lever != WITHOUT:  # a training counts once, even where two levers are the same change
            groups.setdefault((row.data, row.baseline, row.config), {})[row.training] = row
    for with_it in groups.values():
        pairs = [(trained[row.without], row) for row in with_it.values() if row.without in trained]
        if pairs:
            yield _brought(pairs)


def _brought(pairs: Sequence[tuple[Trained, Trained]]) -> Brought:
    first = pairs[0][1]
    ended = [(bare.errors, pulled.errors) for bare, pulled in pairs]
    whole = [(bare, pulled) for bare, pulled in ended if bare is not None and pulled is not None]
    differences = [float(pulled - bare) for bare, pulled in whole]
    sure = paired(differences, 1) if len(differences) > 1 else None
    return Brought(
        recipe=first.recipe,
        task=first.task,
        lever=first.lever,
        changes=first.changes,
        pairs=len(whole),
        diverged=len(pairs) - len(whole),
        errors_without=fmean(bare for bare, _ in whole) if whole else None,
        errors_with=fmean(pulled for _, pulled in whole) if whole else None,
        difference=fmean(differences) if whole else None,
        low=sure.low if sure else None,
        high=sure.high if sure else None,
        p_value=sure.p_value if sure else None,
        images=first.images,
        cost_ratio=sum(pulled.cost for _, pulled in pairs) / sum(bare.cost for bare, _ in pairs),
        seconds_ratio=sum(pulled.seconds for _, pulled in pairs) / sum(bare.seconds for bare, _ in pairs),
    )


def page(rows: Sequence[Brought], canaries: Sequence[str]) -> str:
    """Return the table as Markdown; `canaries` are those of the machines that trained."""
    lines = [
        "# What each lever brings",
        "",
        "`python benchmarks/levers.py`: validation errors with the lever minus those without, paired by seed, with "
        "Student's 95 % interval for each alone; below 0 the lever helps. Costs are the estimate that orders a search, "
        "seconds what was measured, two trainings at a time.",
        "",
        f"Trained where the canary is {', '.join(f'{canary[:16]}…' for canary in canaries)}; this page was written on "
        f"{machine()}.",
        "",
        "| recipe | images | lever | changes | pairs | without | with | difference | p | cost | seconds |",
        "| --- | --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        cells = [
            row.recipe, row.task or "mnist", row.lever, " ".join(f"`{change}`" for change in row.changes),
            f"{row.pairs}" + (f" ({row.diverged} diverged)" if row.diverged else ""),
            _number(row.errors_without), _number(row.errors_with), _difference(row),
            "–" if row.p_value is None else f"{row.p_value:.2g}",
            f"×{row.cost_ratio:.2f}", f"×{row.seconds_ratio:.2f}",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _difference(row: Brought) -> str:
    if row.difference is None:
        return "–"
    interval = "" if row.low is None or row.high is None else f" [{row.low:+.1f}, {row.high:+.1f}]"
    return f"{row.difference:+.1f}{interval}"


def write_tables(folder: Path) -> None:
    """Write levers.md and levers.json from the ledger beside them."""
    rows = made(folder / "levers.jsonl")
    found = list(brought(rows))
    canaries = sorted({row.canary for row in rows})
    document = {"canaries": canaries, "levers": [asdict(row) for row in found]}
    atomic_write(folder / "levers.md", page(found, canaries).encode())
    atomic_write(folder / "levers.json", (json.dumps(document, indent=1) + "\n").encode())


def named(given: Sequence[Sequence[str]], only: Sequence[str] | None) -> dict[str, tuple[str, ...]]:
    """Return the levers that a command line asks for: those of LEVERS, or those named alone, and its own.

    Raises:
        UsageError: there is no such lever, or one of its own has no assignment.
    """
    own = {name: tuple(changes) for name, *changes in given}
    for name, changes in own.items():
        if not changes or name == WITHOUT:
            raise UsageError(f"--lever {name}: needs a name other than {WITHOUT!r} and NAME=VALUE after it")
    for name in only or ():
        if name not in LEVERS:
            raise UsageError(f"--only {name}: there is no such lever; there are {', '.join(LEVERS)}")
    return {name: LEVERS[name] for name in (LEVERS if only is None else only)} | own


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = made.add_subparsers(dest="what", required=True)
    training, tables = kinds.add_parser("train"), kinds.add_parser("tables")
    training.add_argument("recipe", help="a space file without ranges, or a shipped one's name")
    training.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="changes the recipe")
    training.add_argument("--only", nargs="*", metavar="LEVER", help=f"of {', '.join(LEVERS)}; left out, all")
    training.add_argument(
        "--lever", action="append", default=[], nargs="+", metavar="NAME", help="a lever more: NAME PATH=VALUE ..."
    )
    training.add_argument("--seeds", type=int, default=10)
    training.add_argument("--first-seed", type=int, default=0)
    training.add_argument("--task", choices=get_args(TaskName), help="left out, all of MNIST")
    training.add_argument("--minutes", type=float, default=95, help="of this command; the next goes on")
    training.add_argument("--workers", type=int, default=2)
    for kind in (training, tables):
        kind.add_argument("--output", type=Path, default=Path("results/published"), help="folder of the ledger")
    return made


def main() -> None:
    """Do what the command line asks for."""
    asked = parser().parse_args()
    if asked.what == "train":
        ends = time.monotonic() + 60 * asked.minutes
        signals: list[int] = []
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda given, frame: signals.append(given))
        try:
            train(asked, named(asked.lever, asked.only), lambda: bool(signals) or time.monotonic() > ends)
        except SearchError as error:
            sys.exit(str(error))
    write_tables(asked.output)


if __name__ == "__main__":
    main()
