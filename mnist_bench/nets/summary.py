"""A configuration in few words: compact cells for tables, one line for the live view."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any

from mnist_bench.cells import compact, significant
from mnist_bench.config.schedule import rate_cell, rate_words
from mnist_bench.config.settings import ModelConfig, Setting, TrainConfig
from mnist_bench.config.values import Declared, all_settings, every_setting, flattened, setting_of
from mnist_bench.errors import ArchitectureError
from mnist_bench.nets import own_net
from mnist_bench.nets.planner import block_filters

NOTHING = "–"
HEADINGS = (
    "blocks", "filters", "convs", "kernel", "batchnorm", "hidden", "hidden bn", "dropout", "augment", "optimizer",
    "lr → drops", "decay", "smoothing", "batch",
)  # fmt: skip
"""Headings of compact cells, the most telling first; a declared heading that is not here comes after them."""


def distinguishing(configs: Sequence[TrainConfig]) -> list[dict[str, str]]:
    """Return, for each config, the compact cells by heading in which the configs differ; every cell for one alone.

    A cell counts as different if its text and one of its settings differ; a part that some of the nets lack does
    not. A setting that no cell shows has its own column, named by its path. For your own network the cells of built-in
    layers are dashes; a single one has its settings instead.
    """
    values = [_values(config) for config in configs]
    rows = [
        {heading: _cell(heading, config, settings) for heading in settings_by_heading()}
        for config, settings in zip(configs, values, strict=True)
    ]
    if len(rows) == 1:
        return rows if configs[0].net_code is None else [_alone(configs[0], rows[0])]
    # If your own network declares no settings, one configuration may have some that another lacks.
    paths = dict.fromkeys(path for row in values for path in row)
    differing = [path for path in paths if any(row.get(path) != values[0].get(path) for row in values)]
    kept = [
        heading
        for heading, told in settings_by_heading().items()
        if len({row[heading] for row in rows}) > 1 and any(declared.path in differing for declared in told)
    ]
    others = [path for path in differing if not setting_of(path).cells]
    return [
        {heading: row[heading] for heading in kept} | {path: _plain(settings.get(path)) for path in others}
        for row, settings in zip(rows, values, strict=True)
    ]


def _alone(config: TrainConfig, cells: Mapping[str, str]) -> dict[str, str]:
    """Return every cell of your own network."""
    ours = {heading: text for heading, text in cells.items() if not _of_layers(heading)}
    return {f"net.{name}": _brief(value, Setting()) for name, value in config.net.items()} | ours


def _of_layers(heading: str) -> bool:
    """Return whether a cell only shows settings of built-in nets."""
    return all(declared.path.startswith("model.") for declared in settings_by_heading()[heading])


@cache
def settings_by_heading() -> Mapping[str, Sequence[Declared]]:
    """Return the settings that each compact cell shows, by its heading."""
    settings = all_settings().values()
    headings = dict.fromkeys([*HEADINGS, *(heading for declared in settings for heading in declared.setting.cells)])
    return {heading: [declared for declared in settings if heading in declared.setting.cells] for heading in headings}


def _values(config: TrainConfig) -> dict[str, Any]:
    """Return the value of every setting, by its path."""
    return dict(flattened(every_setting(config)))


def _cell(heading: str, config: TrainConfig, values: Mapping[str, Any]) -> str:
    """Return a cell: by a way of its own, or each of its settings, a dash if it does nothing; `values` are by path."""
    if config.net_code is not None and _of_layers(heading):
        return NOTHING
    if heading in _COMBINED_CELLS:
        return _COMBINED_CELLS[heading](config)
    told = [(declared, declared.counts_in(config)) for declared in settings_by_heading()[heading]]
    return "/".join(_brief(values[declared.path], declared.setting) if counts else NOTHING for declared, counts in told)


def _brief(value: Any, setting: Setting) -> str:
    """Return a setting's plain value as a cell shows it: `.05`, `24·40`, `after`."""
    if isinstance(value, list | tuple):
        return _joined([_brief(entry, setting) for entry in value])
    return (compact(value) if isinstance(value, float) else _plain(value).removesuffix(setting.ending)) + setting.unit


def shown(heading: str, cells: Sequence[str]) -> tuple[Sequence[str], list[str]]:
    """Return the cells of a column as its rows show them, and the meaning of their signs, see `legend`.

    The parts of a cell that are the same in every row are left out, unless no part differs.
    """
    names = [declared.name for declared in settings_by_heading().get(heading, ())]
    rows = [cell.split("/") for cell in cells]
    has_all = all(len(row) == len(names) for row in rows)
    parts = [part for part in range(len(names)) if has_all and len({row[part] for row in rows}) > 1]
    if len(parts) in (0, len(names)):
        return cells, legend(heading, cells)
    texts = ["/".join(row[part] for part in parts) for row in rows]
    return texts, [f"{heading}: {'/'.join(names[part] for part in parts)}", *_dash(texts)]


