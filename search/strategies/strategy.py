"""The common base of samplers and pruners."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import Field, dataclass, field, fields
from typing import Any, ClassVar

_BOUNDS = "bounds"
"""The key of an option's bounds in its field's metadata."""


class Strategy(ABC):
    """A sampler or a pruner. Its subclasses are frozen dataclasses, whose fields are its options.

    A built-in strategy declares each option by `whole` or `real`.
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

    def __post_init__(self) -> None:
        """Make the whole numbers of real options real: 25 and 25.0 select the same, and are hashed alike."""
        for option in fields(self):
            value = getattr(self, option.name)
            if type(value) is int and (bounds := option.metadata.get(_BOUNDS)) and bounds.include(value):
                object.__setattr__(self, option.name, bounds.kind(value))

    def describe(self, periods: int) -> str:
        """Return a few words for a headline: `tpe (multivariate)`, `asha (after reports 1, 3 of 6)`, `mine.py:Mine`.

        `periods` is the number of reports of a whole trial.
        """
        return self.name


@dataclass(frozen=True, slots=True)
class Bounds:
    """The numbers that an option takes, `least` and `most` included."""

    kind: type[int] | type[float]
    least: float
    most: float

    def include(self, value: Any) -> bool:
        """Return whether an option takes this value; a whole number is a real one, and True is not a number."""
        is_number = isinstance(value, int | self.kind) and not isinstance(value, bool)
        return is_number and bool(self.least <= value <= self.most)

    def __str__(self) -> str:
        """Return the bounds in words: `a whole number from 1 to 1000000`."""
        return f"a {'whole ' if self.kind is int else ''}number from {self.least} to {self.most}"


def whole(default: int, *, least: int, most: int = 1_000_000) -> int:
    """Return the field of an option that takes whole numbers."""
    return field(default=default, metadata={_BOUNDS: Bounds(int, least, most)})


def real(default: float, *, least: float, most: float) -> float:
    """Return the field of an option that takes real numbers."""
    return field(default=default, metadata={_BOUNDS: Bounds(float, least, most)})


def bounds_of(option: Field[Any]) -> Bounds:
    """Return the bounds with which a built-in strategy declares an option."""
    bounds: Bounds = option.metadata[_BOUNDS]
    return bounds
