"""The random draws of your own network, from generators that belong to it alone.

Our own layers draw from a generator that the trainer passes. Foreign code draws from the global ones of PyTorch, NumPy
and Python, and a period would depend on the earlier work of its process. Therefore each net has its own states for
them, which stand in the global ones while its forward pass runs, and not between: trials of one process
do not meet.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mnist_bench.picture_form import PictureForm
from search.errors import PluginError
from search.loading import Loaded
from search.messages import show

NAME = "_draws_of_mnist_bench"
"""Attribute of a net that holds its `Draws`."""


@dataclass(frozen=True, slots=True)
class _States:
    """The states of all global generators."""

    torch: Tensor
    cuda: Tensor | None  # that of the current GPU, if one is in use
    numpy: Any
    python: Any


def _states() -> _States:
    cuda = torch.cuda.get_rng_state() if torch.cuda.is_initialized() else None  # type: ignore[no-untyped-call]
    return _States(torch.get_rng_state(), cuda, np.random.get_state(), random.getstate())


def _put(states: _States) -> None:
    torch.set_rng_state(states.torch)
    if states.cuda is not None:
        torch.cuda.set_rng_state(states.cuda)
    np.random.set_state(states.numpy)
    random.setstate(states.python)


@contextmanager
def seeded(generator: torch.Generator) -> Iterator[None]:
    """Make all draws inside depend on the state of `generator` alone, and leave no trace outside."""
    outside = _states()
    # PyTorch's generators take 64 bits, NumPy's 32.
    wide, narrow = (int(torch.randint(2**bits, (), generator=generator, device=generator.device)) for bits in (62, 32))
    try:
        torch.manual_seed(wide)
        np.random.seed(narrow)
        random.seed(wide)
        yield
    finally:
        _put(outside)


class Draws:
    """Holds a net's states between its forward passes, and converts its input and output."""

    def __init__(self, loaded: Loaded, form: PictureForm) -> None:
        self._loaded = loaded
        self._form = form
        self._own: _States | None = None
        self._outside: _States | None = None

    def seed(self, generator: torch.Generator) -> None:
        """Let the next forward pass draw as it does whenever `generator` stands like this."""
        with seeded(generator):
            self._own = _states()

    def enter(self, module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """Put the net's states in place; hook before the forward pass."""
        self._outside = _states()
        if self._own is not None:
            _put(self._own)
        # Code that flattens with `view` needs rows, maps and pictures in their order in memory.
        return tuple(value.contiguous() for value in inputs)

    def leave(self, module: nn.Module, inputs: tuple[Any, ...], logits: Any) -> Tensor | None:
        """Put the outside's states back; hook after the forward pass, whether it returns or raises."""
        self._own = _states()
        if self._outside is not None:
            _put(self._outside)
        if logits is None:  # it raises
            return None
        check_logits(logits, len(inputs[0]), self._loaded.name, self._form)
        return logits.float()  # type: ignore[no-any-return]


def attach(module: nn.Module, loaded: Loaded, form: PictureForm, generator: torch.Generator) -> None:
    """Give a net draws of its own, seeded from `generator`."""
    draws = Draws(loaded, form)
    draws.seed(generator)
    setattr(module, NAME, draws)
    module.register_forward_pre_hook(draws.enter)
    module.register_forward_hook(draws.leave, always_call=True)


def seed_draws(module: nn.Module, generator: torch.Generator) -> None:
    """Seed your own network for a period; does nothing to other nets."""
    draws = getattr(module, NAME, None)
    if isinstance(draws, Draws):
        draws.seed(generator)


def check_logits(logits: Any, pictures: int, name: str, form: PictureForm) -> None:
    """Check that a net's output is a row of logits for each picture.

    Raises:
        PluginError: it is not.
    """
    shape = tuple(getattr(logits, "shape", ()))
    if shape != (pictures, form.classes):
        what = f"{' x '.join(map(str, shape))} numbers" if shape else show(type(logits).__name__)
        raise PluginError(
            f"Network {name} returns {what} for {pictures} images; {pictures} x {form.classes} logits are needed."
        )
