"""Several seeds of a recipe, in this process or in others: the same bits, and heard of by seed."""

from __future__ import annotations

import re
import tempfile
import traceback
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path

import pytest

from mnist_bench.config.settings import TrainConfig
from mnist_bench.config.values import to_json
from mnist_bench.data.choice import DataOptions
from mnist_bench.data.mnist import load_training_set
from mnist_bench.data.own import options_for
from mnist_bench.experiments import recipe_training
from mnist_bench.experiments.recipe_training import RecipeTraining
from mnist_bench.nets.own_net import load_net
from mnist_bench.training.trainer import FitResult
from search.errors import PluginError, SpaceError, UsageError, WorkerError
from search.event_log.records import StudyRecord
from search.trainer_api import TrainerSpec
from support import handmade, own_nets
from support.own_data import arrays, write_npz

SMALL = {"epochs": 2, "subset": 1200, "model": {"blocks": 1, "filters": 4, "hidden_layers": 0}}
SEEDS = (7, 3, 5)


def bits(training: RecipeTraining, workers: int) -> list[tuple[bytes, list[tuple[float | None, str]]]]:
    """Return each seed's last state, and the accuracies and weights of its periods."""
    heard: dict[int, list[tuple[float | None, str]]] = {seed: [] for seed in SEEDS}
    results = training.fit_seeds(
        SEEDS, workers, lambda seed, report: heard[seed].append((report.value, report.weights))
    )
    found = [[(report.value, report.weights) for report in result.reports] for result in results]
    assert found == [heard[seed] for seed in SEEDS]
    return [(result.state, reports) for result, reports in zip(results, found, strict=True)]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder for what is made of a user's data, which is empty."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


def study_on(data: DataOptions, config: TrainConfig) -> StudyRecord:
    """Return a study whose only trial trained this configuration on this data set."""
    loaded = load_training_set(data)
    study = handmade.study([handmade.trial(0, config=to_json(config))])
    study.spec["context"]["data"] = {
        "dataset": data.dataset, "subset": data.subset, "data_hash": loaded.data_hash,
        "split_hash": loaded.split.digest, "form": asdict(data.form),
    }  # fmt: skip
    return study


def test_weights_are_kept_in_a_new_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipe_training, "export", lambda state, config: state)
    training = recipe_training.of_recipe(SMALL)
    training.save(FitResult(reports=(), state=b"weights"), tmp_path / "new" / "sub" / "w.safetensors")
    assert (tmp_path / "new" / "sub" / "w.safetensors").read_bytes() == b"weights"


@pytest.mark.parametrize(("overrides", "precision"), [((), "portable"), (("precision=bf16",), "bf16")])
def test_a_recipe_names_its_precision_and_overrides_replace_it(overrides: tuple[str, ...], precision: str) -> None:
    training = recipe_training.of_recipe({**SMALL, "precision": "portable"}, overrides=overrides)
    assert training.trainer.precision == precision


@pytest.mark.slow
def test_seeds_that_train_at_once_come_to_the_bits_of_one_after_the_other() -> None:
    training = recipe_training.of_recipe(SMALL)
    alone = bits(training, 1)
    assert bits(training, 2) == alone
    assert [len(reports) for _, reports in alone] == [2, 2, 2]
    assert len({state for state, _ in alone}) == 3


