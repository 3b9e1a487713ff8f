"""The common base of samplers and pruners."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import Field, dataclass, field
from typing import Any, ClassVar

_BOUNDS = "bounds"
"""The key of an option's bounds in its field's metadata."""


class Strategy(ABC):
    """A sampler or a pruner. Its subclasses are frozen dataclasses, whose fields are its options.

    A built-in strategy declares each option by `whole`.
    """

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    name: str
    """By which space files, commands and stored studies select it. Built-in strategies set it for their class."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Packages that it cannot work without, in addition to those that Optuna needs."""
        return ()

    @property
    def uses(self) -> tuple[str, ...]:
        """Packages that it uses if they are installed; without them its results differ."""
        return ()

    @property
    @abstractmethod
    def portable(self) -> bool:
        """Whether it decides the same on every processor in a portable study (`search.study.StudySpec.portable`)."""

    def describe(self, periods: int) -> str:
        """Return a few words for a headline: `tpe (multivariate)`, `asha (after reports 1, 3 of 6)`, `mine.py:Mine`.

        `periods` is the number of reports of a whole trial.
        """
        return self.name


@dataclass(frozen=True, slots=True)
class Bounds:
    """The whole numbers that an option takes, `least` and `most` included."""

    least: int
    most: int

    def include(self, value: Any) -> bool:
        """Return whether an option takes this value; True is not a number."""
        return isinstance(value, int) and not isinstance(value, bool) and self.least <= value <= self.most

    def __str__(self) -> str:
        """Return the bounds in words: `a whole number from 1 to 1000000`."""
        return f"a whole number from {self.least} to {self.most}"


def whole(default: int, *, least: int, most: int = 1_000_000) -> int:
    """Return the field of an option that takes whole numbers."""
    return field(default=default, metadata={_BOUNDS: Bounds(least, most)})


def bounds_of(option: Field[Any]) -> Bounds:
    """Return the bounds with which a built-in strategy declares an option."""
    bounds: Bounds = option.metadata[_BOUNDS]
    return bounds
