"""Your own network built, its parameters and multiply-accumulates counted without values, and its random draws.

Built-in layers draw from a generator that the trainer passes. Foreign code draws from the global ones of PyTorch,
NumPy and Python, and a period would depend on the earlier work of its process. Therefore each net has its own states
for them, which stand in the global ones while its forward pass runs, and not between: trials of one process do not
meet.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from mnist_bench.errors import ArchitectureError
from mnist_bench.own_nets.own_net import OwnNet, loaded_net
from mnist_bench.picture_form import PictureForm
from search import canonical_json
from search.errors import PluginError
from search.messages import in_a_sentence, show

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn

    States = tuple[Tensor, Tensor | None, Any, Any]
    """Of the global generators of PyTorch, of the current GPU, of NumPy and of Python."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """The size of a net."""

    trainable: int  # weights that an optimizer changes
    parameters: int  # weights and floating-point buffers, such as batchnorm's running statistics
    macs: int  # multiply-accumulates for one picture, forward: of convolutions, matrix products and attention


def counts(code: str, settings: Mapping[str, Any], form: PictureForm) -> Counts:
    """Return the size of your own network for pictures of a form.

    It is built on PyTorch's device `meta`, which has shapes and no values, and `torch.utils.flop_counter` counts one
    forward pass; code that needs values is built and run on the CPU instead.

    Raises:
        ArchitectureError: the net refuses these settings: its code raises ValueError.
        ConfigError: they are not settings of the net.
        PluginError: its code raises anything else, or its result is not a net for these pictures.
        UsageError: the code was not named; see `own_net.loaded_net`.
    """
    return _counts(code, canonical_json.dumps(settings), form)


def build(code: str, settings: Mapping[str, Any], form: PictureForm, generator: Generator) -> nn.Module:
    """Return the net on the CPU, its weights drawn from `generator`; errors as in `counts`.

    Its input is a batch of pictures of this form, its output their float32 logits (N, classes).
    """

    net = loaded_net(code)
    with _drawing_from(generator):
        module = _made(net, net.settings.complete(settings), form, "cpu")
    draws = Draws(net.loaded.name, form)
    draws.seed(generator)
    setattr(module, NAME, draws)
    module.register_forward_pre_hook(draws.enter)
    module.register_forward_hook(draws.leave, always_call=True)
    return module


@lru_cache(maxsize=4096)  # a proposal asks for many, some of them again and again
def _counts(code: str, settings: str, form: PictureForm) -> Counts:
    net = loaded_net(code)
    complete = net.settings.complete(json.loads(settings))
    try:
        return _counted(net, complete, form, "meta")
    except (ArchitectureError, PluginError):
        return _counted(net, complete, form, "cpu")


def _counted(net: OwnNet, complete: Mapping[str, Any], form: PictureForm, where: str) -> Counts:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with _drawing_from(torch.Generator()):
        module = _made(net, complete, form, where).eval()
        # Two pictures: some layers refuse one alone.
        pictures = torch.zeros(2, *form.shape, device=where)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            logits = _called(net, lambda: module(pictures))
    _check_logits(logits, 2, net.loaded.name, form)
    _check_state(module, net)
    parameters = list(module.parameters())
    return Counts(
        trainable=sum(weights.numel() for weights in parameters if weights.requires_grad),
        parameters=sum(value.numel() for value in (*parameters, *module.buffers()) if value.is_floating_point()),
        macs=counter.get_total_flops() // 4,  # two pictures; a multiply-accumulate is two operations
    )


def _check_state(module: nn.Module, net: OwnNet) -> None:
    """Check that a net can be trained, and that files can hold its state.

    Raises:
        PluginError: it cannot, or they cannot.
    """
    import torch

    if not any(weights.requires_grad for weights in module.parameters()):
        raise PluginError(f"Network {net.loaded.name} has no parameter that training would change.")
    for name, value in module.state_dict().items():
        if not isinstance(value, torch.Tensor):
            raise PluginError(
                f"Network {net.loaded.name} keeps {show(name)}, which is not a tensor, so it cannot be saved."
            )
        try:
            torch.empty(0, dtype=value.dtype).numpy()
        except TypeError:
            kind = str(value.dtype).removeprefix("torch.")
            raise PluginError(
                f"Network {net.loaded.name} keeps {show(name)} as {kind}, which a weights file cannot contain; keep "
                "it as float32, and bf16 is still used for computing if this machine is fast at it."
            ) from None


def _made(net: OwnNet, complete: Mapping[str, Any], form: PictureForm, where: str) -> nn.Module:
    """Return the code's net, on this device; layers that wait for their first input have had it.

    The settings are within the code's declaration; errors as in `counts`.
    """
    import torch
    from torch import nn
    from torch.nn.parameter import is_lazy

    argument = net.settings.as_argument(complete)
    with torch.device(where) if where == "meta" else nullcontext():
        module = _called(net, lambda: net.loaded.call(argument, form.shape, form.classes))
    if not isinstance(module, nn.Module):
        raise PluginError(
            f"Network {net.loaded.name} makes {show(type(module).__name__)}, which is not a torch.nn.Module."
        )
    if any(is_lazy(value) for value in (*module.parameters(), *module.buffers())):
        with torch.no_grad():
            _called(net, lambda: module.eval()(torch.zeros(2, *form.shape, device=where)))
    return module.train()


def _called(net: OwnNet, call: Callable[[], Any]) -> Any:
    """Return the result of the user's code; its ValueError refuses the settings, any other exception is blamed on
    it."""
    with net.loaded.blamed():
        try:
            return call()
        except ValueError as error:
            raise ArchitectureError(f"net: {in_a_sentence(error)}") from error


NAME = "_draws_of_mnist_bench"
"""Attribute of a net that holds its `Draws`."""


class Draws:
    """Holds a net's states of all global generators between its forward passes; converts its input and output."""

    def __init__(self, name: str, form: PictureForm) -> None:
        self._name = name
        self._form = form
        self._own: States | None = None
        self._outside: States | None = None

    def seed(self, generator: Generator) -> None:
        """Let the next forward pass draw as it does whenever `generator` stands like this."""
        with _drawing_from(generator):
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
        _check_logits(logits, len(inputs[0]), self._name, self._form)
        return logits.float()  # type: ignore[no-any-return]


