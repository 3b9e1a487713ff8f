"""Trained weights as a file of their own: safetensors, with the configuration in the metadata."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors import SafetensorError, numpy as arrays

from mnist_bench.config.settings import TrainConfig
from mnist_bench.config.values import from_json, to_json
from mnist_bench.errors import UnknownSettingError, UnnamedCodeError, WeightsError
from mnist_bench.nets import own_net
from mnist_bench.nets.planner import net_size, plan_layers
from mnist_bench.picture_form import MNIST, PictureForm, parse
from search import canonical_json, files
from search.errors import OtherVersionError, UsageError
from search.event_log.records import TrialRecord
from search.messages import first_fault, in_a_sentence

if TYPE_CHECKING:
    from torch import Tensor, nn

MAX_BYTES = 1 << 30  # bytes; more than any net has that is worth searching for
MAX_HEADER = 10_000_000  # bytes of a safetensors file's header: 100,000 tensors
OF_ANOTHER_KIND = (AttributeError, TypeError, ValueError, RuntimeError, RecursionError)
UNREADABLE = (SafetensorError, UsageError, LookupError, *OF_ANOTHER_KIND)
"""Errors of bytes that are no net's, and what values of another kind raise."""


def export(state: bytes, config: TrainConfig) -> bytes:
    """Return the weights and buffers in a trainer's state as a safetensors file of their own.

    They are the averaged ones if averaging is on, named as in the net of `nets.build_net(config)`; the
    metadata holds the configuration as JSON under "config", and in it, under "form", that of pictures unlike MNIST's.
    """
    tensors = arrays.load(state)
    kept = {
        name.removeprefix(prefix): value
        for prefix in ("model.", "average.")  # an average takes the place of its weight
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
    form = _form_in(json.loads(metadata_of(state).get("state", "{}")))
    return arrays.save(kept, config_entry(config, form))


def config_entry(config: TrainConfig, form: PictureForm) -> dict[str, str]:
    """Return the entry of a file's metadata that describes its net: the configuration, and the form of its pictures."""
    return {"config": canonical_json.dumps(with_form(to_json(config), form))}


def packed(weights: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> bytes:
    """Return a safetensors file with its metadata sorted; the library writes several entries in random order."""
    content = arrays.save(dict(weights), dict(metadata))
    header = {**_header(content), "__metadata__": dict(sorted(metadata.items()))}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # what follows is aligned
    return len(text).to_bytes(8, "little") + text + content[8 + _header_length(content) :]


def with_form(values: Mapping[str, Any], form: PictureForm) -> dict[str, Any]:
    """Return values that metadata hold, and under "form" that of the pictures where it is not MNIST's."""
    # In one entry with the others: safetensors keeps several in no fixed order.
    return dict(values) if form == MNIST else {**values, "form": asdict(form)}


def check_trial(path: Path, trial: TrialRecord) -> bytes:
    """Return a file of `export`, which has to hold a trial's final weights. No code of your own network is needed."""
    return known(path, trial.reports[-1].weights, from_json(trial.config), f"trial {trial.number}")


def known(path: Path, weights: str, config: TrainConfig, whose: str) -> bytes:
    """Return the bytes of a file of `export`, which has to hold this configuration and weights of this SHA-256.

    `whose` they are is for the message.
    """
    from safetensors.torch import load

    try:
        content = read_weights(path)
    except OSError as error:
        raise WeightsError(f"{path}: not a file of exported weights ({error}).") from error
    with readable(str(path)):
        found = weights_hash(load(content)), config_in(content)[0]
    if found != (weights, config):
        raise WeightsError(f"{path}: holds different weights from those that {whose} ended with.")
    return content


def model_in(content: bytes, source: str) -> nn.Module:
    """Return the net in the bytes of `export`, on the CPU, to evaluate normalised pictures, float32 (N, C, H, W)."""
    from safetensors.torch import load

    with readable(source):
        return net_of(load(content), *config_in(content))


def net_of(weights: Mapping[str, Tensor], config: TrainConfig, form: PictureForm) -> nn.Module:
    """Return the net with these weights, as `model_in` does."""
    import torch

    from mnist_bench.nets.modules import build_net

    # Before memory is spent on a net, its weights have to be there.
    if config.net_code is None:
        parameters, each = net_size(config, form).parameters, 4
    else:  # which may have buffers that no file holds, and weights in half precision
        parameters, each = own_net.counts(config.net_code, config.net, form).trainable, 2
    size = sum(value.nbytes for value in weights.values())
    if each * parameters > size:
        raise ValueError(f"{size:,} bytes for {parameters:,} parameters")
    model = build_net(config, torch.Generator(), form)
    for name, value in model.state_dict().items():  # PyTorch would turn them into these types
        if name in weights and weights[name].dtype != value.dtype:
            raise ValueError(f"{name} is {weights[name].dtype}, not {value.dtype}")
    model.load_state_dict(weights)
    return model.eval()


@contextmanager
def readable(source: str) -> Iterator[None]:
    """Raise one sentence for any error that bytes of another kind cause inside."""
    try:
        yield
    except UnknownSettingError as error:
        raise OtherVersionError(f"{source}: {error}.") from error
    except UnnamedCodeError:
        raise
    except UNREADABLE as error:
        reason = in_a_sentence(first_fault(error) if isinstance(error, ValidationError) else error)
        raise WeightsError(f"{source}: not a file of exported weights ({reason}).") from error


def config_in(content: bytes) -> tuple[TrainConfig, PictureForm]:
    """Return the configuration of the net in the bytes of `export`, and the form of its pictures."""
    values = json.loads(metadata_of(content)["config"])
    form = _form_in(values)
    return from_json({name: value for name, value in values.items() if name != "form"}), form


def _form_in(values: Mapping[str, Any]) -> PictureForm:
    return parse(values["form"]) if "form" in values else MNIST


def read_weights(path: Path) -> bytes:
    """Return the bytes of a file of `export`, if its header promises its size, and no more than its net needs."""
    with files.opened(path) as file, readable(str(path)):
        size = os.fstat(file.fileno()).st_size
        head = _head(file)
        tensors = [entry for name, entry in _header(head).items() if name != "__metadata__"]
        promised = len(head) + max((entry["data_offsets"][1] for entry in tensors), default=0)
        if promised != size:
            raise ValueError(f"{size:,} bytes, and its header declares {promised:,}")
        config, form = config_in(head)
        # In addition to its parameters, a file holds means and variances of layers, as many at most, and the header.
        most = None if config.net_code else 8 * plan_layers(config.model, form).parameters + MAX_HEADER
        if size > MAX_BYTES or (most is not None and size > most):
            raise ValueError(f"{size:,} bytes are more than its network needs")
        file.seek(0)
        return file.read(size)


def metadata_in(path: Path) -> dict[str, str]:
    """Return the metadata of a safetensors file, whose tensors are not read."""
    with files.opened(path) as file, readable(str(path)):
        return metadata_of(_head(file))


def _head(file: BinaryIO) -> bytes:
    start = file.read(8)
    if (length := _header_length(start)) > MAX_HEADER:
        raise ValueError(f"a header of {length:,} bytes")
    return start + file.read(length)


def weights_hash(weights: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 over names, types, shapes and values of parameters and buffers, in order of their names."""
    hashed = hashlib.sha256()
    for name in sorted(weights):
        value = weights[name].detach().cpu().contiguous()
        hashed.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        hashed.update(value.numpy().data)
    return hashed.hexdigest()


def metadata_of(content: bytes) -> dict[str, str]:
    """Return the metadata of a safetensors file; empty if it has none."""
    metadata = _header(content).get("__metadata__", {})
    if not isinstance(metadata, dict):
        raise ValueError("its metadata are not texts by name")
    return metadata


def _header(content: bytes) -> dict[str, Any]:
    """Return the header of a safetensors file: JSON after its length in eight bytes."""
    header: dict[str, Any] = json.loads(content[8 : 8 + _header_length(content)])
    return header


def _header_length(content: bytes) -> int:
    return int.from_bytes(content[:8], "little")
