"""A net that takes pictures, and its file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import load, save

from mnist_bench.data.tensors import Dataset
from mnist_bench.errors import PictureError, WeightsError
from mnist_bench.prediction.model import INPUT_SPEC, WEIGHTS, InputSpec, Model, load_model, pack, spec_text
from mnist_bench.prediction.pictures import prepare
from mnist_bench.training.weights import weights_hash
from search.errors import UsageError
from support import winners
from support.own_data import write_turned

LETTERS = tuple("abcdefghij")
WINNER = winners.drawn(winners.NETS["before"])
MODEL = WINNER.model


def reading(**spec: Any) -> Model:
    """Return the model with other entries in its input specification."""
    return replace(MODEL, input_spec=replace(MODEL.input_spec, **spec))


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    path = tmp_path / WEIGHTS
    path.write_bytes(pack(WINNER.net, WINNER.config, WINNER.input_spec))
    return path


@pytest.fixture(scope="module")
def picture(digits: Dataset) -> NDArray[np.uint8]:
    """A digit, (28, 28), 0 to 255."""
    found: NDArray[np.uint8] = digits.images[digits.validation[0], 0].numpy()
    return found


def save_again(exported: Path, spec: str | None, weights: Mapping[str, NDArray[Any]] | None = None) -> None:
    """Write the file with another input specification, or none, and other weights."""
    with safe_open(exported, "numpy") as file:
        config = {"config": file.metadata()["config"]}
    content = load(exported.read_bytes()) if weights is None else dict(weights)
    exported.write_bytes(save(content, config if spec is None else {**config, INPUT_SPEC: spec}))


def test_a_file_and_its_folder_are_the_same_net_and_the_same_net_is_the_same_file(exported: Path) -> None:
    pictures = winners.pictures()
    for model in (load_model(exported), load_model(str(exported.parent))):
        assert (model.input_spec, model.assumed) == (WINNER.input_spec, False)
        assert (model.probabilities(pictures) == MODEL.probabilities(pictures)).all()
        assert weights_hash(model.net.state_dict()) == weights_hash(WINNER.net.state_dict())
    assert {pack(WINNER.net, WINNER.config, WINNER.input_spec) for _ in range(20)} == {exported.read_bytes()}


def test_pictures_come_as_files_images_and_arrays(picture: NDArray[np.uint8], tmp_path: Path) -> None:
    image = Image.fromarray(255 - picture)
    image.save(tmp_path / "digit.png")
    said = MODEL([tmp_path / "digit.png", str(tmp_path / "digit.png"), image, picture, picture.tolist()])
    assert len({(one.label, round(one.probability, 4)) for one in said}) == 1
    assert MODEL([]) == []


@pytest.mark.parametrize("is_digit", [True, False])
def test_colours_in_an_array_are_read_by_their_brightness_like_those_of_an_image(
    picture: NDArray[np.uint8], is_digit: bool
) -> None:
    colours = np.stack([255 - picture // 2, 255 - picture, 255 - picture // 3], axis=2)
    model = reading(digits=is_digit)
    by_array, by_image = (model.prepared(one, "it") for one in (colours, Image.fromarray(colours)))
    assert model.input_spec.preparation == ("digit" if is_digit else "drawing")
    assert np.allclose(by_array, by_image, atol=0.01)


def test_a_file_is_turned_by_its_orientation_unless_the_net_was_trained_on_files(
    picture: NDArray[np.uint8], tmp_path: Path
) -> None:
    file = write_turned(tmp_path / "digit.png", picture)
    of_files = reading(names=LETTERS)
    for given in (file, str(file), file.read_bytes()):
        assert (of_files.prepared(given, "a picture") == prepare(picture)).all()
        assert (MODEL.prepared(given, "a picture") == prepare(picture[::-1, ::-1])).all()


def test_a_prediction_says_what_is_most_probable() -> None:
    named = reading(names=LETTERS)
    for one in named.predict(list(winners.pictures()[:, 0])):
        assert one.probabilities[one.label] == one.probability == max(one.probabilities)
        assert one.probabilities[one.runner_up] == one.runner_up_probability <= one.probability
        assert (one.name, one.runner_up_name) == (LETTERS[one.label], LETTERS[one.runner_up])


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ("digit.png", UsageError, "images='digit.png': give a list of them"),
        ([np.eye(28) * 255, np.zeros((28, 28))], PictureError, "image 1: an empty image"),
        (["none.png"], PictureError, "none.png: cannot be read"),
        ([object()], PictureError, "image 0: "),
        *(
            ([np.eye(28) * 255, scaled], PictureError, "image 1: its values are between 0 and 1, and those of an")
            for scaled in (np.eye(28), np.eye(28, dtype=np.float32) / 2, np.eye(28).tolist(), np.eye(28) > 0)
        ),
    ],
)
@pytest.mark.parametrize("names", [(), LETTERS], ids=["digits", "pictures"])
def test_what_is_no_picture_is_named_and_an_array_that_was_scaled_to_one_by_its_range(
    given: Any, error: type[Exception], words: str, names: tuple[str, ...]
) -> None:
    with pytest.raises(error, match=f"^{re.escape(words)}"):
        reading(names=names)(given)


def test_an_image_that_is_torn_is_named(tmp_path: Path) -> None:
    Image.new("L", (40, 40), 255).save(tmp_path / "whole.png")
    (tmp_path / "torn.png").write_bytes((tmp_path / "whole.png").read_bytes()[:-40])
    with Image.open(tmp_path / "torn.png") as torn, pytest.raises(PictureError, match=r"^image 0: "):
        MODEL([torn])


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_a_net_whose_weights_are_no_numbers_answers_nothing(
    exported: Path, picture: NDArray[np.uint8], number: float
) -> None:
    weights = {name: values.copy() for name, values in load(exported.read_bytes()).items()}
    next(values for values in weights.values() if values.ndim == 4).flat[0] = number
    save_again(exported, spec_text(WINNER.input_spec), weights)
    with pytest.raises(WeightsError, match=r"^The network's probabilities are not numbers \(NaN\): its weights are"):
        load_model(exported)([picture])


@pytest.mark.slow  # it reads all of MNIST
def test_the_input_of_a_net_of_pictures_is_stored_in_few_fields_and_that_of_a_search_is_mnists(exported: Path) -> None:
    stored = {"digits": False, "mean": 33.0, "std": 78}
    save_again(exported, json.dumps(stored))
    input_spec = load_model(exported).input_spec
    assert input_spec == InputSpec(mean=(33.0,), std=(78,), digits=False)
    assert json.loads(spec_text(input_spec)) == stored
    save_again(exported, None)
    model = load_model(exported)
    assert model.assumed
    assert [*model.input_spec.mean, *model.input_spec.std] == pytest.approx([33.3, 78.5], abs=0.2)


OF_NOTHING = "not a file of exported weights ("


@pytest.mark.parametrize(
    ("input_spec", "words"),
    [
        ("", OF_NOTHING),
        ("{}", OF_NOTHING),
        ('{"mean": -1, "std": 1}', OF_NOTHING),
        ('{"mean": 1, "std": 0}', OF_NOTHING),
        ('{"mean": 1, "std": 1, "more": 1}', OF_NOTHING),
        ("[" * 99, OF_NOTHING),
        ('{"mean": [], "std": 1}', OF_NOTHING),
        ('{"mean": [1, 1, 1], "std": [1, 1, 1]}', OF_NOTHING),
        ('{"mean": 1, "std": 1, "names": ["a"]}', OF_NOTHING),
        ('{"mean": 1, "std": 1, "red": true}', OF_NOTHING),
        (
            '{"digits": true, "mean": 33.0, "std": 78, "unsure_below": 0.75, "members": 8}',
            "was exported by version 0.3.0 or an earlier one; export the network again.",
        ),
    ],
)
def test_a_file_of_something_else_or_of_an_earlier_version_is_refused(
    exported: Path, input_spec: str, words: str
) -> None:
    save_again(exported, input_spec)
    with pytest.raises(WeightsError, match=f"^{re.escape(f'{exported}: {words}')}"):
        load_model(exported)
    with pytest.raises(WeightsError, match="not a file of exported weights"):
        load_model(exported.parent / "none.safetensors")
