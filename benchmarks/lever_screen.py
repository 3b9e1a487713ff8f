"""Screen several settings at once: a fractional factorial of 64 trainings of a recipe, on validation images.

    python benchmarks/lever_screen.py 99.4.yaml --minutes 60       train what is missing; then write lever-screen.md
    python benchmarks/lever_screen.py 99.4.yaml --minutes 0        the page of the trainings that are finished

The file names a recipe and at most seven levers, each with its assignments. Training number n has the levers whose bit
is set in n, and a seed of its own. The seventh lever is on if an even number of the others is off. This half fraction
has resolution VII (Box and Hunter 1961): the effects of one lever and of two together are all separate. Levers of one
setting cannot be screened together. Trainings are lines of levers.jsonl, as those of levers.py.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path

import levers
import numpy as np
import pages
from numpy.typing import NDArray
from publish import FOLDER
from ruamel.yaml import YAML
from scipy.stats import t  # type: ignore[import-untyped]
from time_limit import stopping_after

from mnist_bench.config.json import config_hash
from search.errors import SearchError, UsageError

TRAININGS = 64
MOST = 7
"""Levers of a screen."""
Values = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Screen:
    """The recipe and its levers."""

    recipe: str
    assignments: tuple[str, ...]
    levers: Mapping[str, tuple[str, ...]]
    first_seed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """The effect of one lever, or of two together: the mean with it minus the mean without it."""

    levers: tuple[str, ...]
    """Of two levers: half of what one brings more if the other is on than if it is off."""
    errors: float
    """In validation errors; below 0 it helps."""
    low: float
    high: float
    """95% interval, by the residual variance."""
    p_value: float
    seconds: float
    """Factor of the measured time."""


def read(path: Path) -> Screen:
    """Return the screen that a file describes.

    Raises:
        UsageError: it has more levers than a screen can tell apart.
    """
    values = YAML(typ="safe").load(path)
    if len(values["levers"]) > MOST:
        raise UsageError(f"{path}: {len(values['levers'])} levers; a screen takes {MOST} at most.")
    return Screen(
        recipe=values["recipe"], assignments=tuple(values.get("set", ())), first_seed=values["first_seed"],
        levers={name: tuple(changes) for name, changes in values["levers"].items()},
    )  # fmt: skip


def design(number: int) -> NDArray[np.int8]:
    """Return which of `number` levers are on in each training: 1 or -1, of shape (TRAININGS, number).

    >>> design(7)[:3].tolist()
    [[-1, -1, -1, -1, -1, -1, 1], [1, -1, -1, -1, -1, -1, -1], [-1, 1, -1, -1, -1, -1, -1]]
    """
    bits = (np.arange(TRAININGS)[:, None] >> np.arange(MOST - 1)) & 1
    signs = (2 * bits - 1).astype(np.int8)
    whole = np.column_stack([signs, signs.prod(axis=1)])
    return whole[:, :number].astype(np.int8)


def names(screen: Screen) -> list[str]:
    """Return the name of each training's levers: "muon + crop"."""
    return [
        " + ".join(lever for lever, sign in zip(screen.levers, row, strict=True) if sign > 0) or levers.WITHOUT
        for row in design(len(screen.levers))
    ]


def effects(screen: Screen, errors: Values, seconds: Values) -> Iterator[Effect]:
    """Yield the effect of each lever, then of each two, from the results of all trainings in their order."""
    signs = design(len(screen.levers)).astype(float)
    terms = [(place,) for place in range(len(screen.levers))] + list(combinations(range(len(screen.levers)), 2))
    columns = np.column_stack([np.ones(TRAININGS), *(signs[:, list(term)].prod(axis=1) for term in terms)])
    # The columns are orthogonal, so that each coefficient is a mean of signed results.
    fitted = columns.T @ errors / TRAININGS
    free = TRAININGS - columns.shape[1]
    variance = float(((errors - columns @ fitted) ** 2).sum() / free)
    deviation = 2 * (variance / TRAININGS) ** 0.5
    reach = float(t.ppf(0.975, free)) * deviation
    factors = np.exp(2 * columns.T @ np.log(seconds) / TRAININGS)
    for place, term in enumerate(terms, start=1):
        effect = 2 * float(fitted[place])
        yield Effect(
            levers=tuple(list(screen.levers)[lever] for lever in term), errors=effect, low=effect - reach,
            high=effect + reach, p_value=2 * float(t.sf(abs(effect) / deviation, free)), seconds=float(factors[place]),
        )  # fmt: skip


