"""The parameters that a study searched, and the places of their values on an axis."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from mnist_bench.config.values import setting_of
from mnist_bench.plots.headings import three_digits
from search.errors import StudyNotFoundError
from search.event_log.records import StudyRecord
from search.messages import shortened, show
from search.space.ranges import Distribution, NumberRange, place, same
from search.space.space import Field

MAX_OPTIONS = 6
"""A parameter with at most this number of whole numbers or levels is drawn as options, not as numbers."""
JITTER = (5**0.5 - 1) / 2
"""The golden ratio: the fractional parts of its multiples spread evenly over 0..1, however many there are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """One parameter that the search chose."""

    path: str
    label: str  # its name; with its section if another section has the same name
    distribution: Distribution

    @property
    def options(self) -> tuple[Any, ...]:
        """The values of a choice, of a few whole numbers or of a few levels; empty for other ranges."""
        if isinstance(self.distribution, NumberRange):
            return tuple(self.distribution.values) if self.distribution.count <= MAX_OPTIONS else ()
        return self.distribution.values

    @property
    def numbers(self) -> NumberRange | None:
        """The range, if it is drawn as numbers; None for a parameter with options."""
        return self.distribution if isinstance(self.distribution, NumberRange) and not self.options else None

    @property
    def varies(self) -> bool:
        """Whether the parameter has more than one value."""
        return self.distribution.count > 1

    @property
    def log(self) -> bool:
        """Whether the axis is logarithmic."""
        return self.numbers is not None and self.numbers.log

    def names(self, length: int) -> list[str]:
        """Return the labels of the options, each of at most `length` characters."""
        return [self.text(option, length) for option in self.options]

    def text(self, value: Any, length: int) -> str:
        """Return the label of a value, of at most `length` characters if it is an option."""
        if self.numbers:
            return three_digits(value)
        return shortened(show(value).removesuffix(setting_of(self.path).ending), length)

    def index(self, value: Any) -> int:
        """Return the index of a value among the options."""
        return next(index for index, option in enumerate(self.options) if same(option, value))

    def place(self, value: Any) -> float:
        """Return the place of a value on the axis, from 0 to 1; options are at even distances."""
        if self.numbers is None:
            return self.index(value) / (len(self.options) - 1)
        return place(self.numbers, value)


def parameters(study: StudyRecord) -> list[Parameter]:
    """Return the parameters with more than one value that at least one trial has, in the order of the space.

    Raises:
        StudyNotFoundError: there is no such parameter.
    """
    space = study.space
    fields = [field for field in space.fields if any(field.path in trial.params for trial in study.trials)]
    names = Counter(_name(field) for field in fields)
    searched = [
        Parameter(
            path=field.path,
            label=_name(field) if names[_name(field)] == 1 else field.path,
            distribution=field.distribution,
        )
        for field in fields
        if field.distribution is not None
    ]
    varying = [parameter for parameter in searched if parameter.varies]
    if not varying:
        raise StudyNotFoundError(
            f"Study {study.name} has no trial with a searched parameter, so there is none to show."
        )
    return varying


def jitter(number: int) -> float:
    """Return a shift from -0.5 to 0.5 that keeps equal values apart; a trial has the same shift in every drawing."""
    return (number * JITTER) % 1 - 0.5


def _name(field: Field) -> str:
    return field.path.partition(".")[2] or field.path
