from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mnist_bench.config.json import from_json
from mnist_bench.config.schedule import Schedule
from mnist_bench.config.settings import AugmentConfig
from mnist_bench.data.tensors import Dataset
from mnist_bench.plots.data import distortions
from mnist_bench.plots.data.distortions import Distortions
from mnist_bench.plots.subject import Subject
from mnist_bench.training.batches import batches
from search.errors import StudyNotFoundError, UsageError
from search.event_log.records import TrialRecord
from search.study.studies import StoredStudy
from support import handmade

STRENGTHS = {"augment.rotation_degrees": 12.0, "augment.translate_pixels": 2.0, "optim.batch_size": 100}
HARD = {"optim.hard_share": 0.5}


def winner(**params: Any) -> TrialRecord:
    return handmade.trial(3, params=params)


def shown(data: Dataset, trial: TrialRecord) -> Distortions:
    study = handmade.study([trial])
    study.spec["context"]["data"] |= {"data_hash": data.data_hash}
    return distortions.rows(study, trial, data)


def seen_in(epoch: int, trial: TrialRecord, data: Dataset) -> set[tuple[int, bytes]]:
    """Return label and pixels of all images that training gives the net in an epoch, from 1."""
    schedule = Schedule(config=from_json(trial.config), images=len(data.train))
    steps = range(schedule.first_step(epoch - 1), schedule.first_step(epoch))
    return {
        (
            int(label),
            (picture * data.moments[0].std + data.moments[0].mean).round().clamp(0, 255).byte().numpy().tobytes(),
        )
        for batch in batches(schedule, data, trial.seed, steps)
        for label, picture in zip(batch.labels, batch.pixels, strict=True)
    }


@pytest.mark.parametrize("more", [{}, {"augment.grid_pixels": 4}])
def test_the_images_are_those_that_the_trial_trained_on(digits: Dataset, more: dict[str, int]) -> None:
    trial = winner(**STRENGTHS, **more)
    found = shown(digits, trial)
    assert found.labels == tuple("0123456789")
    assert found.epochs == (1, 2, 4, 5, 6)
    for epoch, images in zip(found.epochs, found.images[1:], strict=True):
        trained = seen_in(epoch, trial, digits)
        assert all((label, image.tobytes()) in trained for label, image in enumerate(images))


def test_the_first_row_is_the_first_training_image_of_each_class(digits: Dataset) -> None:
    originals = shown(digits, winner(**STRENGTHS)).images[0]
    labels = digits.labels[digits.train]
    first = digits.train[int((labels == 7).nonzero()[0])]
    assert np.array_equal(originals[7], digits.images[first, 0].numpy())


def test_a_short_training_shows_each_epoch_once(digits: Dataset) -> None:
    assert shown(digits, winner(**STRENGTHS, epochs=1)).epochs == (1,)
    assert shown(digits, winner(**STRENGTHS, epochs=3)).epochs == (1, 2, 3)


def test_a_winner_without_augmentation_says_so(digits: Dataset) -> None:
    found = shown(digits, winner())
    assert (found.epochs, found.images.shape) == ((), (1, 10, 28, 28))
    figure = distortions.draw(found)
    assert figure.get_suptitle() == "#3 trained on digits as they are, without augmentation"
    assert "seed" not in figure.get_supxlabel()


def test_the_heading_tells_the_strengths(digits: Dataset) -> None:
    figure = distortions.draw(shown(digits, winner(**STRENGTHS)))
    assert figure.get_suptitle() == "#3 trained on digits turned ±12° and shifted ±2 px"
    assert figure.get_supxlabel().startswith("study conv-0 · left out: epoch 3 · the first training image")
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()][:3] == ["original", "epoch 1", "epoch 2"]
    assert [label.get_text() for label in axes.get_xticklabels()] == list("0123456789")


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        (HARD, "from epoch 2 on it trained on the hardest images and some others"),
        ({"optim.learned_share": 0.5}, "from epoch 2 on it left out images with low losses"),
    ],
)
def test_epochs_that_choose_hard_images_are_told(digits: Dataset, setting: dict[str, float], words: str) -> None:
    plain, hard = (distortions.draw(shown(digits, winner(**STRENGTHS, **more))) for more in ({}, setting))
    assert words not in plain.get_supxlabel().replace("\n", " ")
    assert words in hard.get_supxlabel().replace("\n", " ")


def test_phases_are_told_one_after_the_other(digits: Dataset) -> None:
    phases = [{"epochs": 1}, {"epochs": 1}, {"epochs": 1, "augment": {"zoom": 0.2, "interpolation": "nearest"}}]
    found = shown(digits, winner(phases=phases, epochs=3))
    assert found.settings == (AugmentConfig(), AugmentConfig(zoom=0.2, interpolation="nearest"))
    assert np.array_equal(found.images[1], found.images[0])
    assert not np.array_equal(found.images[3], found.images[0])
    figure = distortions.draw(found)
    assert figure.get_suptitle() == "#3 trained on digits not distorted, then zoomed ±20%"
    assert figure.get_supxlabel().split()[-4:] == ["nearest", "interpolation,", "background", "outside"]


def test_what_is_cut_off_is_shown_black(digits: Dataset) -> None:
    found = shown(digits, winner(phases=[{"epochs": 1, "augment": {"crop_pixels": 4}}, {"epochs": 1}], epochs=2))
    expected = np.zeros_like(found.images[0])
    expected[:, 4:-4, 4:-4] = found.images[0][:, 4:-4, 4:-4]
    assert np.array_equal(found.images[1], expected)
    assert distortions.draw(found).get_suptitle() == "#3 trained on digits cropped by 4 px, then not distorted"


def study_on(data: Dataset, trial: TrialRecord) -> StoredStudy:
    spec = handmade.spec()
    spec["context"]["data"] |= {"subset": 1200, "data_hash": data.data_hash, "split_hash": data.split_hash}
    return replace(handmade.study([trial]), spec=spec)


def test_the_picture_is_of_the_best_trial_on_the_studys_data(digits: Dataset) -> None:
    subject = Subject(study=study_on(digits, winner(**STRENGTHS)))
    assert distortions.picture(subject).get_suptitle().startswith("#3 trained on digits turned ±12°")


def test_a_net_of_a_users_own_need_not_be_named(digits: Dataset) -> None:
    trial = winner(**STRENGTHS, net_code="my_nets.py:build " + "0" * 64)
    subject = Subject(study=study_on(digits, trial))
    assert distortions.picture(subject).get_suptitle().startswith("#3 trained on digits turned ±12°")


def test_other_data_are_refused() -> None:
    with pytest.raises(UsageError, match="Study conv-0 was trained on other data"):
        distortions.picture(Subject(study=handmade.mixed()))


def test_without_a_complete_trial_there_is_no_picture() -> None:
    pruned = handmade.study([handmade.trial(0, periods=1, state="PRUNED")])
    with pytest.raises(StudyNotFoundError):
        distortions.picture(Subject(study=pruned))


def test_pictures_of_ones_own_have_the_names_of_their_classes(digits: Dataset) -> None:
    names = tuple(f"kind {number}" for number in range(12))
    many = replace(digits, names=names, form=replace(digits.form, classes=12), data_hash=handmade.HASH)
    found = shown(many, winner(**STRENGTHS))
    assert found.labels == names[:10]
    figure = distortions.draw(found)
    assert figure.get_suptitle().startswith("#3 trained on images turned ±12°")
    assert "the first training image of each class of the first 10 of 12" in figure.get_supxlabel()
