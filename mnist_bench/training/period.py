"""Train one period of a configuration: a pure function of configuration, seed, period, state and data.

Every draw comes from (seed, purpose, epoch or period): the weights' start, each epoch's order and distortions, each
period's dropout. torch's global generators are never touched.

The state is the bytes of a safetensors file. Its tensors are `model.*`, `average.*` (if weights are averaged),
`losses.*` (if images are chosen for them) and `optimizer.KEY.*`; its metadata is one entry, because safetensors keeps
several in no fixed order.
"""

from __future__ import annotations

import base64
import json
import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, assert_never

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from mnist_bench.config.schedule import Schedule
from mnist_bench.config.settings import OptimConfig, TrainConfig
from mnist_bench.config.values import config_hash
from mnist_bench.data.tensors import Dataset
from mnist_bench.nets import own_net
from mnist_bench.nets.modules import build_net, set_dropout_generator
from mnist_bench.numerics.kinds import Precision
from mnist_bench.numerics.operations import SGD, Adam, computing_in, filter_update, multiplying_in, normalise, seeded
from mnist_bench.picture_form import PictureForm
from mnist_bench.training.batches import Batch, LastLosses, batches, no_losses
from mnist_bench.training.weights import metadata_of, weights_hash, with_form
from search.hashed import NET_METRICS, EndReason
from search.trainer_api import Report

_LACKS_OF_MEMORY = ("DefaultCPUAllocator", "CUDA error: out of memory", "_STATUS_ALLOC_FAILED")
"""Texts of such errors: of PyTorch's allocator for the CPU, of CUDA, of cuBLAS and cuDNN."""


def advance(
    config: TrainConfig, seed: int, period: int, state: bytes | None, data: Dataset, precision: Precision
) -> tuple[bytes, Report]:
    """Train period number `period` (from 1) from `state` (None before the first); return the new state and the report.

    The report's value is the accuracy (0 to 1) on the validation part of `data`, with the averaged weights if
    averaging is on; its weights are the hash of the same. A loss that is not finite ends the trial as diverged, a lack
    of memory as out_of_memory.
    """
    started = time.perf_counter()
    own = nullcontext() if config.net_code is None else own_net.loaded_net(config.net_code).loaded.blamed()
    with own:  # outside of the handler for a lack of memory, for which no code is to blame
        try:
            learner = learner_before(config, seed, period, state, data)
            content, report = train_period(learner, config, seed, period, data, precision)
        except (MemoryError, RuntimeError) as error:
            if not _is_lack_of_memory(error):
                raise
            content, report = state or b"", _report(config, period, "", end="out_of_memory")
    return content, replace(report, measured={"seconds": time.perf_counter() - started})


def learner_before(config: TrainConfig, seed: int, period: int, state: bytes | None, data: Dataset) -> Learner:
    """Return the learner before a period, restored from `state`; errors as in `advance`."""
    schedule = Schedule(config=config, images=len(data.training_on(config.train_on).train))
    learner = make_learner(schedule, seeded(seed, "init"), data.device, data.form)
    if state is not None:
        restore(learner, state, config_hash(config), period - 1)
    elif period != 1:
        raise ValueError(f"period {period} needs the state after period {period - 1}")
    return learner


def train_period(
    learner: Learner, config: TrainConfig, seed: int, period: int, data: Dataset, precision: Precision
) -> tuple[bytes, Report]:
    """Train a learner that stands before a period, and return what `advance` does but for the time."""
    trained_on = data.training_on(config.train_on)
    schedule = Schedule(config=config, images=len(trained_on.train))
    steps = schedule.steps(period)
    set_dropout_generator(learner.model, seeded(seed, "dropout", period, device=str(data.device)))
    learner.model.train()
    # Added up on the device in float64; reading each step's loss would wait for the step.
    total = torch.zeros((), dtype=torch.float64, device=data.device)
    for batch in batches(schedule, trained_on, seed, steps, learner.losses):
        total += train_step(learner, schedule, batch, precision)
    found = evaluate(EvaluatedNet(learner), trained_on, precision)
    content = to_bytes(learner, config_hash(config), period)
    weights, train_loss = weights_hash(evaluated_state(learner)), float(total) / len(steps) if steps else None
    if not math.isfinite(found.loss) or not math.isfinite(train_loss or 0.0):
        return content, _report(config, period, weights, end="diverged")
    report = _report(config, period, weights, train_loss, found.loss, found.errors)
    return content, replace(report, value=found.accuracy, details={"correct": found.packed()})


