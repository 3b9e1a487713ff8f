"""Build your own network, and count its parameters and multiply-accumulates without values."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mnist_bench.errors import ArchitectureError
from mnist_bench.own_nets.own_net import OwnNet, loaded_net
from mnist_bench.picture_form import PictureForm
from search import canonical_json
from search.errors import PluginError
from search.messages import in_a_sentence, show

if TYPE_CHECKING:
    from torch import Generator, nn


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
    from mnist_bench.own_nets import draws

    net = loaded_net(code)
    with draws.seeded(generator):
        module = _made(net, net.settings.complete(settings), form, "cpu")
    draws.attach(module, net.loaded, form, generator)
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

    from mnist_bench.own_nets import draws

    with draws.seeded(torch.Generator()):
        module = _made(net, complete, form, where).eval()
        # Two pictures: some layers refuse one alone.
        pictures = torch.zeros(2, *form.shape, device=where)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            logits = _called(net, lambda: module(pictures))
    draws.check_logits(logits, 2, net.loaded.name, form)
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
