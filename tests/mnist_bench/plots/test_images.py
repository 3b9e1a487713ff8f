"""Errors of the best net and digits of a data set: rows, headings, and what is drawn of them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from matplotlib.figure import Figure

from mnist_bench.config.settings import AugmentConfig
from mnist_bench.data.choice import DataOptions
from mnist_bench.data.mnist import Images, load_training_set
from mnist_bench.plots import frame, images
from mnist_bench.plots.images import errors_of
from mnist_bench.plots.subject import DataSubject
from mnist_bench.training.batches import DRAWS as NUMBERS, maps
from search.errors import SearchError, SpaceError, UsageError
from support import drawn
from support.winners import predictions

RIGHT = [(digit, digit, 0.9) for digit in range(10)]
ANSWERS = [(4, 9, 0.6), (1, 1, 0.99), (7, 2, 0.98), (5, 3, 0.9)]
NAMES = ("an average aardvark", "$b$", *map(str, range(2, 9)), "ankle boot")


def picture(answers: list[tuple[int, int, float]], *, narrow: bool = False, **more: object) -> Figure:
    return frame.figure_of(images.drawn_errors(errors_of(predictions(answers, **more))), narrow=narrow)


def answers(*pairs: tuple[int, int]) -> list[tuple[int, int, float]]:
    """Return right answers for every class, and these (true, predicted) ones."""
    return [*RIGHT, *((true, predicted, 0.8) for true, predicted in pairs)]


@pytest.mark.parametrize(
    ("pairs", "finding"),
    [
        ([], "Every validation image is recognized"),
        ([(4, 9)], "The only error: 4 is taken for 9"),
        ([(4, 9), (4, 9), (7, 2)], "4 is taken for 9 most often: 2 of 3 errors"),
        ([(4, 9), (7, 2)] * 2 + [(1, 0)], "4 is taken for 9 and 7 for 2 most often: 2 of 5 errors each"),
        ([(4, 9), (7, 2)], "No confusion occurs twice: 2 errors, each of its own kind"),
        (
            [(n, n + 1) for n in range(6)] * 2,
            "0 → 1, 1 → 2, 2 → 3, 3 → 4 and 2 more are the most common confusions: 2 of 12 errors each",
        ),
    ],
)
def test_the_heading_says_what_is_confused_most(pairs: list[tuple[int, int]], finding: str) -> None:
    assert errors_of(predictions(answers(*pairs))).finding == finding


def test_the_matrix_prints_every_count_and_the_sums_and_shades_the_errors() -> None:
    axes = picture(answers((4, 9), (4, 9), (7, 2))).axes[0]
    cells = {text.get_position(): text.get_text() for text in axes.texts}
    assert (cells[9, 4], cells[2, 7], cells[4, 4], cells.get((0, 1))) == ("2", "1", "1", None)
    assert (cells[10, 4], cells[9, 10], cells[10, 10], cells[10, 0]) == ("2", "2", "3", "0")
    assert np.argwhere(np.asarray(axes.images[0].get_array())).tolist() == [[4, 9], [7, 2]]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=60))
def test_any_answers_are_counted(pairs: list[tuple[int, int]]) -> None:
    found = errors_of(predictions([(true, predicted, 0.7) for true, predicted in pairs]))
    assert found.counts.sum() == len(pairs)
    assert found.wrong.sum() == sum(true != predicted for true, predicted in pairs)
    assert str(found.wrong.sum()) in found.finding or found.wrong.sum() <= 1


def test_the_most_confident_mistake_comes_first() -> None:
    found = errors_of(predictions(ANSWERS)).mistakes
    told = [(one.true, one.predicted, one.index) for one in found]
    assert told == [("7", "2", 102), ("5", "3", 103), ("4", "9", 100)]
    assert (found[0].confidence, found[0].true_confidence) == pytest.approx((0.98, 0.02))
    assert (found[0].image == 2).all()


@pytest.mark.parametrize(
    ("answers", "sure"),
    [
        (ANSWERS, "2 of 3"),
        # 89.6% is printed as 90%, and so counted.
        ([(4, 9, 0.896), (7, 2, 0.98), (5, 3, 0.894)], "2 of 3"),
        (ANSWERS[:1] * 2, "0 of 2"),
    ],
)
def test_the_remarks_say_how_sure_the_net_is(answers: list[tuple[int, int, float]], sure: str) -> None:
    assert f"made with 90% confidence or more: {sure} mistakes" in " ".join(picture(answers).get_supxlabel().split())
    assert "confidence" not in picture(RIGHT).get_supxlabel()


def test_each_mistake_bears_true_and_predicted_class_and_both_confidences() -> None:
    _, *shown = picture(ANSWERS).axes
    assert [axes.get_title() for axes in shown][:4] == ["7 → 2  98%", "5 → 3  90%", "4 → 9  60%", ""]
    assert [np.asarray(axes.images[0].get_array())[0, 0] for axes in shown[:3]] == [2, 3, 0]
    assert shown[0].texts[0].get_text() == "2% · № 102"


@pytest.mark.parametrize(("narrow", "count"), [(False, 16), (True, 15)])
def test_the_most_confident_are_shown_in_whole_rows(narrow: bool, count: int) -> None:
    figure = picture([(4, 9, 0.51 + row / 100) for row in range(41)], narrow=narrow)
    assert [axes.get_title() for axes in figure.axes[1:]] == [f"4 → 9  {91 - row}%" for row in range(count)]
    assert "the most confident ones are shown" in " ".join(figure.get_supxlabel().split())


def test_of_many_classes_there_is_no_matrix() -> None:
    many = predictions(ANSWERS)
    many = replace(many, probabilities=np.pad(many.probabilities, ((0, 0), (0, 25))))
    figure = frame.figure_of(images.drawn_errors(errors_of(many)))
    assert figure.axes[0].get_title() == "7 → 2  98%"
    right = frame.figure_of(images.drawn_errors(errors_of(replace(many, labels=many.predicted))))
    assert (right.get_suptitle(), right.axes) == ("Every validation image is recognized", [])


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0%"), (0.001, "<1%"), (0.005, "<1%"), (0.98, "98%"), (0.995, ">99%"), (0.9999, ">99%"), (1.0, "100%")],
)
def test_nothing_is_rounded_to_certainty(share: float, text: str) -> None:
    assert images.confidence(share) == text


def test_classes_with_names_are_called_so() -> None:
    figure = picture([(0, 9, 0.98)], names=NAMES, of_digits=False)
    assert figure.get_suptitle() == "The only error: an average aardvark is taken for ankle boot"
    assert drawn.rows(figure)[:3] == ["an average aard…", "$b$", "2"]
    assert figure.axes[1].get_title() == "an average a…\n→ ankle boot\n98%"
    figure.draw_without_rendering()


@pytest.fixture(scope="module")
def mnist() -> Images:
    return load_training_set(DataOptions()).images


def by_hand() -> Images:
    """Return 20 images a quarter of whose pixels are 200, the rest 0."""
    images = np.zeros((20, 28, 28), np.uint8)
    images[:, :14, :14] = 200
    return Images(images=images, labels=np.arange(20, dtype=np.uint8) % 10)


def test_mean_and_standard_deviation() -> None:
    found = images.digits_of(by_hand(), AugmentConfig(), 0)
    assert (found.mean, found.std, found.background) == pytest.approx((50, (0.25 * 150**2 + 0.75 * 50**2) ** 0.5, 0.75))
    assert (found.shape, found.labels) == ((20, 28, 28), tuple(range(10)))


def test_the_picture_names_its_rows_columns_reading_and_seed_and_prints_what_the_notebook_prints(mnist: Images) -> None:
    digits = images.digits(DataSubject(images=mnist, seed=7))
    assert digits.lines == (
        "(60000, 28, 28)",
        "mean 33.3184, standard deviation 78.5675 of all pixels (0 to 255)",
        "5 0 4 1 9 2 1 3 1 4",
    )
    figure = frame.figure_of(digits)
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == list("5041921314")
    assert drawn.rows(figure) == ["original", "draw 1", "draw 2", "draw 3", "draw 4"]
    assert "nearest interpolation, the edge repeated outside" in " ".join(figure.get_supxlabel().split())
    assert "81% are background · seed 7" in figure.get_supxlabel()
    assert figure.get_suptitle().startswith("60,000 images of 28 × 28 pixels, and the first ten turned")


def test_settings_replace_the_notebooks() -> None:
    config = images.augmentation_of(())
    assert (config.rotation_degrees, config.zoom, config.shear_radians, config.translate_pixels) == (10, 0.1, 0.1, 0)
    config = images.augmentation_of(["augment.rotation_degrees=30", "augment.fill=background"])
    assert config == replace(images.NOTEBOOK, rotation_degrees=30, fill="background")


@pytest.mark.parametrize(
    ("assignment", "error", "words"),
    [
        ("augment.rotation=3", SpaceError, "did you mean `rotation_degrees`"),
        ("augment.rotation_degrees=91", SpaceError, "91 is above 90"),
        ("optim.lr=0.1", UsageError, None),
        ("rotation_degrees=3", UsageError, None),
        ("=", UsageError, None),
        ("augment.zoom={float: [0, 0.1]}", UsageError, None),
    ],
)
def test_settings_are_checked_like_a_space_files_and_others_refused(
    assignment: str, error: type[Exception], words: str | None
) -> None:
    with pytest.raises(error, match=words):
        images.augmentation_of([assignment])


@given(st.text(max_size=40))
def test_any_text_is_a_setting_or_refused_in_words(text: str) -> None:
    with suppress(SearchError):
        assert 0 <= images.augmentation_of([f"augment.zoom={text}"]).zoom <= 0.9


def test_a_full_shift_moves_a_digit_up_by_the_pixels_of_its_strength(mnist: Images) -> None:
    draws = torch.zeros(2, NUMBERS)
    draws[:, 2] = 1
    config = AugmentConfig(translate_pixels=3)
    moved = images.distorted(mnist.images[:2], maps(config, draws), config)
    assert np.array_equal(moved[:, :-3], mnist.images[:2, 3:])
    assert not moved[:, -3:].any()


def test_each_row_is_another_draw_of_the_seed(mnist: Images) -> None:
    rows = images.digits_of(mnist, images.NOTEBOOK, 0)
    assert rows.images.shape == (1 + images.DRAWS, 10, 28, 28)
    assert np.array_equal(rows.images[0], mnist.images[:10])
    assert len({row.tobytes() for row in rows.images}) == 1 + images.DRAWS
    again, other = (images.digits_of(mnist, images.NOTEBOOK, seed).images for seed in (0, 1))
    assert np.array_equal(rows.images, again)
    assert not np.array_equal(rows.images[1:], other[1:])
    gridded = images.digits_of(mnist, AugmentConfig(grid_pixels=4), 0).images
    assert len({row.tobytes() for row in gridded}) == 1 + images.DRAWS
    still = images.digits_of(mnist, AugmentConfig(), 0).images
    assert (still == still[0]).all()


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (AugmentConfig(), "not distorted"),
        (AugmentConfig(zoom=0.135, translate_pixels=2), "zoomed ±14% and shifted ±2 px"),
        (images.NOTEBOOK, "turned ±10°, zoomed ±10% (each axis apart) and sheared ±0.1 rad"),
        (
            AugmentConfig(rotation_degrees=2.87, grid_pixels=4, grid_shift=1.5),
            "turned ±2.9° and displaced ±1.5 px on a 4×4 grid",
        ),
    ],
)
def test_strengths_in_words(config: AugmentConfig, words: str) -> None:
    assert images.in_words(config) == words


def test_digits_stand_between_gaps() -> None:
    grid = np.array([[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]], np.uint8)
    f = images.GREY
    rows = [[f, f, 1, 2, f, f, 5, 6, f, f], [f, f, 3, 4, f, f, 7, 8, f, f]]
    assert images.assemble(grid).tolist() == [[f] * 10, [f] * 10, *rows, [f] * 10, [f] * 10]