def _report(
    config: TrainConfig, period: int, weights: str, *figures: float | None, end: EndReason | None = None
) -> Report:
    epoch = Schedule(config=config, images=1).period_ends[period - 1]
    metrics = dict(zip(NET_METRICS, (epoch, *(figures or (None, None, None))), strict=True))
    return Report(value=None, metrics=metrics, weights=weights, end=end)


def _is_lack_of_memory(error: Exception) -> bool:
    """Distinguish it: PyTorch's allocator for the CPU and the libraries raise a plain RuntimeError."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return str(error) == "could not create a primitive" or any(text in str(error) for text in _LACKS_OF_MEMORY)


@dataclass(frozen=True, slots=True)
class Learner:
    """The values that training changes, all on one device."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    filters: tuple[nn.Parameter, ...]
    """The weights whose updates Muon orthogonalises, each (F, ...) for F filters; empty with other optimizers."""
    average: dict[str, Tensor]
    """Moving averages of the floating-point entries of the model's state; empty if averaging is off."""
    losses: LastLosses | None  # None if images are not chosen by their losses
    form: PictureForm  # form of the pictures that it learns


class Rates(NamedTuple):
    """The values that change from step to step."""

    lr: float
    filter_lr: float  # learning rate of `Learner.filters`
    kept: float  # share of each weight that its decay leaves
    blend: float  # share of the newest weights in their average


def make_learner(schedule: Schedule, generator: torch.Generator, device: torch.device, form: PictureForm) -> Learner:
    """Return the learner before its first step, its weights drawn from `generator` on the CPU."""
    config = schedule.config
    model = build_net(config, generator, form).to(device)
    average = {}
    if config.optim.ema_decay:
        average = {name: value.clone() for name, value in model.state_dict().items() if value.is_floating_point()}
    optimizer, filters = _make_optimizer(config.optim, model)
    losses = no_losses(schedule, device)
    return Learner(model, optimizer, filters, average, losses=losses, form=form)


def rates_at(schedule: Schedule, step: int) -> Rates:
    """Return the rates of a step, from 0 over the whole budget."""
    config, lr = schedule.config.optim, schedule.lr(step)
    # The first steps count for more, so that the average forgets where it started, as in TensorFlow's
    # ExponentialMovingAverage with num_updates.
    decay = min(config.ema_decay, (1 + step) / (10 + step))
    return Rates(
        lr=lr,
        filter_lr=config.filter_lr * (lr / config.lr),
        kept=1 - lr * config.weight_decay,
        blend=1 - decay,
    )


