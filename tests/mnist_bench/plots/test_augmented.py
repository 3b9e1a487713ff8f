from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from mnist_bench.config.settings import AugmentConfig
from mnist_bench.data.choice import DataOptions
from mnist_bench.data.mnist import Images, load_training_set
from mnist_bench.plots import augmented
from mnist_bench.training.batches import DRAWS as NUMBERS, maps
from search.errors import SearchError, SpaceError, UsageError
from support import drawn


@pytest.fixture(scope="module")
def mnist() -> Images:
    return load_training_set(DataOptions()).images


def test_settings_replace_the_notebooks() -> None:
    config = augmented.settings(())
    assert (config.rotation_degrees, config.zoom, config.shear_radians, config.translate_pixels) == (10, 0.1, 0.1, 0)
    config = augmented.settings(["augment.rotation_degrees=30", "augment.fill=background"])
    assert config == replace(augmented.NOTEBOOK, rotation_degrees=30, fill="background")


@pytest.mark.parametrize(
    ("assignment", "words"),
    [("augment.rotation=3", "did you mean `rotation_degrees`"), ("augment.rotation_degrees=91", "91 is above 90")],
)
def test_settings_are_checked_like_a_space_files(assignment: str, words: str) -> None:
    with pytest.raises(SpaceError, match=words):
        augmented.settings([assignment])


@pytest.mark.parametrize("assignment", ["optim.lr=0.1", "rotation_degrees=3", "=", "augment.zoom={float: [0, 0.1]}"])
def test_other_settings_and_ranges_are_refused(assignment: str) -> None:
    with pytest.raises(UsageError):
        augmented.settings([assignment])


@given(st.text(max_size=40))
def test_any_text_is_a_setting_or_refused_in_words(text: str) -> None:
    with suppress(SearchError):
        assert 0 <= augmented.settings([f"augment.zoom={text}"]).zoom <= 0.9


def test_a_full_shift_moves_a_digit_up_by_the_pixels_of_its_strength(mnist: Images) -> None:
    draws = torch.zeros(2, NUMBERS)
    draws[:, 2] = 1
    config = AugmentConfig(translate_pixels=3)
    moved = augmented.distorted(mnist.images[:2], maps(config, draws).flatten(1), config)
    assert np.array_equal(moved[:, :-3], mnist.images[:2, 3:])
    assert not moved[:, -3:].any()


def test_each_row_is_another_draw_of_the_seed(mnist: Images) -> None:
    rows = augmented.rows(mnist, augmented.NOTEBOOK, 0)
    assert rows.images.shape == (1 + augmented.DRAWS, 10, 28, 28)
    assert np.array_equal(rows.images[0], mnist.images[:10])
    assert len({row.tobytes() for row in rows.images}) == 1 + augmented.DRAWS
    assert rows.labels == (5, 0, 4, 1, 9, 2, 1, 3, 1, 4)
    again, other = (augmented.rows(mnist, augmented.NOTEBOOK, seed).images for seed in (0, 1))
    assert np.array_equal(rows.images, again)
    assert not np.array_equal(rows.images[1:], other[1:])
    gridded = augmented.rows(mnist, AugmentConfig(grid_pixels=4), 0).images
    assert len({row.tobytes() for row in gridded}) == 1 + augmented.DRAWS
    still = augmented.rows(mnist, AugmentConfig(), 0).images
    assert (still == still[0]).all()


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (AugmentConfig(), "not distorted"),
        (AugmentConfig(zoom=0.135, translate_pixels=2), "zoomed ±14% and shifted ±2 px"),
        (augmented.NOTEBOOK, "turned ±10°, zoomed ±10% (each axis apart) and sheared ±0.1 rad"),
        (
            AugmentConfig(rotation_degrees=2.87, grid_pixels=4, grid_shift=1.5),
            "turned ±2.9° and displaced ±1.5 px on a 4×4 grid",
        ),
    ],
)
def test_strengths_in_words(config: AugmentConfig, words: str) -> None:
    assert augmented.in_words(config) == words


def test_the_picture_names_its_rows_columns_reading_and_seed(mnist: Images) -> None:
    figure = augmented.draw(augmented.rows(mnist, augmented.NOTEBOOK, 7))
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == list("5041921314")
    assert drawn.rows(figure) == ["original", "draw 1", "draw 2", "draw 3", "draw 4"]
    assert "nearest interpolation, the edge repeated outside" in " ".join(figure.get_supxlabel().split())
    assert "seed 7" in figure.get_supxlabel()
