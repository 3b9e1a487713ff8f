"""A configuration in few words: compact cells for tables, one line for the live view."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from mnist_bench.architecture import block_filters
from mnist_bench.config import AugmentConfig, ModelConfig, OptimConfig, TrainConfig
from mnist_bench.config_json import to_json

NOTHING = "–"

SETTINGS: Mapping[str, Callable[[TrainConfig], str]] = MappingProxyType(
    {
        "blocks": lambda config: str(config.model.blocks),
        "filters": lambda config: _joined(block_filters(config.model)),
        "convs": lambda config: _of_blocks(config.model, config.model.convs_per_block),
        "kernel": lambda config: _of_blocks(config.model, config.model.kernel_size),
        "batchnorm": lambda config: _of_blocks(config.model, _placements(config.model.batchnorm)),
        "hidden": lambda config: _hidden(config.model),
        "hidden bn": lambda config: _of_hidden(config.model, _placements(config.model.hidden_batchnorm)),
        "dropout": lambda config: _dropout(config.model),
        "augment": lambda config: _augment(config.augment),
        "optimizer": lambda config: config.optim.optimizer.removesuffix("_nesterov"),
        "lr → drops": lambda config: _lr(config),
        "decay": lambda config: short(config.optim.weight_decay),
        "smoothing": lambda config: short(config.optim.label_smoothing),
        "batch": lambda config: str(config.optim.batch_size),
    }
)
"""Compact cells by heading, the most telling first."""

COVERED = frozenset(
    {
        *(f"model.{name}" for name in ("blocks", "filters", "filter_growth", "filter_multiple", "convs_per_block")),
        *(f"model.{name}" for name in ("kernel_size", "batchnorm", "hidden_layers", "hidden_units")),
        *(f"model.{name}" for name in ("hidden_batchnorm", "block_dropout", "hidden_dropout")),
        *(f"augment.{name}" for name in ("rotation_degrees", "zoom", "shear_radians", "translate_pixels")),
        *(f"optim.{name}" for name in ("optimizer", "lr", "schedule", "drops", "first_drop_fraction")),
        *(f"optim.{name}" for name in ("second_drop_fraction", "drop_factor", "weight_decay", "label_smoothing")),
        "optim.batch_size",
    }
)
"""Fields that the cells of SETTINGS tell."""


def distinguishing(configs: Sequence[TrainConfig]) -> list[dict[str, str]]:
    """Return, for each config, the compact cells by heading in which the configs differ; every cell for one alone."""
    rows = [{heading: text(config) for heading, text in SETTINGS.items()} for config in configs]
    for row, config in zip(rows, configs, strict=True):
        row |= {path: _plain(value) for path, value in leaves(to_json(config)) if path not in COVERED}
    alone = len(rows) == 1
    kept = [heading for heading in rows[0] if len({row[heading] for row in rows}) > 1] if rows else []
    return [{heading: row[heading] for heading in (SETTINGS if alone else kept)} for row in rows]


def leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted path, value) of every field of a nested mapping, in its order."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def line(config: TrainConfig) -> str:
    """Return one line, e.g. `2 blocks, 24·40 filters, bn before, rot 8°, adam, lr 0.0093 → ×0.1 at 4`."""
    return ", ".join([*_model_words(config.model), *_augment_words(config.augment), *_optim_words(config)])


def short(number: float) -> str:
    """Return a number with two significant digits and without the zero before the point: `.05`, `8`, `1e-05`."""
    return f"{number:.2g}".replace("0.", ".", 1) if 0 < abs(number) < 1 else f"{number:.3g}"


def _joined(values: Sequence[object]) -> str:
    return "·".join(map(str, values)) or NOTHING


def _values(setting: Any) -> tuple[Any, ...]:
    return setting if isinstance(setting, tuple) else (setting,)


def _of_blocks(model: ModelConfig, setting: Any) -> str:
    return _joined(_values(setting)) if model.blocks else NOTHING


def _of_hidden(model: ModelConfig, setting: Any) -> str:
    return _joined(_values(setting)) if model.hidden_layers else NOTHING


def _placements(setting: Any) -> tuple[str, ...]:
    return tuple(placement.removesuffix("_activation") for placement in _values(setting))


def _hidden(model: ModelConfig) -> str:
    units = _values(model.hidden_units)
    return _joined(units if len(units) > 1 else units * model.hidden_layers)


def _dropout(model: ModelConfig) -> str:
    blocks = _of_blocks(model, tuple(short(rate) for rate in _values(model.block_dropout)))
    hidden = _of_hidden(model, tuple(short(rate) for rate in _values(model.hidden_dropout)))
    return f"{blocks}/{hidden}"


def _augment(augment: AugmentConfig) -> str:
    strengths = (augment.rotation_degrees, augment.zoom, augment.shear_radians, augment.translate_pixels)
    if not any(strengths):
        return "none"
    rotation, zoom, shear, translation = map(short, strengths)
    return f"{rotation}° {zoom} {shear} {translation}px"


def _lr(config: TrainConfig) -> str:
    optim, highest = config.optim, short(config.optim.lr)
    if optim.schedule == "one_cycle":
        return f"{highest} one-cycle"
    epochs = ",".join(f"{epoch:.2g}" for epoch in _drop_epochs(config))
    return f"{highest} →×{short(optim.drop_factor)}@{epochs}" if epochs else highest


def _drop_epochs(config: TrainConfig) -> list[float]:
    optim = config.optim
    fractions = (optim.first_drop_fraction, optim.second_drop_fraction)[: optim.drops]
    return [fraction * config.epochs for fraction in fractions]


def _model_words(model: ModelConfig) -> Iterator[str]:
    if model.blocks:
        yield f"{model.blocks} block{'s' if model.blocks > 1 else ''}"
        yield f"{_joined(block_filters(model))} filters"
        if model.batchnorm != "none":
            yield f"bn {_joined(_placements(model.batchnorm))}"
    if model.hidden_layers:
        yield f"{_hidden(model)} hidden"


def _augment_words(augment: AugmentConfig) -> Iterator[str]:
    if augment.rotation_degrees:
        yield f"rot {augment.rotation_degrees:.2g}°"
    if augment.translate_pixels:
        yield f"shift {augment.translate_pixels:.2g} px"


def _optim_words(config: TrainConfig) -> Iterator[str]:
    optim: OptimConfig = config.optim
    yield optim.optimizer.removesuffix("_nesterov")
    drops = " and ".join(f"{epoch:.2g}" for epoch in _drop_epochs(config))
    if optim.schedule == "one_cycle":
        yield f"lr {optim.lr:.2g} one-cycle"
    else:
        yield f"lr {optim.lr:.2g}" + (f" → ×{optim.drop_factor:.2g} at {drops}" if drops else "")


def _plain(value: object) -> str:
    return NOTHING if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
