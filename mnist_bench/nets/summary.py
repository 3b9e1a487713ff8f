"""A configuration in few words: compact cells for tables, one line for the live view."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple, assert_never

from mnist_bench.cells import compact, significant
from mnist_bench.config.schedule import epoch_at
from mnist_bench.config.settings import ModelConfig, Setting, TrainConfig
from mnist_bench.config.values import all_settings, setting_of, settings_of
from mnist_bench.errors import ArchitectureError
from mnist_bench.nets.own_net import split_code
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
    values = [settings_of(config) for config in configs]
    rows = [
        {heading: _cell(heading, config, settings) for heading in settings_by_heading()}
        for config, settings in zip(configs, values, strict=True)
    ]
    if len(rows) == 1:
        if configs[0].net_code is None:
            return rows
        ours = {heading: text for heading, text in rows[0].items() if not _of_layers(heading)}
        return [{f"net.{name}": _brief(value, Setting()) for name, value in configs[0].net.items()} | ours]
    # If your own network declares no settings, one configuration may have some that another lacks.
    paths = dict.fromkeys(path for row in values for path in row)
    differing = [path for path in paths if any(row.get(path) != values[0].get(path) for row in values)]
    kept = [
        heading
        for heading, told in settings_by_heading().items()
        if len({row[heading] for row in rows}) > 1 and any(setting.path in differing for setting in told)
    ]
    others = [path for path in differing if not setting_of(path).cells]
    return [
        {heading: row[heading] for heading in kept} | {path: _plain(settings.get(path)) for path in others}
        for row, settings in zip(rows, values, strict=True)
    ]


@cache
def settings_by_heading() -> Mapping[str, Sequence[Setting]]:
    """Return the settings that each compact cell shows, by its heading."""
    settings = all_settings().values()
    headings = dict.fromkeys([*HEADINGS, *(heading for setting in settings for heading in setting.cells)])
    return {heading: [setting for setting in settings if heading in setting.cells] for heading in headings}


def _of_layers(heading: str) -> bool:
    return all(setting.path.startswith("model.") for setting in settings_by_heading()[heading])


def _cell(heading: str, config: TrainConfig, values: Mapping[str, Any]) -> str:
    """Return a cell: by a way of its own, or each of its settings, a dash if it does nothing; `values` are by path."""
    if config.net_code is not None and _of_layers(heading):
        return NOTHING
    if heading in _COMBINED:
        return _COMBINED[heading].cell(config)
    told = [(setting, setting.counts_in(config)) for setting in settings_by_heading()[heading]]
    return "/".join(_brief(values[setting.path], setting) if counts else NOTHING for setting, counts in told)


def _brief(value: Any, setting: Setting) -> str:
    """Return a setting's plain value as a cell shows it: `.05`, `24·40`, `after`."""
    if isinstance(value, list | tuple):
        return _joined([_brief(entry, setting) for entry in value])
    return (compact(value) if isinstance(value, float) else _plain(value).removesuffix(setting.ending)) + setting.unit


def shown(heading: str, cells: Sequence[str]) -> tuple[Sequence[str], list[str]]:
    """Return the cells of a column as its rows show them, and the meaning of their signs, see `legend`.

    The parts of a cell that are the same in every row are left out, unless no part differs.
    """
    names = [setting.name for setting in settings_by_heading().get(heading, ())]
    rows = [cell.split("/") for cell in cells]
    has_all = all(len(row) == len(names) for row in rows)
    parts = [part for part in range(len(names)) if has_all and len({row[part] for row in rows}) > 1]
    if len(parts) in (0, len(names)):
        return cells, legend(heading, cells)
    texts = ["/".join(row[part] for part in parts) for row in rows]
    return texts, [f"{heading}: {'/'.join(names[part] for part in parts)}", *_dash(texts)]


def about_cell(heading: str) -> str:
    """Return what a compact cell of several settings shows; nothing for one that has the value of a single setting."""
    if heading in _COMBINED:
        return _COMBINED[heading].about
    return "The values, with `/` between." if len(settings_by_heading()[heading]) > 1 else ""


def legend(heading: str, cells: Collection[str]) -> list[str]:
    """Return the meanings of the signs in these cells of a column, a few words each; none if they need no words."""
    return [*_signs(heading, cells), *_dash(cells)]


def _dash(cells: Collection[str]) -> list[str]:
    return [f"{NOTHING}: has no effect there"] if NOTHING in cells else []


def _signs(heading: str, cells: Collection[str]) -> Iterator[str]:
    """Yield the meanings of the signs in these cells, except for the dash."""
    names = [setting.name for setting in settings_by_heading().get(heading, ())]
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
    values = settings_of(config)
    net = (
        _own_net_words(config) if config.net_code else [*_model_words(config, values), *_told("model", config, values)]
    )
    augment, optim = _told("augment", config, values), _told("optim", config, values)
    return ", ".join([*net, *augment, _cell("optimizer", config, values), rate_words(config), *optim])