def about_cell(heading: str) -> str:
    """Return what a compact cell shows, or a setting with a column of its own; nothing for one of your own network."""
    settings = settings_by_heading().get(heading) or [s for s in all_settings().values() if s.path == heading]
    if not settings:
        return ""
    alone = settings[0].about if len(settings) == 1 else "The values, with `/` between."
    return _ABOUT_COMBINED.get(heading, alone)


def legend(heading: str, cells: Collection[str]) -> list[str]:
    """Return the meanings of the signs in these cells of a column, a few words each; none if they need no words."""
    return [*_signs(heading, cells), *_dash(cells)]


def _dash(cells: Collection[str]) -> list[str]:
    return [f"{NOTHING}: has no effect there"] if NOTHING in cells else []


def _signs(heading: str, cells: Collection[str]) -> Iterator[str]:
    """Yield the meanings of the signs in these cells, except for the dash."""
    names = [declared.name for declared in settings_by_heading().get(heading, ())]
    match heading:
        case "lr → drops":
            if any("→×" in cell for cell in cells):
                yield "lr →×drop_factor@epochs of the drops"
            if any("→0@" in cell for cell in cells):
                yield "lr →0@epoch from which it falls to zero"
        case "batchnorm":
            if "after_pool" in cells:
                yield "batchnorm after_pool: before the activation, at a block's end between pool and activation"
        case "decay":
            yield f"decay: {'/'.join(names)}"  # and not ema_decay, which has a column of its own
        case _:
            if any("/" in cell for cell in cells):
                yield f"{heading}: {'/'.join(names)}"


def line(config: TrainConfig) -> str:
    """Return one line, e.g. `2 blocks, 24·40 filters, bn before, rot 8°, adam, lr 0.0093 → ×0.1 at 4`."""
    net = _own_net_words(config) if config.net_code else [*_model_words(config), *_told("model", config)]
    optim = [_cell("optimizer", config, _values(config)), rate_words(config)]
    return ", ".join([*net, *_told("augment", config), *optim, *_told("optim", config)])


def _told(section: str, config: TrainConfig) -> Iterator[str]:
    """Yield the words of the settings of a section that are told where they do something and are not the default."""
    values = every_setting(config)[section]
    for path, declared in all_settings().items():
        value = values.get(declared.name)
        is_told = declared.setting.line and path.startswith(f"{section}.") and value != declared.default
        if is_told and declared.counts_in(config):
            yield declared.setting.line.format(**values, value=value)


def _joined(values: Sequence[object]) -> str:
    return "·".join(map(str, values)) or NOTHING


def _filters(model: ModelConfig) -> Sequence[int]:
    """Return the feature maps of each block; of a net that is impossible, those that its list names."""
    try:
        return block_filters(model)
    except ArchitectureError:
        return model.filters if isinstance(model.filters, tuple) else (model.filters,)


def _hidden(model: ModelConfig) -> str:
    units = model.hidden_units if isinstance(model.hidden_units, tuple) else (model.hidden_units,) * model.hidden_layers
    return _joined(units if model.hidden_layers else ())


_COMBINED_CELLS: Mapping[str, Callable[[TrainConfig], str]] = MappingProxyType(
    {
        "filters": lambda config: _joined(_filters(config.model)),
        "hidden": lambda config: _hidden(config.model),
        "lr → drops": rate_cell,
    }
)
"""Cells that combine several settings."""
_ABOUT_COMBINED = {
    "filters": "Channels of each block: `24·40`.",
    "hidden": "Units of each dense layer: `128·64`; `–` without dense layers.",
    "lr → drops": "Highest learning rate, then its course. `.0093 →×.1@4` drops to a tenth after epoch 4; `→0@6` falls "
    "to zero from epoch 6 on; `.05 one-cycle` is one cycle.",
}
"""What they show."""


def _own_net_words(config: TrainConfig) -> Iterator[str]:
    yield own_net.split_code(str(config.net_code))[0]
    for name, value in config.net.items():
        yield f"{name} {_brief(value, Setting())}"


def _model_words(config: TrainConfig) -> Iterator[str]:
    model = config.model
    if model.blocks:
        yield f"{model.blocks} block{'s' if model.blocks > 1 else ''}"
        yield f"{_joined(block_filters(model))} filters"
        if model.batchnorm != "none":
            yield f"bn {_cell('batchnorm', config, _values(config))}"
    if model.hidden_layers:
        yield f"{_hidden(model)} hidden"


def _plain(value: object) -> str:
    return NOTHING if value is None else significant(value, 3) if isinstance(value, float) else str(value)
