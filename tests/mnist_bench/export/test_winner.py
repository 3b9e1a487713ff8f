"""Which network is exported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import mnist_bench
from mnist_bench.experiments import confirmed as confirmed
from mnist_bench.export.winner import load_winner
from search.errors import StudyNotFoundError, UsageError
from search.files import atomic_write
from support import experiments, handmade
from support.experiments import keep


def test_an_earlier_winner_is_not_taken_for_the_one_of_now(tmp_path: Path) -> None:
    study, (_, earlier) = handmade.mixed(), experiments.found().finals
    (tmp_path / study.name / "confirm").mkdir(parents=True)
    keep(experiments.found(finals=(), earlier=(earlier,)), tmp_path / study.name)
    with pytest.raises(StudyNotFoundError) as refused:
        mnist_bench.export(handmade.kept_in(tmp_path, study), tmp_path / "x", confirmed=True)
    assert str(refused.value).startswith(
        f"#1 was selected and was not trained on all images; `mnist-bench confirm conv-0 --results {tmp_path}` does"
    )
    assert "or name conv-0/0." in str(refused.value)


@pytest.mark.parametrize("further", [False, True])
def test_that_a_study_was_searched_further_since_its_confirmation_is_news(tmp_path: Path, further: bool) -> None:
    study, news = handmade.kept_in(tmp_path, handmade.mixed()), list[str]()
    (tmp_path / study.name / "confirm").mkdir(parents=True)
    found = experiments.found()
    keep(replace(found, digest="f" * 64) if further else found, tmp_path / study.name)
    with pytest.raises(StudyNotFoundError, match="the network that `confirm` trained on all images is missing"):
        load_winner(study, None, on_all=True, on_news=news.append)
    told = "conv-0 was searched further since it was confirmed; this is the trial that was selected then."
    assert news == [told] * further


def test_a_net_that_was_trained_with_other_settings_is_not_the_trials(tmp_path: Path) -> None:
    study = handmade.kept_in(tmp_path, handmade.mixed())
    files = study.files.confirm
    experiments.write_records(files)
    keep(experiments.found(), tmp_path / study.name)
    atomic_write(files.net_of(1, 0), b"")
    with pytest.raises(UsageError, match=r"net\S* was trained with other settings than conv-0/1"):
        load_winner(study, None, on_all=True)


def test_a_trial_that_diverged_has_no_network(tmp_path: Path) -> None:
    study = handmade.kept_in(tmp_path, handmade.ended_early())
    with pytest.raises(UsageError, match=r"^conv-0/4 ended early \(diverged\); it has no network to export\.$"):
        load_winner(study, study.trials[4])
