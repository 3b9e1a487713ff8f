"""The input of a network: how its pictures are prepared, and how its file stores that."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Len
from pydantic import BeforeValidator, TypeAdapter, with_config

from mnist_bench.data.choice import CHANNELS
from mnist_bench.picture_form import MAX_CLASSES, MNIST, PictureForm
from search import canonical_json
from search.stored_fields import STRICT, stored

Preparation = Literal["digit", "drawing", "picture"]
"""How a picture is prepared. digit: the pixels unlike its border are ink, cropped and centred; drawing: ink, fitted
whole; picture: only scaled."""

OneOrMore = (Len(1, 3), BeforeValidator(lambda found: tuple(found) if isinstance(found, list) else (found,)))
"""One number per channel; for a single channel, a file holds the number itself."""


@with_config(STRICT)
@dataclass(frozen=True, kw_only=True, slots=True)
class InputSpec:
    """How a network's pictures are prepared, and the names of its classes."""

    mean: Annotated[tuple[Annotated[float, Ge(0), Le(255)], ...], *OneOrMore]
    """Mean of the training pixels, 0 to 255, by channel."""
    std: Annotated[tuple[Annotated[float, Gt(0), Le(255)], ...], *OneOrMore]  # their standard deviation, by channel
    digits: bool = True
    """Whether it was trained on digits: if so, a drawing is cropped and centred, otherwise fitted whole."""
    drawn: bool = True  # whether it was trained on drawings, ink on paper; if not, a picture is only scaled
    names: Annotated[tuple[str, ...], Len(0, MAX_CLASSES)] = ()  # names of the classes; empty if they are only numbers
    red: bool = False  # whether a picture's grey becomes the red channel, with green and blue 0, as in `mnist-red`

    @property
    def preparation(self) -> Preparation:
        """How a picture is made ready for the net."""
        if not self.drawn:
            return "picture"
        return "digit" if self.digits else "drawing"

    @property
    def turns_upright(self) -> bool:
        """Whether a picture in a file is turned by its EXIF orientation.

        Not for a network trained on a folder of files, whose pixels were used as stored: only such a data set names its
        classes.
        """
        return not self.names

    @property
    def channels_read(self) -> int:
        """Channels that are taken from a picture: 1, its grey, or 3."""
        return 1 if self.red else len(self.mean)

    def name_of(self, label: int) -> str:
        """Return the name of a class, or its number if it has no name."""
        return self.names[label] if self.names else str(label)


def to_text(spec: InputSpec) -> str:
    """Return an input specification in its stored form, JSON."""
    values = stored(spec)
    for name in ("mean", "std"):
        values[name] = values[name] if len(values[name]) > 1 else values[name][0]
    return canonical_json.dumps(values)


def parse(text: str) -> InputSpec:
    """Return the input specification in an untrusted JSON text.

    Raises:
        ValidationError: it is not an input specification.
    """
    return _adapter().validate_json(text, strict=True)


def check(spec: InputSpec, form: PictureForm) -> InputSpec:
    """Return an input specification if it can be that of a network for pictures of this form.

    Raises:
        ValueError: it cannot.
    """
    if {len(spec.mean), len(spec.std)} != {form.channels}:
        raise ValueError(f"mean or std is not of {form.channels} channels")
    if len(spec.names) not in (0, form.classes):
        raise ValueError(f"{len(spec.names)} names of {form.classes} classes")
    if spec.red and form.channels != CHANNELS:
        raise ValueError("red is one of three channels")
    if spec.drawn and (spec.channels_read, form.height, form.width) != MNIST.shape:
        raise ValueError(f"drawings are of {MNIST.height}x{MNIST.width} pixels")
    return spec


@cache
def _adapter() -> TypeAdapter[InputSpec]:
    return TypeAdapter(InputSpec)