def seed_draws(module: nn.Module, generator: Generator) -> None:
    """Seed your own network for a period; does nothing to other nets."""
    draws = getattr(module, NAME, None)
    if isinstance(draws, Draws):
        draws.seed(generator)


def _states() -> States:
    """Return the states of all global generators; that of the current GPU is None if none is in use."""
    import torch

    cuda = torch.cuda.get_rng_state() if torch.cuda.is_initialized() else None  # type: ignore[no-untyped-call]
    return torch.get_rng_state(), cuda, np.random.get_state(), random.getstate()


def _put(states: States) -> None:
    import torch

    of_torch, of_cuda, of_numpy, of_python = states
    torch.set_rng_state(of_torch)
    if of_cuda is not None:
        torch.cuda.set_rng_state(of_cuda)
    np.random.set_state(of_numpy)
    random.setstate(of_python)


@contextmanager
def _drawing_from(generator: Generator) -> Iterator[None]:
    """Make all draws inside depend on the state of `generator` alone, and leave no trace outside."""
    import torch

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


def _check_logits(logits: Any, pictures: int, name: str, form: PictureForm) -> None:
    """Check that a net's output is a row of logits for each picture; else raise PluginError."""
    shape = tuple(getattr(logits, "shape", ()))
    if shape != (pictures, form.classes):
        what = f"{' x '.join(map(str, shape))} numbers" if shape else show(type(logits).__name__)
        raise PluginError(
            f"Network {name} returns {what} for {pictures} images; {pictures} x {form.classes} logits are needed."
        )
