"""What a function that trains several seeds asks of its experiment; nothing is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import mnist_bench
from mnist_bench.experiments.scored_recipes import LADDER, NOTEBOOK, Benchmark
from mnist_bench.experiments.trainings import Workplace
from search.errors import SearchError
from support import experiments, handmade, own_nets
from support.experiments import FRONT

NOBODY: Any = None


class Experiment:
    """Stands in for the `run` of an experiment: remembers what was asked, and finds what it is told to."""

    def __init__(self, found: Any) -> None:
        self.found = found
        self.asked: list[tuple[Any, ...]] = []

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        *asked, place = arguments
        self.asked.append((*asked, replace(place, observer=None), options))
        place.observer.on_notice("found")
        return self.found


def experiment(monkeypatch: pytest.MonkeyPatch, name: str, found: Any) -> Experiment:
    """Return what stands in for the experiment of that name from now on."""
    made = Experiment(found)
    monkeypatch.setattr(f"mnist_bench.experiments.{name}", made)
    return made


def test_options_reach_the_confirmation_of_a_front(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run, observer = experiment(monkeypatch, "confirm.confirm_front", FRONT), experiments.Stopping()
    study = handmade.kept_in(Path("out"), handmade.two_objectives())
    own_nets.write(tmp_path, own_nets.GOOD)
    net = f"{tmp_path / 'my_nets.py'}:build"
    found = mnist_bench.confirm_front(study, top=3, workers=2, device="cpu", data="data", net=net, observer=observer)
    place = Workplace(observer=NOBODY, workers=2, device="cpu", data_dir=Path("data"), net=net)
    assert found is FRONT
    ((asked, *others),) = run.asked
    assert (asked.files.path, others, observer.news) == (Path("out/two"), [place, {"top": 3}], ["found"])


@pytest.mark.parametrize(
    ("function", "benchmark"), [(mnist_bench.train_notebook, NOTEBOOK), (mnist_bench.train_ladder, LADDER)]
)
def test_options_reach_a_benchmark_of_recipes(
    function: Callable[..., Any], benchmark: Benchmark, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, observer = experiment(monkeypatch, "scored_recipes.train", found := object()), experiments.Stopping()
    assert found is function(
        ["linear", "vgg"], seeds=4, workers=2, device="cpu", precision="fp32", results="out", observer=observer
    )
    place = Workplace(observer=NOBODY, workers=2, device="cpu")
    options = {"seeds": 4, "precision": "fp32", "results": Path("out")}
    assert (run.asked, observer.news) == ([(benchmark, ["linear", "vgg"], place, options)], ["found"])


def test_an_experiment_that_its_observer_stops_is_an_error() -> None:
    observer = experiments.Stopping(lambda runs: True)
    with pytest.raises(SearchError, match=r"^Stopped before the end\.$"):
        mnist_bench.compare_methods(tables=["grid-5k"], pruners=["none"], seeds=2, trials=3, observer=observer)