def train_step(learner: Learner, schedule: Schedule, batch: Batch, precision: Precision) -> Tensor:
    """Take one step on `batch` at the rates of its place in `schedule`; return its loss, a scalar on the device.

    Each image's loss is left in `batch.losses`, if the schedule chooses by them. Nothing in it waits for the device.
    """
    config, rates = schedule.config.optim, rates_at(schedule, batch.step)
    # (B, C, H, W) to (B, classes). The last layer computes in float32 even in here (`nets.modules.Logits`), so the
    # loss, a scalar, is float32 in either precision.
    with computing_in(batch.pixels.device, precision):
        logits = learner.model(batch.pixels)
    loss = functional.cross_entropy(logits, batch.labels, label_smoothing=config.label_smoothing)
    if batch.losses is not None:
        # Of its own: smoothed, the loss of an image that the net is all too sure of rises again, and it is not hard.
        batch.losses.copy_(functional.cross_entropy(logits.detach(), batch.labels, reduction="none"))
    learner.optimizer.zero_grad()
    torch.autograd.backward(loss)
    # No scheduler of torch's: a step's rate follows from its place in the budget alone, in whatever process the period
    # is trained.
    for group, lr in zip(learner.optimizer.param_groups, (rates.lr, rates.filter_lr), strict=False):
        group["lr"] = lr
    # By hand, so that all optimizers decay alike and spare the same; `kept` is 1 - lr * weight_decay of this step.
    # Spared are biases and batchnorm's scales and shifts, (out,), and frozen weights (Loshchilov and Hutter 2019).
    if config.weight_decay:
        with torch.no_grad():
            for weight in learner.model.parameters():
                if weight.ndim > 1 and weight.requires_grad:
                    weight.mul_(rates.kept)
    if learner.filters:
        _prepare_filters(learner, config, precision)
    learner.optimizer.step()
    # Batchnorm's running means and variances are averaged with the weights that they belong to.
    state = learner.model.state_dict() if learner.average else {}
    for name, value in learner.average.items():
        value.lerp_(state[name], rates.blend)
    return loss.detach()


def evaluated_state(learner: Learner) -> dict[str, Tensor]:
    """Return the model's state, with the averages if averaging is on: the state that is evaluated and kept."""
    return {**learner.model.state_dict(), **learner.average}


class EvaluatedNet(nn.Module):
    """A learner's net that computes with the evaluated weights, while the learner's own weights stay as they are."""

    def __init__(self, learner: Learner) -> None:
        super().__init__()
        self.net = learner.model
        # A layer that your own network holds under two names is exchanged once: exchanged twice, it would not
        # get back what it had.
        names: dict[tuple[int, str], str] = {}
        for name in learner.model.state_dict():
            path, _, own = name.rpartition(".")
            names[id(learner.model.get_submodule(path)), own] = name
        state = evaluated_state(learner)
        self._weights = {name: state[name] for name in names.values()}

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the logits (N, classes)."""
        # Each layer has its own tensor, also of a weight that two of them share.
        logits: Tensor = functional_call(self.net, self._weights, (inputs,), tie_weights=False)
        return logits


def _filters(model: nn.Module) -> tuple[nn.Parameter, ...]:
    """Return the weights of convolutions and linear layers, in the order of the layers, except for the last layer's.

    Frozen weights are left out. In your own network the last layer is the one that it registers last.
    """
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d)]
    weights = [layer.weight for layer in layers if isinstance(layer.weight, nn.Parameter)]
    # A weight that two layers share is one weight; if the last layer has it, it belongs to that one.
    return tuple(weight for weight in dict.fromkeys(weights[:-1]) if weight.requires_grad and weight is not weights[-1])


def _make_optimizer(config: OptimConfig, model: nn.Module) -> tuple[torch.optim.Optimizer, tuple[nn.Parameter, ...]]:
    """Return the optimizer of all parameters, and the filters that are its second group (see `Learner.filters`)."""
    # Fused: one call for all weights, measured 3 to 4 times as fast as the loop over them on one CPU core.
    weights, lr = model.parameters(), config.lr
    match config.optimizer:
        case "adam":
            betas = (config.beta1, config.beta2)
            return Adam(weights, lr=lr, betas=betas, eps=config.epsilon, fused=True), ()
        case "sgd_nesterov":
            return _sgd([{"params": weights}], config), ()
        case "muon":
            filters = _filters(model)
            ours = set(filters)
            others = {"params": [weight for weight in weights if weight not in ours]}
            # The gradients of the filters are replaced by their updates (`_prepare_filters`), momentum included.
            return _sgd([others, {"params": filters, "momentum": 0.0, "nesterov": False}], config), filters
        case _:
            assert_never(config.optimizer)


def _sgd(groups: list[dict[str, Any]], config: OptimConfig) -> torch.optim.Optimizer:
    nesterov = config.momentum > 0  # torch refuses Nesterov's way without momentum
    optimizer = SGD(groups, lr=config.lr, momentum=config.momentum, nesterov=nesterov, fused=True)
    if nesterov:
        optimizer.register_step_pre_hook(_begin_late_momenta)
    return optimizer


def _begin_late_momenta(optimizer: torch.optim.Optimizer, *_: object) -> None:
    """Begin the momentum of weights that have their first gradient later than others, as with stochastic depth.

    PyTorch's fused SGD fails if some weights have a momentum and some have none. Zero is what its momentum would
    begin from.
    """
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    if len(optimizer.state) in (0, len(weights)):
        return  # none has one yet, or all have: so it is at each step of our nets
    for weight in weights:
        if weight.grad is not None and weight not in optimizer.state:
            optimizer.state[weight]["momentum_buffer"] = torch.zeros_like(weight)


def _prepare_filters(learner: Learner, config: OptimConfig, precision: Precision) -> None:
    """Replace the gradients of the filters by Muon's updates, and rescale the filters if their norms are set."""
    kept = learner.optimizer.state
    with multiplying_in(precision):
        for weight in learner.filters:
            if weight.grad is None:
                continue
            if weight not in kept:
                kept[weight]["momentum_buffer"] = torch.zeros_like(weight)
            weight.grad.copy_(filter_update(weight.grad, kept[weight]["momentum_buffer"], config.momentum))
            if config.filter_norms:
                normalise(weight)


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
    """Put the bytes of `to_bytes` into a learner made from the same configuration."""
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


