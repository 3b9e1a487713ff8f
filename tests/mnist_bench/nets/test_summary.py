from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from mnist_bench.config.schedule import Schedule
from mnist_bench.config.settings import AugmentConfig, ModelConfig, OptimConfig, Phase, TrainConfig
from mnist_bench.config.values import all_settings
from mnist_bench.nets.summary import HEADINGS, distinguishing, line, shown

RICH = TrainConfig(
    model=ModelConfig(
        filters=24, filter_growth=1.67, filter_multiple=8, batchnorm="before_activation", hidden_units=256
    ),
    augment=AugmentConfig(rotation_degrees=8.0, zoom=0.06, shear_radians=0.04),
    optim=OptimConfig(lr=0.0093, drops=1, first_drop_fraction=2 / 3),
)


PHASES = (Phase(epochs=4, lr=0.01), Phase(epochs=2, lr=0.001))
SMALL = ModelConfig(filters=4, convolutions="separable", final_pool="mean", hidden_layers=0)
OWN = replace(RICH, net_code="my nets.py:build " + "0" * 64, net={"width": 8, "sizes": (3, 4), "rate": 0.25})


DROPPING, FALLING = "lr →×drop_factor@epochs of the drops", ["lr →0@epoch from which it falls to zero"]
AFTER_POOL = "batchnorm after_pool: before the activation, at a block's end between pool and activation"


def optim(**settings: Any) -> TrainConfig:
    """Return RICH with other settings of the optimizer."""
    return replace(RICH, optim=replace(RICH.optim, **settings))


def of_epochs(epochs: int) -> TrainConfig:
    return TrainConfig(epochs=epochs, optim=OptimConfig(drops=2, cooldown_fraction=0.25))


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (RICH, "^2 blocks, 24·40 filters, bn before, 256 hidden, rot 8°, adam, lr 0.0093 → ×0.1 at 4$"),
        (TrainConfig(optim=OptimConfig(optimizer="muon", filter_lr=0.3)), "muon, lr 0.001, filter lr 0.3$"),
        (TrainConfig(model=ModelConfig(blocks=0, hidden_layers=0)), "^adam, lr 0.001$"),
        (replace(RICH, model=SMALL), "^2 blocks, 4·8 filters, separable, mean of pixels, rot 8°"),
        (OWN, r"^my nets\.py:build, width 8, sizes 3·4, rate .25, rot 8°"),
        (optim(cooldown_fraction=0.25), "lr 0.0093 → ×0.1 at 4 → 0 from 4.5$"),
        (replace(RICH, phases=PHASES), "lr 0.01 then 0.001$"),
        (replace(RICH, phases=(PHASES[0], Phase(epochs=2))), "lr 0.0093 → ×0.1 at 4$"),
        (TrainConfig(augment=AugmentConfig(grid_pixels=4, grid_shift=1.5)), r"grid 4×4 1\.5 px, adam"),
        (optim(hard_share=0.5), "hard 0.5, easy 0.33$"),
        (optim(learned_share=0.25), "learned 0.25$"),
        (TrainConfig(model=ModelConfig(test_shift=2)), "128 hidden, evaluated ±2 px, adam"),
        (of_epochs(200), "lr 0.001 → ×0.1 at 120 and 170 → 0 from 150$"),
        (of_epochs(7), "lr 0.001 → ×0.1 at 4.2 and 5.95 → 0 from 5.25$"),
        (of_epochs(1234), "lr 0.001 → ×0.1 at 740.4 and 1048.9 → 0 from 925.5$"),
    ],
)
def test_the_line_says_what_a_reader_would_ask_first(config: TrainConfig, words: str) -> None:
    assert re.search(words, line(config)), line(config)


@pytest.mark.parametrize(
    ("config", "cells"),
    [
        (RICH, {"filters": "24·40", "dropout": "0/0", "augment": "8°/.06/.04/0px", "lr → drops": ".0093 →×.1@4"}),
        (OWN, {"net.width": "8", "net.sizes": "3·4", "net.rate": ".25"}),
        (optim(cooldown_fraction=0.25), {"lr → drops": ".0093 →×.1@4 →0@4.5"}),
        (replace(RICH, phases=PHASES), {"lr → drops": ".01→.001"}),
        (of_epochs(15), {"lr → drops": ".001 →×.1@9,12.75 →0@11.25"}),
    ],
)
def test_one_config_alone_shows_every_cell(config: TrainConfig, cells: dict[str, str]) -> None:
    (found,) = distinguishing([config])
    assert found == {**found, **cells}
    assert ("filters" in found) == (config is not OWN), "our layers are none of those of a user's own net"


