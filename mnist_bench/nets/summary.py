"""Describe a configuration briefly: compact cells for tables, one line for the live view."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, assert_never

from mnist_bench.config import AugmentConfig, ModelConfig, OptimConfig, TrainConfig, every_setting, leaves
from mnist_bench.nets.architecture import block_filters

NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Setting:
    """A compact cell of a table."""

    fields: tuple[str, ...]
    """Dotted paths of the settings that the cell shows."""
    text: Callable[[TrainConfig], str]
    """Returns the cell's text."""


SETTINGS: Mapping[str, Setting] = MappingProxyType(
    {
        "blocks": Setting(("model.blocks",), lambda config: str(config.model.blocks)),
        "filters": Setting(
            ("model.blocks", "model.filters", "model.filter_growth", "model.filter_multiple"),
            lambda config: _joined(block_filters(config.model)),
        ),
        "convs": Setting(
            ("model.convs_per_block",), lambda config: _of_blocks(config.model, config.model.convs_per_block)
        ),
        "kernel": Setting(("model.kernel_size",), lambda config: _of_blocks(config.model, config.model.kernel_size)),
        "batchnorm": Setting(
            ("model.batchnorm",), lambda config: _of_blocks(config.model, _placements(config.model.batchnorm))
        ),
        "hidden": Setting(("model.hidden_layers", "model.hidden_units"), lambda config: _hidden(config.model)),
        "hidden bn": Setting(
            ("model.hidden_batchnorm",),
            lambda config: _of_hidden(config.model, _placements(config.model.hidden_batchnorm)),
        ),
        "dropout": Setting(("model.block_dropout", "model.hidden_dropout"), lambda config: _dropout(config.model)),
        "augment": Setting(
            ("augment.rotation_degrees", "augment.zoom", "augment.shear_radians", "augment.translate_pixels"),
            lambda config: _augment(config.augment),
        ),
        "optimizer": Setting(("optim.optimizer",), lambda config: config.optim.optimizer.removesuffix("_nesterov")),
        "lr → drops": Setting(
            ("optim.lr", "optim.schedule", "optim.drops", "optim.first_drop_fraction", "optim.second_drop_fraction",
             "optim.drop_factor", "epochs"),
            lambda config: _lr(config),
        ),
        "decay": Setting(("optim.weight_decay",), lambda config: short(config.optim.weight_decay)),
        "smoothing": Setting(("optim.label_smoothing",), lambda config: short(config.optim.label_smoothing)),
        "batch": Setting(("optim.batch_size",), lambda config: str(config.optim.batch_size)),
    }
)  # fmt: skip
"""Compact cells by heading, the most informative first."""


def distinguishing(configs: Sequence[TrainConfig]) -> list[dict[str, str]]:
    """Return the cells of each configuration, by heading, in which they differ; of a single one, all cells.

    A cell is included if its text differs and one of its settings differs, too. The text alone may differ only because
    some of the nets lack a part. Settings that have no cell get one of their own.
    """
    cells = [{heading: setting.text(config) for heading, setting in SETTINGS.items()} for config in configs]
    fields = [dict(leaves(every_setting(config))) for config in configs]
    if len(cells) == 1:
        return cells
    first = fields[0] if fields else {}
    differing = [path for path in first if any(values[path] != first[path] for values in fields)]
    headings = [
        heading
        for heading, setting in SETTINGS.items()
        if len({texts[heading] for texts in cells}) > 1 and any(path in differing for path in setting.fields)
    ]
    with_a_cell = {path for setting in SETTINGS.values() for path in setting.fields}
    others = [path for path in differing if path not in with_a_cell]
    return [
        {heading: texts[heading] for heading in headings} | {path: _plain(values[path]) for path in others}
        for texts, values in zip(cells, fields, strict=True)
    ]


def line(config: TrainConfig) -> str:
    """Return one line: `2 blocks, 24·40 filters, bn before, rot 8°, adam, lr 0.0093 → ×0.1 at 4`."""
    return ", ".join([*_model_words(config.model), *_augment_words(config.augment), *_optim_words(config)])


def short(number: float) -> str:
    """Return a number below 100 with two significant digits and no zero before the point: `.05`, `8`, `1e-05`."""
    return f"{number:.2g}".replace("0.", ".", 1) if number < 1 else f"{number:.2g}"


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
    match optim.schedule:
        case "one_cycle":
            return f"{highest} one-cycle"
        case "constant":
            epochs = ",".join(f"{epoch:.2g}" for epoch in _drop_epochs(config))
            return f"{highest} →×{short(optim.drop_factor)}@{epochs}" if epochs else highest
        case _:
            assert_never(optim.schedule)


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
    match optim.schedule:
        case "one_cycle":
            yield f"lr {optim.lr:.2g} one-cycle"
        case "constant":
            drops = " and ".join(f"{epoch:.2g}" for epoch in _drop_epochs(config))
            yield f"lr {optim.lr:.2g}" + (f" → ×{optim.drop_factor:.2g} at {drops}" if drops else "")
        case _:
            assert_never(optim.schedule)


def _plain(value: object) -> str:
    return NOTHING if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