BATCHES = {"cpu": 250, "cuda": 2500}
"""Images per batch: on a CPU core half the time of 500, because its cache holds it. They divide 10,000; if one does not
divide a set, the last batch reaches back to be full."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A net's results on a set of images."""

    logits: Tensor  # float32 (N, classes)
    loss: float  # mean cross-entropy in nats, without label smoothing; summed in float64
    correct: Tensor  # bool (N,), in the order of the indices

    @property
    def errors(self) -> int:
        """Number of images that are wrong."""
        return len(self.correct) - int(self.correct.sum())

    @property
    def accuracy(self) -> float:
        """Share of images that are right, 0 to 1."""
        return 1 - self.errors / len(self.correct)

    def packed(self) -> str:
        """Return `correct` as base64 of numpy's packed bits."""
        return base64.b64encode(np.packbits(self.correct.cpu().numpy()).tobytes()).decode()


def evaluate(model: nn.Module, data: Dataset, precision: Precision) -> Evaluation:
    """Return how `model` does on the validation part of `data`; the model is left in evaluation mode."""
    labels = data.labels[data.validation]
    return evaluate_at(model, data.validation, lambda indices: data.normalise(data.pixels(indices)), labels, precision)


@torch.no_grad()
def evaluate_at(
    model: nn.Module, chosen: Tensor, inputs_at: Callable[[Tensor], Tensor], labels: Tensor, precision: Precision
) -> Evaluation:
    """Return how `model` does on the images at `chosen` (N,), the indices of images, with these labels (N,).

    `inputs_at` returns the normalised images (B, C, H, W) at some indices (B,).
    """
    model.eval()
    size = min(BATCHES[chosen.device.type], len(chosen))
    parts = []
    for start in range(0, len(chosen), size):
        end = min(start + size, len(chosen))
        with computing_in(chosen.device, precision):
            # (B, classes), without the images that the batch before has counted.
            parts.append(model(inputs_at(chosen[end - size : end]))[start - end :])
    logits = torch.cat(parts)
    losses = functional.cross_entropy(logits.double(), labels, reduction="none")
    return Evaluation(logits, float(losses.mean()), logits.argmax(1) == labels)
