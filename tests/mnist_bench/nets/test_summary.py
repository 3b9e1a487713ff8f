from __future__ import annotations

from dataclasses import replace

import pytest

from mnist_bench.cells import compact
from mnist_bench.config.catalogue import all_settings
from mnist_bench.config.schedule import Schedule
from mnist_bench.config.settings import AugmentConfig, ModelConfig, OptimConfig, Phase, TrainConfig
from mnist_bench.nets.summary import HEADINGS, distinguishing, legend, line, shown

RICH = TrainConfig(
    model=ModelConfig(
        filters=24, filter_growth=1.67, filter_multiple=8, batchnorm="before_activation", hidden_units=256
    ),
    augment=AugmentConfig(rotation_degrees=8.0, zoom=0.06, shear_radians=0.04),
    optim=OptimConfig(lr=0.0093, drops=1, first_drop_fraction=2 / 3),
)


def test_the_line_says_what_a_reader_would_ask_first() -> None:
    assert line(RICH) == "2 blocks, 24·40 filters, bn before, 256 hidden, rot 8°, adam, lr 0.0093 → ×0.1 at 4"


def test_the_line_tells_the_rate_of_muons_filters() -> None:
    assert line(TrainConfig(optim=OptimConfig(optimizer="muon"))).endswith("muon, lr 0.001, filter lr 0.24")


def test_the_line_of_a_linear_model() -> None:
    linear = TrainConfig(model=ModelConfig(blocks=0, hidden_layers=0))
    assert line(linear) == "adam, lr 0.001"


def test_the_line_tells_what_makes_a_net_small() -> None:
    small = replace(RICH, model=ModelConfig(
        filters=4, convolutions="separable", final_pool="mean", hidden_layers=0
    ))  # fmt: skip
    assert line(small).startswith("2 blocks, 4·8 filters, separable, mean of pixels, rot 8°")
    assert distinguishing([small, replace(small, model=replace(small.model, final_pool="max"))]) == [
        {"model.final_pool": "mean"},
        {"model.final_pool": "max"},
    ]


def test_one_config_alone_shows_every_cell() -> None:
    (cells,) = distinguishing([RICH])
    assert cells["filters"] == "24·40"
    assert cells["dropout"] == "0/0"
    assert cells["augment"] == "8° .06 .04 0px"
    assert cells["lr → drops"] == ".0093 →×.1@4"


def test_of_a_net_of_the_users_own_no_cell_tells_our_layers() -> None:
    own = replace(RICH, net_code="my nets.py:build " + "0" * 64, net={"width": 8, "sizes": (3, 4), "rate": 0.25})
    (cells,) = distinguishing([own])
    assert list(cells)[:4] == ["net.width", "net.sizes", "net.rate", "augment"]
    assert (cells["net.sizes"], cells["net.rate"]) == ("3·4", ".25")
    assert distinguishing([own, replace(own, net={**own.net, "width": 4})]) == [{"net.width": "8"}, {"net.width": "4"}]
    assert distinguishing([own, replace(own, net={"width": 8, "sizes": (3, 4)})]) == [
        {"net.rate": "0.25"},
        {"net.rate": "–"},
    ]
    assert line(own).startswith("my nets.py:build, width 8, sizes 3·4, rate .25, rot 8°")


def test_a_cooldown_is_told_with_the_learning_rate() -> None:
    cooled = replace(RICH, optim=replace(RICH.optim, cooldown_fraction=0.25))
    assert distinguishing([cooled])[0]["lr → drops"] == ".0093 →×.1@4 →0@4.5"
    assert line(cooled).endswith("lr 0.0093 → ×0.1 at 4 → 0 from 4.5")
    assert legend("lr → drops", [".001 →0@3"]) == ["lr →0@epoch from which it falls to zero"]
    assert len(legend("lr → drops", [".001 →0@3", ".0093 →×.1@4"])) == 2


def test_epochs_are_those_at_which_the_rate_changes_where_later_epochs_take_fewer_images() -> None:
    optim = replace(RICH.optim, drops=1, first_drop_fraction=0.6, cooldown_fraction=0.3, hard_share=0.5)
    chosen = replace(RICH, epochs=8, optim=optim)
    whole = Schedule(config=chosen, images=50_000)
    rates = [whole.lr(step) for step in range(whole.total_steps)]
    dropped = next(step for step, rate in enumerate(rates) if rate < optim.lr)
    falling = next(step for step, rate in enumerate(rates) if rate < rates[dropped])
    assert distinguishing([chosen])[0]["lr → drops"] == ".0093 →×.1@4.6 →0@5.45"
    for step, epoch in ((dropped, 4.6), (falling, 5.45)):
        assert abs(whole.first_step(epoch) - step) <= 1


def test_the_rates_of_phases_are_told_where_the_schedule_does_nothing() -> None:
    phases = (Phase(epochs=4, lr=0.01), Phase(epochs=2, lr=0.001))
    (cells,) = distinguishing([replace(RICH, phases=phases)])
    assert cells["lr → drops"] == ".01→.001"
    assert line(replace(RICH, phases=phases)).endswith("lr 0.01 then 0.001")
    assert line(replace(RICH, phases=(phases[0], Phase(epochs=2)))).endswith("lr 0.0093 → ×0.1 at 4")


def test_values_near_1_are_told_apart() -> None:
    averaged = [replace(RICH, optim=replace(RICH.optim, ema_decay=decay)) for decay in (0.9995, 0.9998, 0.9)]
    assert [row["optim.ema_decay"] for row in distinguishing(averaged)] == ["0.9995", "0.9998", "0.9"]
    assert compact(0.998) == ".998"


