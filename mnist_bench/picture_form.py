"""The form that all pictures of a data set share: their shape, and the number of their classes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le
from pydantic import TypeAdapter, with_config

from search.stored_fields import STRICT

MIN_SIDE, MAX_SIDE = 4, 1024
"""Pixels."""
MIN_CLASSES, MAX_CLASSES = 2, 1000

Side = Annotated[int, Ge(MIN_SIDE), Le(MAX_SIDE)]


@with_config(STRICT)
@dataclass(frozen=True, kw_only=True, slots=True)
class PictureForm:
    """The form of a data set, on which its nets depend.

    Without defaults, so that a form is complete in any file that holds it; that of MNIST is in none.
    """

    channels: Literal[1, 3]  # 1: grey; 3: red, green, blue
    height: Side
    width: Side
    classes: Annotated[int, Ge(MIN_CLASSES), Le(MAX_CLASSES)]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width), of one picture."""
        return self.channels, self.height, self.width

    @property
    def array_shape(self) -> tuple[int, ...]:
        """Shape of one picture in an IDX file: (height, width) if it is grey, else (channels, height, width)."""
        return self.shape if self.channels > 1 else self.shape[1:]

    def __str__(self) -> str:
        """Return a few words: `32x32 pixels in color, 20 classes`."""
        kind = "in color" if self.channels > 1 else "in gray"
        return f"{self.height}x{self.width} pixels {kind}, {self.classes} classes"


MNIST = PictureForm(channels=1, height=28, width=28, classes=10)
"""The form of MNIST and its relatives."""


def parse(values: Any) -> PictureForm:
    """Return the form that plain values from a file describe."""
    return _adapter().validate_json(json.dumps(values), strict=True)


@cache
def _adapter() -> TypeAdapter[PictureForm]:
    return TypeAdapter(PictureForm)