@pytest.mark.parametrize(("workers", "of"), [(1, "training.trainer"), (2, "experiments.trainings")])
def test_the_log_that_an_error_names_is_there(
    workers: int, of: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ending = TrainerSpec(factory="os:_exit", options={"status": 3})
    monkeypatch.setattr(f"mnist_bench.{of}.trainer_spec", lambda *_, **__: ending)
    monkeypatch.setattr("search.executors.fleet.MAX_STARTS", 1)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    training = recipe_training.of_recipe({**SMALL, "precision": "portable"})
    with pytest.raises(WorkerError, match=r"exit code 3\); see ") as caught:
        training.fit_seeds((7, 8), workers, lambda seed, report: None)
    assert Path(str(caught.value).partition("; see ")[2].removesuffix(".")).is_file()


@pytest.mark.usefixtures("cache")
def test_a_subset_that_the_data_do_not_hold_is_told(tmp_path: Path) -> None:
    mine = write_npz(tmp_path / "mine.npz", arrays(classes=10, side=28))
    with pytest.raises(SpaceError, match="subset: 1200 is more than there are: 400 images;"):
        recipe_training.of_recipe(SMALL, data_dir=mine)


@pytest.mark.integration
def test_other_processes_build_a_net_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_nets.py").write_text(own_nets.GOOD)
    monkeypatch.chdir(tmp_path)
    training = recipe_training.of_recipe({"epochs": 1, "subset": 1200}, net="my_nets.py:build")
    assert bits(training, 2) == bits(training, 1)


@pytest.mark.usefixtures("cache")
def test_a_trial_is_trained_on_the_data_set_of_its_study(tmp_path: Path) -> None:
    mine = write_npz(tmp_path / "grey.npz", arrays(classes=3, train=60, test=12, side=8, channels=1))
    data, config = options_for(mine, dataset="mnist-red"), TrainConfig(epochs=1)
    study = study_on(data, config)
    training = recipe_training.of_trial(study, study.trials[0], data_dir=mine)
    assert (training.config, training.source) == (config, data)


@pytest.mark.parametrize(
    ("change", "name"), [("subset=500", "subset"), ("dataset=mnist-red", "dataset"), (" subset = 500", "subset")]
)
def test_the_data_of_a_trial_are_its_studys(change: str, name: str) -> None:
    study = handmade.mixed()
    told = f"^--set {name}: conv-0/1 is trained on the data set of its study; leave it out.$"
    with pytest.raises(UsageError, match=told):
        recipe_training.of_trial(study, study.trials[1], overrides=["optim.lr=0.1", change])


@pytest.mark.usefixtures("cache")
def test_a_trials_net_is_judged_for_the_pictures_of_its_study(tmp_path: Path) -> None:
    mine = write_npz(tmp_path / "mine.npz", arrays(classes=3, train=60, test=12, side=16))
    name = own_nets.write(tmp_path, own_nets.COLOUR_ONLY)
    study = study_on(options_for(mine), TrainConfig(epochs=1, net_code=load_net(name).code))
    training = recipe_training.of_trial(study, study.trials[0], data_dir=mine, net=name)
    assert training.fit(0).reports[-1].end is None


@pytest.mark.parametrize(
    ("kernel", "fault"), [(3, nullcontext()), (5, pytest.raises(UsageError, match="cannot be portable"))]
)
def test_portable_training_refuses_a_net_whose_bits_depend_on_the_processor(
    kernel: int, fault: AbstractContextManager[object], tmp_path: Path
) -> None:
    name = own_nets.write(tmp_path, own_nets.STRIDED)
    recipe = {"epochs": 1, "subset": 1200, "net": {"kernel": kernel}}
    with fault:
        recipe_training.of_recipe(recipe, net=name, overrides=["precision=portable"])
    recipe_training.of_recipe(recipe, net=name, overrides=["precision=fp32"])


@pytest.mark.integration
def test_a_net_of_ones_own_that_raises_is_told_with_its_line(tmp_path: Path) -> None:
    name = own_nets.write(tmp_path, own_nets.FAULTY)
    training = recipe_training.of_recipe({"epochs": 1, "subset": 1200}, net=name, overrides=["precision=fp32"])
    blamed = r"Net my_nets\.py:build raised AttributeError: .*no_such_thing.* \(/.*my_nets\.py:\d+\)\."
    with pytest.raises(PluginError, match=rf"^{blamed}$"):
        training.fit(0)
    with pytest.raises(WorkerError) as caught:
        training.fit_seeds((0, 1), 2, lambda seed, report: None)
    assert re.fullmatch(rf"training, seed \d of 2 makes the trainer fail: {blamed}", str(caught.value))
    assert "in forward" in "".join(traceback.format_exception(caught.value))