def results(screen: Screen, work: levers.Training) -> list[levers.Trained | None]:
    """Return the training of each row of the design; None if it is missing."""
    found = work.configurations
    kept = {(row.config, row.seed): row for row in levers.trained(work.ledger) if row.task is None}
    return [
        kept.get((config_hash(found[name]), screen.first_seed + number)) for number, name in enumerate(names(screen))
    ]


def _together(screen: Screen) -> dict[str, tuple[str, ...]]:
    """Return the assignments of the levers of each training that has one."""
    return {
        name: tuple(change for lever in name.split(" + ") for change in screen.levers[lever])
        for name in names(screen)
        if name != levers.WITHOUT
    }


def page(screen: Screen, command: str, found: Sequence[Effect], rows: Sequence[levers.Trained]) -> str:
    """Return the page."""
    mean = np.mean([row.errors for row in rows])
    heads = ["lever", "changes", "errors", "p:", "time:"]
    return "\n".join(
        [
            f"# Levers screened at {screen.recipe}",
            "",
            f"`{command}` on {pages.machine()}.",
            "",
            f"{TRAININGS} trainings, each with about half of the levers and a seed of its own; {mean:.1f} errors of "
            f"{rows[0].images:,} validation images on average. Errors: the mean with a lever minus the mean without, "
            "with a 95% interval. Below 0, the lever reduces errors. Time: factor of the measured seconds. The "
            "intervals are not corrected for the number of levers.",
            "",
            *pages.table(heads, (_cells(screen, effect) for effect in found if len(effect.levers) == 1)),
            "",
            "Interactions: half the difference between the effect of one lever with the other and without it. The six "
            "pairs with the smallest p-values:",
            "",
            *pages.table(
                ["levers", *heads[2:]],
                (
                    [" and ".join(effect.levers), *_cells(screen, effect)[2:]]
                    for effect in sorted(
                        (each for each in found if len(each.levers) == 2), key=lambda each: each.p_value
                    )[:6]
                ),
            ),
            "",
        ]
    )


def _cells(screen: Screen, effect: Effect) -> list[str]:
    changes = " ".join(f"`{change}`" for change in screen.levers[effect.levers[0]])
    interval = f"{effect.errors:+.1f} [{effect.low:+.1f}, {effect.high:+.1f}]"
    return [effect.levers[0], changes, interval, f"{effect.p_value:.2g}", f"×{effect.seconds:.2f}"]


def main(arguments: Sequence[str]) -> None:
    """Train, then write the page if nothing is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("screen", type=Path, help="a YAML file of benchmarks/screens")
    parser.add_argument("--minutes", type=float, default=95, help="of this command; the same command resumes")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--output", type=Path, default=FOLDER, help="folder of the ledger")
    asked = parser.parse_args(arguments)
    try:
        screen = read(asked.screen)
        work = levers.Training(
            recipe=screen.recipe, assignments=screen.assignments, levers=_together(screen), subset=None,
            ledger=asked.output / levers.LEDGER, workers=asked.workers,
        )  # fmt: skip
        of_seed = {screen.first_seed + number: name for number, name in enumerate(names(screen))}
        with stopping_after(asked.minutes) as stopping:
            work.run(stopping, lambda lever, seed: of_seed[seed] == lever, list(of_seed))
    except SearchError as error:
        sys.exit(str(error))
    rows = [row for row in results(screen, work) if row is not None]
    if diverged := [row.seed for row in rows if row.errors is None]:
        sys.exit(f"The trainings with seeds {diverged} diverged; the screen cannot be evaluated. Change its levers.")
    if len(rows) < TRAININGS:
        sys.exit(f"{len(rows)} of {TRAININGS} trainings are finished; the same command resumes.")
    errors, seconds = (np.array([getattr(row, name) for row in rows], float) for name in ("errors", "seconds"))
    found = list(effects(screen, errors, seconds))
    command = f"python benchmarks/lever_screen.py {asked.screen}"
    figures = {"recipe": screen.recipe, "levers": screen.levers, "effects": [asdict(effect) for effect in found]}
    name = f"lever-screen-{asked.screen.stem}"
    pages.write(asked.output, name, page(screen, command, found, rows), figures)


if __name__ == "__main__":
    main(sys.argv[1:])
