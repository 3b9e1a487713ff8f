"""The searched parameters of a study, and where a value lies on the axis of one."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

from mnist_bench.plots.headings import short
from search.errors import StudyNotFoundError
from search.event_log import StudyRecord
from search.messages import show
from search.space import Choice, Distribution, Field, FloatRange, IntRange, Space, same

MAX_OPTIONS = 6
"""An integer parameter of so many values at most is drawn as options, not as numbers."""
JITTER = (5**0.5 - 1) / 2
"""Golden section: its multiples spread evenly over 0..1, however many there are."""
LOG_TICKS = (((1, 2, 3, 5, 7), 1), ((1, 2, 5), 1), ((1, 3), 1), ((1,), 1), ((1,), 2), ((1,), 4), ((1,), 100))
"""Mantissas of ticks, and in which decades: the finest is taken that is not too fine."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """One parameter that the search chose."""

    path: str
    label: str
    """Its name, with the section where another section has one of that name."""
    distribution: Distribution

    @property
    def options(self) -> tuple[Any, ...]:
        """The values of a choice, or of integers if they are few; none of other ranges."""
        match self.distribution:
            case Choice(options):
                return options
            case IntRange(low, high, step) if (high - low) // step < MAX_OPTIONS:
                return tuple(range(low, high + 1, step))
            case _:
                return ()

    @property
    def numbers(self) -> IntRange | FloatRange | None:
        """The range of a parameter without options."""
        return None if self.options or isinstance(self.distribution, Choice) else self.distribution

    @property
    def varies(self) -> bool:
        """Whether there is more than one value."""
        return self.numbers.low < self.numbers.high if self.numbers else len(self.options) > 1

    @property
    def log(self) -> bool:
        """Whether the axis is logarithmic."""
        return self.numbers is not None and self.numbers.log

    def names(self, length: int) -> list[str]:
        """Return the options as a picture names them, in so many characters."""
        return [self.text(option, length) for option in self.options]

    def text(self, value: Any, length: int) -> str:
        """Return a value as a picture names it, in so many characters."""
        if self.numbers:
            return short(value)
        name = show(value).removesuffix("_activation")
        return name if len(name) <= length else name[: length - 1] + "…"

    def index(self, value: Any) -> int:
        """Return which of the options a value is, from 0."""
        return next(index for index, option in enumerate(self.options) if same(option, value))

    def place(self, value: Any) -> float:
        """Return where a value lies from one end of the range, 0, to the other, 1; options lie at even distances."""
        if self.numbers is None:
            return self.index(value) / (len(self.options) - 1)
        ends = (self.numbers.low, value, self.numbers.high)
        low, here, high = map(math.log, ends) if self.numbers.log else ends
        return float((here - low) / (high - low))


def parameters(study: StudyRecord) -> list[Parameter]:
    """Return the parameters that vary and that some trial has, in the order of the space.

    Raises:
        StudyNotFoundError: there is none.
    """
    space = Space.from_spec(study.spec["space"])
    fields = [field for field in space.fields if any(field.path in trial.params for trial in study.trials)]
    names = Counter(_name(field) for field in fields)
    found = [
        Parameter(
            path=field.path,
            label=_name(field) if names[_name(field)] == 1 else field.path,
            distribution=field.distribution,
        )
        for field in fields
        if field.distribution is not None
    ]
    varying = [parameter for parameter in found if parameter.varies]
    if not varying:
        raise StudyNotFoundError(
            f"Study {study.name} has no trial with a searched parameter, so there is none to show."
        )
    return varying


def jitter(number: int) -> float:
    """Return a shift between -0.5 and 0.5 that keeps equal values apart: the same for a trial at every drawing."""
    return (number * JITTER) % 1 - 0.5


def log_ticks(low: float, high: float) -> list[float]:
    """Return at most four round numbers of a logarithmic axis between these ends, as many as there are."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for mantissas, step in LOG_TICKS:
        every = (mantissa * 10.0**power for power in powers[::step] for mantissa in mantissas)
        ticks = [tick for tick in every if low * (1 - 1e-9) <= tick <= high * (1 + 1e-9)]
        if len(ticks) <= 4:
            break
    return ticks


def _name(field: Field) -> str:
    return field.path.partition(".")[2]
