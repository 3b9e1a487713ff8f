"""Which network is exported."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import mnist_bench
from mnist_bench.config.settings import DatasetName
from mnist_bench.data.choice import Data
from mnist_bench.data.own import options_for
from mnist_bench.data.tensors import load_dataset
from mnist_bench.export.winner import kept_net, load_winner, picture_kind
from mnist_bench.studies.record import record_of
from search.errors import StudyNotFoundError, UsageError
from search.files import atomic_write
from search.study.studies import StoredStudy, open_study
from support import experiments, handmade
from support.experiments import keep
from support.own_data import Arrays, arrays, write_npz


@pytest.fixture
def study(tmp_path: Path) -> StoredStudy:
    """Return a study with a folder for its confirmation."""
    study = handmade.kept_in(tmp_path, handmade.mixed())
    study.files.confirm.path.mkdir(parents=True)
    return study


def test_an_earlier_winner_is_not_taken_for_the_one_of_now(study: StoredStudy, tmp_path: Path) -> None:
    _, earlier = experiments.found().finals
    keep(experiments.found(finals=(), earlier=(earlier,)), study.files.path)
    words = f"#1 was selected and was not trained on all images; `mnist-bench confirm conv-0 --results {tmp_path}` does"
    with pytest.raises(StudyNotFoundError, match=rf"^{re.escape(words)}.* or name conv-0/0\.$"):
        mnist_bench.export(study, tmp_path / "x", confirmed=True)


@pytest.mark.parametrize("further", [False, True])
def test_that_a_study_was_searched_further_since_its_confirmation_is_news(study: StoredStudy, further: bool) -> None:
    news, found = list[str](), experiments.found()
    keep(replace(found, digest="f" * 64) if further else found, study.files.path)
    with pytest.raises(StudyNotFoundError, match="the network that `confirm` trained on all images is missing"):
        load_winner(study, None, on_all=True, on_news=news.append)
    told = "conv-0 was searched further since it was confirmed; this is the trial that was selected then."
    assert news == [told] * further


def test_a_net_that_was_trained_with_other_settings_is_not_the_trials(study: StoredStudy) -> None:
    experiments.write_records(study.files.confirm)
    keep(experiments.found(), study.files.path)
    atomic_write(study.files.confirm.net_of(1, 0), b"")
    with pytest.raises(UsageError, match=r"net\S* was trained with other settings than conv-0/1"):
        load_winner(study, None, on_all=True)


def test_a_trial_that_diverged_has_no_network(tmp_path: Path) -> None:
    study = handmade.kept_in(tmp_path, handmade.ended_early())
    with pytest.raises(UsageError, match=r"^conv-0/4 ended early \(diverged\); it has no network to export\.$"):
        load_winner(study, study.trials[4])


@pytest.mark.usefixtures("left_open")
def test_a_trials_network_is_the_one_whose_weights_were_kept_and_has_the_errors_of_the_search(
    canned_studies: Path,
) -> None:
    finished = open_study(canned_studies, "finished")
    kept, winner, best = kept_net(finished), load_winner(finished, None), finished.best
    assert best is not None
    for net in (kept, winner):
        assert (net.study, net.trial, net.record) == (finished, best, record_of(finished, best))
    assert winner.validation.errors == best.reports[-1].metrics["errors"]


GREY = arrays(channels=1, side=20, classes=3)
BLACK = {name: values * (values > 100) if values.ndim > 1 else values for name, values in GREY.items()}


@pytest.mark.parametrize(
    ("values", "dataset", "kind"),
    [
        (arrays(), "mnist", (False, False, False)),
        (GREY, "mnist", (False, False, False)),
        (BLACK, "mnist", (False, False, True)),
        (BLACK, "mnist-red", (False, False, True)),
    ],
)
def test_digits_and_what_can_be_drawn_are_known_by_their_pictures(
    values: Arrays, dataset: DatasetName, kind: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    source = write_npz(tmp_path / "mine.npz", values)
    data = load_dataset(options_for(source, dataset=dataset), torch.device("cpu"))
    recorded = Data(dataset=dataset, form=data.form, data_hash=data.data_hash, split_hash=data.split_hash)
    assert picture_kind(recorded, data) == kind
