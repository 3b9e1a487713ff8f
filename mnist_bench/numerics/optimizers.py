"""PyTorch's optimizers without the wrappers that `torch.compile` needs.

The wrappers import PyTorch's compiler when they are first called. That took 0.9 s in each process that trains (PyTorch
2.13, a core of an EPYC, Zen 4), and nothing here is compiled. The functions that they wrap are called unchanged, so the
bits are the same.
"""

from __future__ import annotations

import inspect
from typing import TypeVar, cast

import torch
from torch.optim import Optimizer

T = TypeVar("T", bound=Optimizer)


def _unwrapped(kind: type[T]) -> type[T]:
    plain = {name: inspect.unwrap(getattr(kind, name)) for name in ("add_param_group", "zero_grad")}
    step = torch.no_grad()(inspect.unwrap(kind.step))
    return cast(type[T], type(kind.__name__, (kind,), {**plain, "step": step}))


Adam = _unwrapped(torch.optim.Adam)
SGD = _unwrapped(torch.optim.SGD)
