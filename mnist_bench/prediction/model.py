"""A net that takes pictures and gives labels, and the file that holds it: weights, and how its pictures are made."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from annotated_types import Ge, Gt, Le
from numpy.typing import NDArray
from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from mnist_bench.config import TrainConfig, from_json, to_json
from mnist_bench.data import DataOptions, load_dataset
from mnist_bench.errors import PictureError, WeightsError
from mnist_bench.prediction import files
from mnist_bench.prediction.preparation import brightness, prepare
from mnist_bench.training import metadata_of, model_in
from search import canonical_json, files as stored
from search.messages import first_fault, in_a_sentence

if TYPE_CHECKING:
    from torch import nn

WEIGHTS = "model.safetensors"
"""Name of the file in an export's folder."""
TRAITS = "mnist-bench"
"""Where the traits stand in the file's metadata, beside the configuration."""
MAX_BYTES = 1 << 30
BATCH = 250
"""Pictures that are computed at once."""


@with_config(ConfigDict(extra="forbid", allow_inf_nan=False))
@dataclass(frozen=True, kw_only=True, slots=True)
class Traits:
    """What a net needs besides its weights: how its pictures are made, and when it is unsure."""

    mean: Annotated[float, Ge(0), Le(255)]
    """Of the pixels that it was trained on, 0 to 255."""
    std: Annotated[float, Gt(0), Le(255)]
    """Their standard deviation."""
    digits: bool = True
    """Whether it was trained on digits: then a picture is cropped and centred, else fitted as it is."""
    unsure_below: Annotated[float, Ge(0), Le(1)] | None = None
    """The net is unsure where its best probability is below; None where nobody measured it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """What a net says of a picture."""

    label: int
    """The most probable class."""
    probability: float
    """Of the label, 0..1."""
    runner_up: int
    """The class after it."""
    runner_up_probability: float
    unsure: bool | None
    """Whether the probability is below the net's threshold; None where it has none."""
    probabilities: tuple[float, ...]
    """Of each class."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Model:
    """A net in float32 on the CPU, with what it takes to show it any picture."""

    net: nn.Module
    traits: Traits
    assumed: bool = False
    """Whether its file says nothing of its pictures, as those that a search keeps, so that MNIST's mean and standard
    deviation are taken."""

    def __call__(self, images: Iterable[Any]) -> list[Prediction]:
        """Return what the net says of each picture: a file's path, a Pillow image, or brightness of shape (H, W).

        Dark on light or light on dark, of any size, anywhere in the picture; see `preparation.prepare`.

        Raises:
            PictureError: one of them is empty, or no picture; the message names it.
        """
        return self.predict([self.prepared(image, f"picture {number}") for number, image in enumerate(images)])

    def prepared(self, image: Any, source: str) -> NDArray[np.float32]:
        """Return a picture as the net sees it, (28, 28), 0 to 255; `source` is for the message of a PictureError."""
        if isinstance(image, str | Path):
            image, source = files.read(Path(image)), str(image)
        elif hasattr(image, "convert"):
            image = brightness(image)
        try:
            return prepare(np.asarray(image, np.float64), digit=self.traits.digits)
        except (TypeError, ValueError) as error:
            raise PictureError(f"{source}: {in_a_sentence(error)}.") from error

    def predict(self, pictures: Sequence[NDArray[np.float32]]) -> list[Prediction]:
        """Return what the net says of pictures that are prepared, each of shape (28, 28), 0 to 255."""
        if not len(pictures):
            return []
        return [self._prediction(row) for row in self.probabilities(np.stack(pictures))]

    def probabilities(self, pictures: NDArray[Any]) -> NDArray[np.float64]:
        """Return the probability of each class, (N, 10), for prepared pictures, (N, 28, 28), 0 to 255."""
        import torch

        with torch.inference_mode():
            given = torch.tensor(pictures, dtype=torch.float32).unsqueeze(1)
            parts = torch.split((given - self.traits.mean) / self.traits.std, BATCH)
            logits = torch.cat([self.net(part) for part in parts])
            found: NDArray[np.float64] = logits.double().softmax(1).numpy()
        return found

    def _prediction(self, probabilities: NDArray[np.float64]) -> Prediction:
        first, second = (int(label) for label in (-probabilities).argsort(kind="stable")[:2])
        bar = self.traits.unsure_below
        return Prediction(
            label=first, probability=float(probabilities[first]), runner_up=second,
            runner_up_probability=float(probabilities[second]),
            unsure=None if bar is None else bool(probabilities[first] < bar),
            probabilities=tuple(probabilities.tolist()),
        )  # fmt: skip


def pack(net: nn.Module, config: TrainConfig, traits: Traits) -> bytes:
    """Return a safetensors file of a net's weights, its configuration and traits as metadata; always the same bytes."""
    from safetensors.numpy import save

    weights = {name: np.ascontiguousarray(value.numpy()) for name, value in net.state_dict().items()}
    metadata = {"config": canonical_json.dumps(to_json(config)), TRAITS: canonical_json.dumps(asdict(traits))}
    return _in_order(save(weights, metadata))


def _in_order(content: bytes) -> bytes:
    """Return a safetensors file with its metadata in order; the library writes them in an order of chance."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # what follows is aligned
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


def load_model(path: str | Path) -> Model:
    """Return the net in an export's folder or in a file of weights, ready for pictures:

        model = load_model("winner")
        model(["seven.png"])[0].label

    Raises:
        NewerVersionError: the net has a setting that this version does not know.
        WeightsError: there is no such file, or it holds something else.
    """
    file = Path(path) / WEIGHTS if Path(path).is_dir() else Path(path)
    try:
        content = stored.read(file, MAX_BYTES)
    except OSError as error:
        raise WeightsError(f"{file}: no file of exported weights ({error.strerror}).") from error
    net, metadata = model_in(content, str(file)), metadata_of(content)
    if "form" in json.loads(metadata["config"]):  # that of MNIST stands in no file
        raise WeightsError(
            f"{file}: a net for pictures of another form than MNIST's, which predict does not prepare yet."
        )
    if TRAITS not in metadata:
        return Model(net=net, traits=_traits_of_mnist(from_json(json.loads(metadata["config"]))), assumed=True)
    try:
        return Model(net=net, traits=_form().validate_json(metadata[TRAITS], strict=True))
    except ValidationError as error:
        raise WeightsError(f"{file}: no file of exported weights ({in_a_sentence(first_fault(error))}).") from error


def _traits_of_mnist(config: TrainConfig) -> Traits:
    import torch

    data = load_dataset(DataOptions(), torch.device("cpu")).training_on(config.train_on)
    (grey,) = data.moments
    return Traits(mean=grey.mean, std=grey.std)


@cache
def _form() -> TypeAdapter[Traits]:
    return TypeAdapter(Traits)
