"""What samplers and pruners have in common."""

from __future__ import annotations

from abc import ABC
from dataclasses import Field
from typing import Any, ClassVar


class Strategy(ABC):
    """A sampler or a pruner. Its subclasses are frozen dataclasses, whose fields are its options."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    name: str
    """By which space files, commands and stored studies select it. Built-in strategies set it for their class."""
    needs: ClassVar[tuple[str, ...]] = ()
    """Packages that it cannot work without, in addition to those that Optuna needs."""
    uses: ClassVar[tuple[str, ...]] = ()
    """Packages that it uses if they are installed; without them its results differ."""

    def describe(self, periods: int) -> str:
        """Return a few words for a headline: `tpe (multivariate)`, `asha (after reports 1, 3 of 6)`, `mine.py:Mine`.

        `periods` is the number of reports of a whole trial.
        """
        return self.name
