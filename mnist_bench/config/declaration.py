"""The metadata of a field of `settings`, next to its type, its bounds, its default and its docstring."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Literal

Group = Literal[
    "convolutions", "hidden layers", "batchnorm", "dropout", "augmentation", "optimizer", "schedule", "averaging",
    "label smoothing", "budget", "hard images", "net",
]  # fmt: skip
"""The groups that an ablation changes at once, in the order that breaks ties."""


@dataclass(frozen=True, slots=True)
class Needs:
    """Other settings of which one at least has to be on before a setting does anything."""

    paths: tuple[str, ...]  # attributes of a TrainConfig: `model.blocks`
    is_on: Callable[[Any], bool] = bool  # whether such an attribute's value will do

    def are_met(self, config: object) -> bool:
        """Return whether they are in a TrainConfig."""
        return any(self.is_on(attrgetter(path)(config)) for path in self.paths)


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """Metadata of a field, `Annotated[TYPE, Setting(...)]`; a field without it is treated as one with all defaults.

    Space files, the JSON Schema and `space show` need nothing of it: they read the type, its bounds and the docstring.
    """

    group: Group | None = None  # default: its own group, named after it
    ablated: bool = True  # whether an ablation changes it; if not, all runs of the ablation have the default
    needs: tuple[Needs, ...] = ()
    """All of them have to be met; otherwise the setting does nothing. Without a condition it always counts."""
    cells: tuple[str, ...] = ()
    """Headings of the compact cells that show it. Default: its own column, named by its dotted path."""
    unit: str = ""  # the unit that a compact cell writes behind the number
    ending: str = ""
    """The end of a name that compact cells and pictures leave out: `_activation` in `before_activation`."""
    counts: Literal["not at all", "at the ends", "everywhere"] = "at the ends"
    """Where in the setting's range a net can have its fewest or most weights or operations; of the model's settings."""
    distortion: str | None = None
    """Declares a number of the augmentation as the strength of a distortion: above 0 it changes every training image.
    The text says how. It has places for the strength, as `{value}` or `{percent}`, for the `{axes}` of zoom_per_axis
    and for any other setting of the augmentation, such as `{grid_shift:.2g}`."""
    line: str = ""
    """How the line of the live view tells it where it differs from its default: `rot {value:.2g}°`; it may have places
    for other settings of its section."""
    synonyms: tuple[str, ...] = ()  # names that it has elsewhere, in small letters: a mistaken one is answered with it
