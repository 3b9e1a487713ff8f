"""A network that classifies pictures, its input, and its file: the weights, and how its pictures are prepared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, assert_never

import numpy as np
from annotated_types import Ge, Gt, Le, Len
from numpy.typing import NDArray
from pydantic import BeforeValidator, TypeAdapter, with_config

from mnist_bench.config.settings import TrainConfig
from mnist_bench.data.choice import CHANNELS, DataOptions
from mnist_bench.data.mnist import in_red
from mnist_bench.data.tensors import load_dataset
from mnist_bench.errors import PictureError, WeightsError
from mnist_bench.picture_form import MAX_CLASSES, MNIST, PictureForm
from mnist_bench.prediction import pictures
from mnist_bench.training.weights import (
    config_entry,
    config_in,
    metadata_in,
    metadata_of,
    net_of,
    packed,
    read_weights,
    readable,
)
from search import canonical_json
from search.arguments import check_several
from search.messages import in_a_sentence
from search.stored_fields import STRICT, stored

if TYPE_CHECKING:
    from torch import nn

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


def spec_text(spec: InputSpec) -> str:
    """Return an input specification in its stored form, JSON."""
    values = stored(spec)
    for name in ("mean", "std"):
        values[name] = values[name] if len(values[name]) > 1 else values[name][0]
    return canonical_json.dumps(values)


def parse_spec(text: str) -> InputSpec:
    """Return the input specification in an untrusted JSON text."""
    return _adapter().validate_json(text, strict=True)


def check_spec(spec: InputSpec, form: PictureForm) -> InputSpec:
    """Return an input specification if it can be that of a network for pictures of this form."""
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


WEIGHTS = "model.safetensors"  # name of the file in an export's folder
UNFINISHED = "UNFINISHED"  # name of a file that lies there until all others do
INPUT_SPEC = "mnist-bench"  # name of the input specification in the file's metadata, next to the configuration
BATCH = 250  # pictures that are computed at once


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """The prediction for a picture."""

    label: int
    """The most probable class."""
    probability: float
    """Probability of the label, 0..1."""
    runner_up: int
    """The class after it."""
    runner_up_probability: float
    probabilities: tuple[float, ...]
    """Probability of each class, 0..1."""
    name: str | None = None
    """Name of the label; None if the classes are only numbers."""
    runner_up_name: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Model:
    """A network in float32 on the CPU, with the preparation of its pictures."""

    net: nn.Module
    input_spec: InputSpec
    form: PictureForm = MNIST
    """Form of the pictures that the network takes."""
    assumed: bool = False
    """Whether its file does not describe its pictures, as files that a search keeps, so that MNIST's mean and standard
    deviation are assumed."""

    def __call__(self, images: Iterable[Any]) -> list[Prediction]:
        """Return the prediction for each picture: a file's path or content, a Pillow image, or pixels, 0 to 255, of
        shape (H, W), in colour (H, W, 3).

        Pictures have any size. A digit may be dark on light or light on dark, anywhere on its paper; see
        `prediction.pictures`.

        Raises:
            UsageError: it is a single picture's path or content, not a list.
            PictureError: one of them is empty, or not a picture; the message names it.
            WeightsError: see `probabilities`.
        """
        check_several("images", images)
        return self.predict([self.prepared(image, f"image {number}") for number, image in enumerate(images)])

    def prepared(self, image: Any, source: str) -> NDArray[np.float32]:
        """Return a picture as the network gets it, (H, W) or, in colour, (3, H, W), 0 to 255.

        `image` is as in `__call__`; `source` is for the message of a PictureError.
        """
        if isinstance(image, str | Path):
            path, upright = Path(image), self.input_spec.turns_upright
            image, source = pictures.read(path, self._converted, upright=upright), str(image)
        elif isinstance(image, bytes):
            image = pictures.parse(image, source, self._converted, upright=self.input_spec.turns_upright)
        try:
            array = self._converted(image) if hasattr(image, "convert") else _in_bytes(np.asarray(image))
            return self._fitted(np.asarray(array, np.float64))
        except (OSError, TypeError, ValueError) as error:
            raise PictureError(f"{source}: {in_a_sentence(error)}.") from error

    def predict(self, prepared: Sequence[NDArray[np.float32]]) -> list[Prediction]:
        """Return the predictions for pictures that are prepared, each as `prepared` returns it."""
        if not len(prepared):
            return []
        return [self._prediction(row) for row in self.probabilities(np.stack(prepared))]

    def probabilities(self, prepared: NDArray[Any]) -> NDArray[np.float64]:
        """Return the probability of each class, (N, classes), for N prepared pictures, 0 to 255.

        Raises:
            WeightsError: they are not numbers, for example because of NaN among the weights.
        """
        import torch

        with torch.inference_mode():
            given = torch.tensor(prepared, dtype=torch.float32).view(-1, *self.form.shape)
            mean, std = (torch.tensor(of).view(-1, 1, 1) for of in (self.input_spec.mean, self.input_spec.std))
            parts = torch.split((given - mean) / std, BATCH)
            found: NDArray[np.float64] = torch.cat([self.net(part) for part in parts]).double().softmax(1).numpy()
        # Its weights are not checked: your own network may hold infinite ones, such as a mask.
        if not np.isfinite(found).all():
            raise WeightsError(
                "The network's probabilities are not numbers (NaN): its weights are damaged, or it diverged in "
                "training."
            )
        return found

    def _converted(self, image: Any) -> NDArray[np.float64]:
        """Return a Pillow image as numbers, of a shape that `__call__` takes."""
        match self.input_spec.preparation:
            case "digit" | "drawing":
                return pictures.brightness(image)
            case "picture":
                found = pictures.pixels(image, self.input_spec.channels_read)
                return np.moveaxis(found, 0, 2) if len(found) > 1 else found[0]
            case _:
                assert_never(self.input_spec.preparation)

    def _fitted(self, image: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return pixels, (H, W) or (H, W, 3), as the network gets them."""
        fitted = self._at_size(image)
        return (in_red(fitted) if self.input_spec.red else fitted).reshape(self.form.array_shape)

    def _at_size(self, image: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return pixels at the network's height and width, with the channels that it reads of a picture."""
        match self.input_spec.preparation:
            case "digit":
                return pictures.prepare(_channels(image, 1)[0])
            case "drawing":
                return pictures.prepare(_channels(image, 1)[0], digit=False)
            case "picture":
                channels = _channels(image, self.input_spec.channels_read)
                return pictures.fit(channels, self.form.height, self.form.width)
            case _:
                assert_never(self.input_spec.preparation)

    def _prediction(self, probabilities: NDArray[np.float64]) -> Prediction:
        first, second = (int(label) for label in (-probabilities).argsort(kind="stable")[:2])
        names = self.input_spec.names
        return Prediction(
            label=first, probability=float(probabilities[first]), runner_up=second,
            runner_up_probability=float(probabilities[second]), probabilities=tuple(probabilities.tolist()),
            name=names[first] if names else None, runner_up_name=names[second] if names else None,
        )  # fmt: skip


def _in_bytes(image: NDArray[Any]) -> NDArray[Any]:
    """Return an array of pixels, if they lie in 0..255."""
    if image.dtype.kind in "fb" and image.size and image.min() >= 0 and 0 < image.max() <= 1:
        raise ValueError(
            "its values are between 0 and 1, and those of an image between 0 and 255; multiply them by 255"
        )
    return image


def _channels(image: NDArray[np.float64], channels: int) -> NDArray[np.float64]:
    """Return pixels (H, W) or (H, W, 3) with this number of channels, (C, H, W): colours become grey, grey three equal
    channels.
    """
    if image.ndim == 3 and image.shape[2] == 3:
        colours = np.moveaxis(image, 2, 0)
        return colours if channels == 3 else np.tensordot([0.299, 0.587, 0.114], colours, 1)[None]
    if image.ndim != 2:
        raise ValueError(f"an array of shape {image.shape}, not an image of rows and columns")
    return np.stack([image] * channels)


def pack(net: nn.Module, config: TrainConfig, input_spec: InputSpec, form: PictureForm = MNIST) -> bytes:
    """Return a safetensors file of a network's weights; configuration and input specification are its metadata."""
    weights = {name: np.ascontiguousarray(value.numpy()) for name, value in net.state_dict().items()}
    return packed(weights, {**config_entry(config, form), INPUT_SPEC: spec_text(input_spec)})


def is_export(folder: Path) -> bool:
    """Return whether a folder is that of an export, finished or not."""
    return _is_packed(folder / WEIGHTS) or (folder / UNFINISHED).is_file()


def _is_packed(file: Path) -> bool:
    """Return whether `pack` made a file: other programs write safetensors files of the same name, too."""
    try:
        return INPUT_SPEC in metadata_in(file)
    except (OSError, WeightsError):
        return False


def load_model(path: str | Path) -> Model:
    """Return the network in an export's folder or in a file of weights, ready for pictures:

        model = load_model("winner")
        model(["seven.png"])[0].label

    Raises:
        OtherVersionError: the net has a setting that this version does not know.
        WeightsError: there is no such file, its export was not finished, or it does not hold a network.
    """
    from safetensors.torch import load

    file = Path(path) / WEIGHTS if Path(path).is_dir() else Path(path)
    try:
        if "unsure_below" in metadata_in(file).get(INPUT_SPEC, ""):
            raise WeightsError(f"{file}: was exported by version 0.3.0 or an earlier one; export the network again.")
        content = read_weights(file)
    except OSError as error:
        if (file.parent / UNFINISHED).is_file():
            raise WeightsError(
                f"{file.parent}: its export was interrupted; run the same `mnist-bench export` again."
            ) from error
        raise WeightsError(f"{file}: not a file of exported weights ({error.strerror}).") from error
    with readable(str(file)):
        metadata, (config, form) = metadata_of(content), config_in(content)
        input_spec = parse_spec(metadata[INPUT_SPEC]) if INPUT_SPEC in metadata else None
        net = net_of(load(content), config, form)
        if input_spec is not None:
            return Model(net=net, input_spec=check_spec(input_spec, form), form=form)
    if form != MNIST:
        raise WeightsError(
            f"{file}: does not record the training data of its network, images of {form}; "
            "`mnist-bench export STUDY/N --to DIR`, with `--data FILE` for your own data, writes a file that does."
        )
    return Model(net=net, input_spec=_spec_of_mnist(config), assumed=True)


def _spec_of_mnist(config: TrainConfig) -> InputSpec:
    import torch

    data = load_dataset(DataOptions(), torch.device("cpu")).training_on(config.train_on)
    return InputSpec(mean=data.means, std=data.deviations)
