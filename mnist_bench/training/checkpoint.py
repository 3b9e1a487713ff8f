"""Serialises a learner as bytes, and restores it. The bytes are a safetensors file.

Its tensors are `model.*`, `average.*` (if weights are averaged), `losses.*` (if images are chosen for them) and
`optimizer.KEY.*`; its metadata is one entry, because safetensors keeps several in no fixed order.
"""

from __future__ import annotations

import json
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

from mnist_bench.training.learner import Learner
from mnist_bench.training.weights import metadata_of, with_form


def to_bytes(learner: Learner, config_hash: str, period: int) -> bytes:
    """Return the whole learner, with the configuration and the period after which it was taken."""
    tensors = {f"model.{name}": value for name, value in learner.model.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in learner.average.items()}
    if learner.losses:
        tensors |= {f"losses.{name}": value for name, value in learner.losses._asdict().items()}
    for name, parameter in learner.model.named_parameters():
        # A weight without a gradient so far has no entry, and must get none: `state[parameter]` would make one.
        for key, value in learner.optimizer.state.get(parameter, {}).items():
            tensors[f"optimizer.{key}.{name}"] = value
    metadata = {"state": json.dumps(_position(learner, config_hash, period))}
    return save(_unshared({name: value.detach().cpu().contiguous() for name, value in tensors.items()}), metadata)


def restore(learner: Learner, content: bytes, config_hash: str, period: int) -> None:
    """Put the bytes of `to_bytes` into a learner made from the same configuration.

    Raises:
        ValueError: the bytes belong to another configuration, or are not of `period`.
    """
    found = json.loads(metadata_of(content)["state"])
    if found != _position(learner, config_hash, period):
        raise ValueError(f"the state is of {found}, not of configuration {config_hash} after period {period}")
    tensors = load(content)
    with torch.no_grad():
        for name, value in learner.model.state_dict().items():
            value.copy_(tensors[f"model.{name}"])
        for name, value in learner.average.items():
            value.copy_(tensors[f"average.{name}"])
        for name, value in learner.losses._asdict().items() if learner.losses else ():
            value.copy_(tensors[f"losses.{name}"])
    for name, parameter in learner.model.named_parameters():
        kept = {
            key.split(".")[1]: _laid_out_like(value, parameter)
            for key, value in tensors.items()
            if key.startswith("optimizer.") and key.split(".", 2)[2] == name
        }
        if kept:
            learner.optimizer.state[parameter] = kept


def _unshared(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors of which no two share their memory, as the weights that your own network uses twice do."""
    seen: set[int] = set()
    apart = {}
    for name, value in tensors.items():
        address = value.untyped_storage().data_ptr()
        apart[name] = value.clone() if address in seen else value
        seen.add(address)
    return apart


def _position(learner: Learner, config_hash: str, period: int) -> dict[str, Any]:
    return with_form({"config": config_hash, "period": period}, learner.form)


def _laid_out_like(value: Tensor, parameter: Tensor) -> Tensor:
    """Return `value` on the parameter's device with its strides: fused optimizers walk both in memory order."""
    if value.shape != parameter.shape:
        return value.to(parameter.device)
    return torch.empty_like(parameter).copy_(value)
