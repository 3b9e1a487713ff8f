"""What there is to draw for each kind of picture: of a study, or of the data set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mnist_bench.plots.files import Job
from mnist_bench.plots.kinds import picture
from mnist_bench.plots.subject import Subject
from search.errors import UsageError

if TYPE_CHECKING:
    from mnist_bench.data import Images


def of_study(kinds: Sequence[str], subject: Subject) -> list[Job]:
    """Return the pictures of these `KINDS`; the figures are made when they are drawn."""
    return [Job(kind=kind, make=partial(picture, kind, subject)) for kind in kinds]


def of_data(kinds: Sequence[str], data_dir: Path | None, overrides: Sequence[str] = (), seed: int = 0) -> list[Job]:
    """Return the pictures of these `DATA_KINDS`.

    Args:
        kinds: which.
        data_dir: data of the user's own; None for the packaged MNIST.
        overrides: `augment.FIELD=VALUE`, for `augmented` alone.
        seed: of its distortions.

    Raises:
        DataError: the data set cannot be loaded.
        UsageError: its pictures are not of MNIST's form, or an override is malformed.
        SpaceError: a field does not exist, or its value is not allowed.
    """
    from mnist_bench.data import load_training_set, options_for
    from mnist_bench.picture_form import MNIST

    options = options_for(data_dir)
    if options.form != MNIST:
        raise UsageError(f"{data_dir}: pictures of {options.form}; {kinds[0]} shows data in MNIST's form alone.")
    data = load_training_set(options).images
    makers: dict[str, Callable[[Images], Job]] = {
        "digits": _digits,
        "augmented": partial(_augmented, overrides=overrides, seed=seed),
        "colour": _colour,
    }
    return [makers[kind](data) for kind in kinds]


def _digits(data: Images) -> Job:
    from mnist_bench.plots.data import digits

    rows = digits.rows(data)
    return Job(kind="digits", make=partial(digits.draw, rows), lines=digits.lines(rows))


def _augmented(data: Images, overrides: Sequence[str], seed: int) -> Job:
    from mnist_bench.plots.data import augmented

    rows = augmented.rows(data, augmented.settings(overrides), seed)
    return Job(kind="augmented", make=partial(augmented.draw, rows))


def _colour(data: Images) -> Job:
    from mnist_bench.plots.data import colour

    rows = colour.rows(data)
    return Job(kind="colour", make=partial(colour.draw, rows), lines=colour.lines(rows))