def _told(section: str, config: TrainConfig, values: Mapping[str, Any]) -> Iterator[str]:
    """Yield the words of the settings of a section that are told where they do something and are not the default."""
    by_name = {setting.name: values[path] for path, setting in all_settings().items() if path.startswith(f"{section}.")}
    for name, value in by_name.items():
        setting = setting_of(f"{section}.{name}")
        if setting.line and value != setting.default and setting.counts_in(config):
            yield setting.line.format(**by_name, value=value)


def _own_net_words(config: TrainConfig) -> Iterator[str]:
    yield split_code(str(config.net_code))[0]
    for name, value in config.net.items():
        yield f"{name} {_brief(value, Setting())}"


def _model_words(config: TrainConfig, values: Mapping[str, Any]) -> Iterator[str]:
    model = config.model
    if model.blocks:
        yield f"{model.blocks} block{'s' if model.blocks > 1 else ''}"
        yield f"{_joined(block_filters(model))} filters"
        if model.batchnorm != "none":
            yield f"bn {_cell('batchnorm', config, values)}"
    if model.hidden_layers:
        yield f"{_hidden(model)} hidden"


def _joined(values: Sequence[object]) -> str:
    return "·".join(map(str, values)) or NOTHING


def _plain(value: object) -> str:
    return NOTHING if value is None else significant(value, 3) if isinstance(value, float) else str(value)


def _filters(model: ModelConfig) -> Sequence[int]:
    """Return the feature maps of each block; of a net that is impossible, those that its list names."""
    try:
        return block_filters(model)
    except ArchitectureError:
        return model.filters if isinstance(model.filters, tuple) else (model.filters,)


def _hidden(model: ModelConfig) -> str:
    units = model.hidden_units if isinstance(model.hidden_units, tuple) else (model.hidden_units,) * model.hidden_layers
    return _joined(units if model.hidden_layers else ())


def rate_cell(config: TrainConfig) -> str:
    """Return the learning rate over time as a compact cell: `.0093 →×.1@4`.

    >>> rate_cell(TrainConfig())
    '.001'
    """
    if rates := _rates_of_phases(config):
        return "→".join(map(compact, rates))
    return _course(config, compact, " →×{factor}@{epochs}", ",", " →0@{epoch}")


def rate_words(config: TrainConfig) -> str:
    """Return the learning rate over time in a few words: `lr 0.0093 → ×0.1 at 4`."""
    if rates := _rates_of_phases(config):
        return f"lr {' then '.join(map(_rate, rates))}"
    return "lr " + _course(config, _rate, " → ×{factor} at {epochs}", " and ", " → 0 from {epoch}")


def _rate(rate: float) -> str:
    return f"{rate:.2g}"


def _rates_of_phases(config: TrainConfig) -> list[float]:
    """Return the learning rates of the phases, if all have one of their own and the schedule does nothing."""
    rates = [phase.lr for phase in config.phases if phase.lr is not None]
    return rates if len(rates) == len(config.phases) else []


def _course(config: TrainConfig, number: Callable[[float], str], drops: str, between: str, fall: str) -> str:
    """Return the highest rate, and the schedule in words with places for `factor` and `epochs`, or for the `epoch`."""
    optim = config.optim
    words = number(optim.lr)

    def epoch(share: float) -> str:
        return f"{round(epoch_at(config, share), 2):g}"  # `120`, `10.5`, `5.67`

    match optim.schedule:
        case "one_cycle":
            return f"{words} one-cycle"
        case "constant":
            epochs = between.join(map(epoch, optim.drop_fractions))
            words += drops.format(factor=number(optim.drop_factor), epochs=epochs) if epochs else ""
            return words + (fall.format(epoch=epoch(1 - optim.cooldown_fraction)) if optim.cooldown_fraction else "")
        case _:
            assert_never(optim.schedule)


class _Combined(NamedTuple):
    cell: Callable[[TrainConfig], str]
    about: str


_COMBINED: Mapping[str, _Combined] = MappingProxyType(
    {
        "filters": _Combined(lambda config: _joined(_filters(config.model)), "Channels of each block: `24·40`."),
        "hidden": _Combined(
            lambda config: _hidden(config.model), "Units of each dense layer: `128·64`; `–` without dense layers."
        ),
        "lr → drops": _Combined(
            rate_cell,
            "Highest learning rate, then its course. `.0093 →×.1@4` drops to a tenth after epoch 4; `→0@6` falls to "
            "zero from epoch 6 on; `.05 one-cycle` is one cycle.",
        ),
    }
)
