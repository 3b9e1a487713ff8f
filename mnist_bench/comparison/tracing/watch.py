"""Notes each tensor of a network's training steps: images, outputs, gradients, and the weights after the step."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn

from mnist_bench.config import TrainConfig
from mnist_bench.nets import plan_layers
from mnist_bench.picture_form import PictureForm
from mnist_bench.training import Learner

Kind = Literal["images", "output", "gradient of output", "gradient", "weight", "average", "slow average"]
"""What a tensor is: the batch, a layer's output, the loss's gradient with respect to that or to a weight, a weight
after the step, or its average."""
DIGEST = 32
"""Hexadecimal digits of a tensor's SHA-256 that are kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """One tensor of a step."""

    kind: Kind
    place: str
    """The layer, and the name of the weight: `layer 1 (convolution) weight`; with the number of the call, if a layer is
    called several times in a step. Empty for images."""
    digest: str
    """Of its numbers in the order of its axes, in float32 or float64, to which bfloat16 converts exactly."""
    dtype: str
    """In which it was computed."""
    shape: tuple[int, ...]

    @property
    def key(self) -> str:
        """Names the tensor within its step."""
        return f"{self.kind} {self.place}".strip()


class Watch:
    """Watches a learner from its next step on; it reads tensors and changes none."""

    def __init__(self, learner: Learner, places: Mapping[str, str], wanted: tuple[int, str] | None = None) -> None:
        """Attach to the network.

        Args:
            learner: that is going to be trained.
            places: the name of each layer in words, by its name in the network; others are named by themselves.
            wanted: a step, from 0, and the `key` of one of its tensors, whose numbers are kept.
        """
        self.steps: list[list[Seen]] = [[]]
        """The tensors of each step in the order in which they are computed; the last list is of the step under way."""
        self.kept: bytes | None = None
        """The numbers of the wanted tensor."""
        self._learner, self._places, self._wanted = learner, places, wanted
        self._calls: Counter[str] = Counter()
        learner.model.register_forward_pre_hook(self._images)
        for name, layer in learner.model.named_modules():
            # A layer in words may have parts that are never called.
            if name in places or not any(True for _ in layer.children()):
                layer.register_forward_hook(self._output_of(self._place(name, layer)))
        for name, weight in learner.model.named_parameters():
            if weight.requires_grad:
                hook = self._gradient_of(self._place_of_weight(name))
                weight.register_post_accumulate_grad_hook(hook)  # type: ignore[no-untyped-call]

    def end_step(self) -> None:
        """Note the weights after a step, and begin the next one."""
        for name, value in self._learner.model.state_dict().items():
            self._note("weight", self._place_of_weight(name), value)
        for name, value in self._learner.average.items():
            self._note("average", self._place_of_weight(name), value)
        for name, value in self._learner.slow.items():
            self._note("slow average", self._place_of_weight(name), value)
        self.steps.append([])
        self._calls.clear()

    def _place(self, name: str, layer: nn.Module) -> str:
        return self._places.get(name) or f"{name} ({type(layer).__name__})".strip()

    def _place_of_weight(self, name: str) -> str:
        layer, _, own = name.rpartition(".")
        outer, _, part = layer.rpartition(".")
        if outer in self._places:
            return f"{self._places[outer]} {part}.{own}"
        return f"{self._place(layer, self._learner.model.get_submodule(layer))} {own}"

    def _images(self, net: nn.Module, inputs: tuple[Any, ...]) -> None:
        if net.training and isinstance(inputs[0], Tensor):
            self._note("images", "", inputs[0])

    def _output_of(self, place: str) -> Any:
        def hook(layer: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            if not layer.training:
                return
            for value in _tensors(output):
                self._calls[place] += 1
                call = place if self._calls[place] == 1 else f"{place}, call {self._calls[place]}"
                self._note("output", call, value)
                if value.requires_grad:
                    # Of the tensor, not of the layer: hooks of layers refuse activations that overwrite their input.
                    value.register_hook(partial(self._note, "gradient of output", call))  # type: ignore[no-untyped-call]

        return hook

    def _gradient_of(self, place: str) -> Any:
        def hook(weight: Tensor) -> None:
            if weight.grad is not None:
                self._note("gradient", place, weight.grad)

        return hook

    def _note(self, kind: Kind, place: str, value: Tensor) -> None:
        numbers = _numbers(value)
        digest = hashlib.sha256(numbers).hexdigest()[:DIGEST]
        dtype = str(value.dtype).removeprefix("torch.")
        seen = Seen(kind=kind, place=place, digest=digest, dtype=dtype, shape=tuple(value.shape))
        if self._wanted == (len(self.steps) - 1, seen.key):
            self.kept = numbers
        self.steps[-1].append(seen)


def places_of(config: TrainConfig, form: PictureForm) -> dict[str, str]:
    """Return the layers of a built-in network in words, by their names in it; nothing for your own network."""
    if config.net_code is not None:
        return {}
    layers = plan_layers(config.model, form).layers
    return {str(number): f"layer {number + 1} ({layer.kind})" for number, layer in enumerate(layers)}


def _tensors(output: Any) -> Iterator[Tensor]:
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, tuple | list):
        for part in output:
            yield from _tensors(part)


def _numbers(value: Tensor) -> bytes:
    """Return the numbers of a tensor as bytes, in the order of its axes whatever its layout in memory."""
    wide = value.detach() if value.dtype in (torch.float64, torch.int64) else value.detach().float()
    return bytes(wide.cpu().contiguous().numpy().tobytes())