def columns(path: str, *texts: str) -> list[dict[str, str]]:
    return [{path: text} for text in texts]


@pytest.mark.parametrize(
    ("configs", "rows"),
    [
        (
            [replace(RICH, model=replace(SMALL, final_pool=pool)) for pool in ("mean", "max")],
            columns("model.final_pool", "mean", "max"),
        ),
        ([OWN, replace(OWN, net={**OWN.net, "width": 4})], columns("net.width", "8", "4")),
        ([OWN, replace(OWN, net={"width": 8, "sizes": (3, 4)})], columns("net.rate", "0.25", "–")),
        (
            [optim(ema_decay=decay) for decay in (0.9995, 0.9998, 0.9)],
            columns("optim.ema_decay", "0.9995", "0.9998", "0.9"),
        ),
        ([RICH, optim(ema_decay=0.99)], columns("optim.ema_decay", "0", "0.99")),
        ([RICH, optim(schedule="one_cycle", drops=0)], columns("lr → drops", ".0093 →×.1@4", ".0093 one-cycle")),
        ([RICH, replace(RICH, model=replace(RICH.model, hidden_layers=0))], columns("hidden", "256", "–")),
    ],
)
def test_several_configs_show_what_differs(configs: list[TrainConfig], rows: list[dict[str, str]]) -> None:
    assert distinguishing(configs) == rows


def test_settings_of_parts_that_a_net_lacks_are_dashes() -> None:
    bare = TrainConfig(model=ModelConfig(blocks=0, hidden_layers=0))
    first, _ = distinguishing([bare, RICH])
    assert (first["filters"], first["batchnorm"], first["hidden"]) == ("–", "–", "–")


def test_epochs_are_those_at_which_the_rate_changes_where_later_epochs_take_fewer_images() -> None:
    chosen = replace(optim(drops=1, first_drop_fraction=0.6, cooldown_fraction=0.3, hard_share=0.5), epochs=8)
    whole = Schedule(config=chosen, images=50_000)
    rates = [whole.lr(step) for step in range(whole.total_steps)]
    dropped = next(step for step, rate in enumerate(rates) if rate < chosen.optim.lr)
    falling = next(step for step, rate in enumerate(rates) if rate < rates[dropped])
    assert distinguishing([chosen])[0]["lr → drops"] == ".0093 →×.1@4.6 →0@5.45"
    for step, epoch in ((dropped, 4.6), (falling, 5.45)):
        assert abs(whole.first_step(epoch) - step) <= 1


def test_every_heading_tells_a_setting() -> None:
    told = {heading for declared in all_settings().values() for heading in declared.cells}
    assert told == {*HEADINGS}


@pytest.mark.parametrize(
    ("heading", "cells", "texts", "words"),
    [
        ("augment", ["8°/.06/0/0px", "0°/.05/0/0px"], ["8°/.06", "0°/.05"], ["augment: rotation_degrees/zoom"]),
        (
            "augment",
            ["8°/.1/0/2px"],
            ["8°/.1/0/2px"],
            ["augment: rotation_degrees/zoom/shear_radians/translate_pixels"],
        ),
        ("dropout", [".1/.3", ".2/.3"], [".1", ".2"], ["dropout: block_dropout"]),
        ("dropout", [".1/–", ".1/.3"], ["–", ".3"], ["dropout: hidden_dropout", "–: has no effect there"]),
        ("dropout", [".1/.2", ".2/.3"], [".1/.2", ".2/.3"], None),
        ("lr → drops", [".01 one-cycle", ".02 one-cycle"], [".01 one-cycle", ".02 one-cycle"], []),
        ("lr → drops", [".01 →0@3", ".02 →0@4"], [".01 →0@3", ".02 →0@4"], FALLING),
        ("lr → drops", [".01 →0@3", ".01 →0@3"], [".01 →0@3", ".01 →0@3"], FALLING),
        ("lr → drops", [".001 →0@3", ".0093 →×.1@4"], [".001 →0@3", ".0093 →×.1@4"], [DROPPING, *FALLING]),
        ("batchnorm", ["none", "after"], ["none", "after"], []),
        ("batchnorm", ["none", "after_pool"], ["none", "after_pool"], [AFTER_POOL]),
        ("decay", ["0", ".01"], ["0", ".01"], ["decay: weight_decay"]),
    ],
)
def test_parts_of_a_cell_that_are_the_same_in_every_row_are_left_out(
    heading: str, cells: list[str], texts: list[str], words: list[str] | None
) -> None:
    found = shown(heading, cells)
    assert found[0] == texts
    assert words is None or found[1] == words