def test_abbreviated_names_and_a_placement_that_does_not_tell_itself_are_explained_where_they_occur() -> None:
    assert legend("decay", ["0", ".01"]) == ["decay: weight_decay"]
    assert shown("decay", ["0", ".01"]) == (["0", ".01"], ["decay: weight_decay"])
    (words,) = legend("batchnorm", ["none", "after_pool"])
    assert words.startswith("batchnorm after_pool: before the activation, ")
    assert legend("batchnorm", ["none", "after"]) == []


@pytest.mark.parametrize(
    ("epochs", "drops", "falls"),
    [
        (200, "120 and 170", "150"),
        (15, "9 and 12.75", "11.25"),
        (7, "4.2 and 5.95", "5.25"),
        (1234, "740.4 and 1048.9", "925.5"),
    ],
)
def test_epochs_are_told_to_a_hundredth(epochs: int, drops: str, falls: str) -> None:
    config = TrainConfig(epochs=epochs, optim=OptimConfig(drops=2, cooldown_fraction=0.25))
    assert line(config).endswith(f"lr 0.001 → ×0.1 at {drops} → 0 from {falls}")
    assert distinguishing([config])[0]["lr → drops"] == f".001 →×.1@{drops.replace(' and ', ',')} →0@{falls}"


def test_the_line_tells_a_grid_and_hard_images() -> None:
    found = line(TrainConfig(augment=AugmentConfig(grid_pixels=4, grid_shift=1.5), optim=OptimConfig(hard_share=0.5)))
    assert "grid 4×4 1.5 px, adam" in found
    assert found.endswith("hard 0.5, easy 0.33")


def test_the_line_tells_learned_images() -> None:
    optim = OptimConfig(learned_share=0.25)
    assert line(TrainConfig(optim=optim)).endswith("learned 0.25")


def test_the_line_tells_shifted_views() -> None:
    assert "128 hidden, evaluated ±2 px, adam" in line(TrainConfig(model=ModelConfig(test_shift=2)))


def test_several_configs_show_what_differs() -> None:
    other = replace(RICH, optim=replace(RICH.optim, schedule="one_cycle", drops=0))
    assert distinguishing([RICH, other]) == [{"lr → drops": ".0093 →×.1@4"}, {"lr → drops": ".0093 one-cycle"}]


def test_a_difference_that_no_cell_tells_has_a_column_of_its_own() -> None:
    other = replace(RICH, optim=replace(RICH.optim, ema_decay=0.99))
    assert distinguishing([RICH, other]) == [{"optim.ema_decay": "0"}, {"optim.ema_decay": "0.99"}]


def test_settings_of_parts_that_a_net_lacks_are_dashes() -> None:
    bare = TrainConfig(model=ModelConfig(blocks=0, hidden_layers=0))
    first, _ = distinguishing([bare, RICH])
    assert (first["filters"], first["batchnorm"], first["hidden"]) == ("–", "–", "–")


def test_every_heading_tells_a_setting() -> None:
    told = {heading for declared in all_settings().values() for heading in declared.setting.cells}
    assert told == {*HEADINGS}


def test_a_part_that_one_net_lacks_is_no_difference_in_its_settings() -> None:
    bare = replace(RICH, model=replace(RICH.model, hidden_layers=0))
    assert distinguishing([RICH, bare]) == [{"hidden": "256"}, {"hidden": "–"}]


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.05, ".05"), (8.0, "8"), (0, "0"), (1e-05, "1e-05"), (0.0093, ".0093"), (10.4, "10"), (131.0, "131")],
)
def test_short_numbers(number: float, text: str) -> None:
    assert compact(number) == text


def test_strengths_that_are_zero_in_every_row_are_left_out() -> None:
    strengths = [AugmentConfig(rotation_degrees=4.5), AugmentConfig(rotation_degrees=8), AugmentConfig()]
    cells = [row["augment"] for row in distinguishing([TrainConfig(augment=one) for one in strengths])]
    assert cells == ["4.5° 0 0 0px", "8° 0 0 0px", "none"]
    assert shown("augment", cells) == (["4.5°", "8°", "none"], ["augment: rotation_degrees"])
    zoomed = ["8° .06 0 0px", "0° .05 0 0px"]
    assert shown("augment", zoomed) == (["8° .06", "0° .05"], ["augment: rotation_degrees zoom"])
    assert shown("augment", ["none", "none"]) == (["none", "none"], [])
    assert shown("augment", ["0° 0 0 0px", "none"])[0] == ["0° 0 0 0px", "none"]  # its grid alone distorts


def test_parts_of_a_cell_that_are_the_same_in_every_row_are_left_out() -> None:
    assert shown("augment", ["8° .1 0 2px", "9° .1 0 2px"]) == (["8°", "9°"], ["augment: rotation_degrees"])
    assert shown("augment", ["8° .1 0 0px", "none"])[0] == ["8° .1", "none"]
    assert shown("augment", ["8° .1 0 0px"])[0] == ["8° .1"]
    assert shown("dropout", [".1/.3", ".2/.3"]) == ([".1", ".2"], ["dropout: block_dropout"])
    assert shown("dropout", [".1/–", ".1/.3"]) == (
        ["–", ".3"], ["dropout: hidden_dropout", "–: has no effect there"]
    )  # fmt: skip
    assert shown("dropout", [".1/.2", ".2/.3"])[0] == [".1/.2", ".2/.3"]
    assert shown("lr → drops", [".01 one-cycle", ".02 one-cycle"]) == (
        [".01", ".02"], ["lr: each is followed by one-cycle"]
    )  # fmt: skip
    assert shown("lr → drops", [".01 →0@3", ".02 →0@4"])[0] == [".01 →0@3", ".02 →0@4"]
    assert shown("lr → drops", [".01 →0@3", ".01 →0@3"])[0] == [".01 →0@3", ".01 →0@3"]
