"""Which parameters matter, and which shares chance alone makes."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.plots import importances as module
from mnist_bench.plots.frame import figure_of
from mnist_bench.plots.importances import (
    Bar,
    Importance,
    Importances,
    Trial,
    importance_of_each,
    importances_of,
    measure,
)
from mnist_bench.plots.trials import compare
from search.errors import StudyNotFoundError
from search.event_log.records import StudyRecord
from search.space.space import Space
from support import drawn, handmade as made, search_fake

SPACE = search_fake.space()


@pytest.fixture(autouse=True)
def few_shuffles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHUFFLES", 29)


def drawn_at_random(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Return parameters drawn at random from the fake trainer's space."""
    rng = random.Random(seed)
    return [SPACE.sample(lambda _, span: span.at(rng.random())) for _ in range(count)]


@pytest.mark.slow
@pytest.mark.cold
def test_optuna_writes_nothing_on_the_screen() -> None:
    program = (
        "import random\nfrom mnist_bench.plots.importances import importance_of_each\nfrom support import search_fake\n"
        "space = search_fake.space()\ndraws = [space.sample(lambda _, at: at.at(random.random())) for _ in range(9)]\n"
        "importance_of_each(space, [(params, params['model.width']) for params in draws])"
    )
    ran = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")


MAKES: dict[str, tuple[int, Callable[[dict[str, Any]], float]]] = {
    "model.width": (60, lambda params: params["model.width"]),
    "model.kind": (60, lambda params: float(params["model.kind"] == [1, 2])),  # a list among the options
    "model.extra": (120, lambda params: params.get("model.extra", 0.0)),  # conditional
}


@pytest.mark.slow
@pytest.mark.parametrize("path", MAKES)
def test_the_parameter_that_makes_the_value_stands_out_and_comes_first(path: str) -> None:
    count, value = MAKES[path]
    found = importance_of_each(SPACE, [(params, value(params)) for params in drawn_at_random(count)])
    assert (found[0].path, found[0].stands_out) == (path, True)
    assert sum(row.share for row in found) == pytest.approx(1)
    assert path != "model.width" or [row.path for row in found if row.stands_out] == [path]


@pytest.mark.slow
def test_values_that_follow_from_no_parameter_let_none_stand_out_in_most_studies() -> None:
    rng = random.Random(1)
    studies = [
        importance_of_each(SPACE, [(params, rng.random()) for params in drawn_at_random(20, seed)]) for seed in range(6)
    ]
    assert sum(any(row.stands_out for row in found) for found in studies) <= 1
    equal = importance_of_each(SPACE, [(params, 0.9) for params in drawn_at_random(12)])
    assert {(row.share, row.stands_out) for row in equal} == {(0.0, False)}


@pytest.mark.slow
def test_of_many_trials_some_are_taken_at_even_distances(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_TRIALS", 20)
    trials = [(params, params["model.width"]) for params in drawn_at_random(39)]
    assert importance_of_each(SPACE, trials) == importance_of_each(SPACE, trials[::2])
    assert importance_of_each(SPACE, trials) != importance_of_each(SPACE, trials[:20])


@pytest.mark.slow
def test_parameters_that_no_trial_has_are_left_out() -> None:
    flat = [{path: value for path, value in params.items() if path != "model.extra"} for params in drawn_at_random(12)]
    found = importance_of_each(SPACE, [({**params, "model.depth": 1}, params["model.width"]) for params in flat])
    assert "model.extra" not in {row.path for row in found}
    assert importance_of_each(SPACE, [({}, 0.9), ({}, 0.8)]) == importance_of_each(SPACE, []) == []


@cache
def decided_by_lr() -> StudyRecord:
    """Return a study of 40 trials, one of them complete, in which the accuracy after an epoch is lr's alone."""
    rng = random.Random(0)
    trials = []
    for number in range(40):
        share, momentum = rng.random(), 0.5 + rng.random() / 2
        params = {**made.params(rng.randrange(9)), "optim.lr": 10 ** (-4 + 2 * share), "optim.momentum": momentum}
        trials.append(made.trial(number, curve=made.curve(0.9 + share / 20, 6 if number == 7 else 1), params=params))
    return made.searched(trials)


def bar(label: str, share: float, chance: float = 0.1, trials: int = 50) -> Bar:
    return Bar(path=label, label=label, share=share, chance=chance, trials=trials)


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the values that the measure is given, which finds nothing in them."""
    values: list[float] = []

    def remember(space: Space, trials: list[Trial]) -> list[Importance]:
        values.extend(value for _, value in trials)
        return []

    monkeypatch.setattr(module, "importance_of_each", remember)
    return values


def found(*bars: Bar) -> Importances:
    return Importances(bars=bars, trials=50, after="after 1 epoch", detail="")


def test_what_decides_comes_first_and_stands_out_and_conditional_ones_say_on_how_many_trials() -> None:
    measured = importances_of(decided_by_lr())
    assert measured.bars[0].label == "lr"
    assert [bar.label for bar in measured.bars if bar.stands_out] == ["lr"]
    assert measured.finding == "After 1 epoch, lr alone stands out from chance, of 5 hyperparameters"
    assert measured.detail == "study conv-0: 40 trials, compared after 1 epoch"
    having = sum("model.hidden_units" in trial.params for trial in decided_by_lr().trials)
    counts = {bar.label: bar.trials for bar in measured.bars}
    assert counts == {"batchnorm": 40, "hidden_layers": 40, "hidden_units": having, "lr": 40, "momentum": 40}
    assert 0 < having < 40


@pytest.mark.parametrize(
    ("shares", "finding"),
    [
        ((0.05,), "no hyperparameter stands out from chance on 50 trials"),
        ((0.5, 0.05), "a alone stands out from chance, of 2 hyperparameters"),
        ((0.5, 0.4, 0.1, 0.0), "a and b stand out from chance, 2 other hyperparameters do not"),
        ((0.5, 0.4, 0.1), "a and b stand out from chance, 1 other hyperparameter does not"),
        ((0.5, 0.3, 0.2), "3 of 3 hyperparameters stand out from chance, a and b most"),
        ((0.5, 0.5), "both hyperparameters stand out from chance, a more"),
        ((1.0,), "a, the only hyperparameter, stands out from chance"),
    ],
)
def test_the_heading_names_what_stands_out(shares: tuple[float, ...], finding: str) -> None:
    bars = [bar(name, share) for name, share in zip("abcd", shares, strict=False)]
    assert found(*bars).finding == f"After 1 epoch, {finding}"


NETS = [made.trial(n, curve=[0.9 - n / 100] if n < 8 else [None], params=made.params(n)) for n in range(10)]
VALUES = [made.value_trial(n, [-1.0 - n] if n < 8 else [None]) for n in range(10)]


@pytest.mark.parametrize(
    ("study", "scores"),
    [
        (made.searched(NETS), [0.9, 0.89, 0.88]),
        (made.value_study(VALUES), [-1.0, -2.0, -3.0]),
        (made.value_study(VALUES, {"direction": "minimize"}), [1.0, 2.0, 3.0]),
    ],
)
def test_scores_are_larger_for_better_values_and_diverged_trials_are_the_worst(
    study: StudyRecord, scores: list[float], given: list[float]
) -> None:
    measure(study, compare(study))
    assert given[:3] == pytest.approx(scores)
    assert given[8] == given[9] < min(given[:8])


def test_few_trials_are_not_measured() -> None:
    with pytest.raises(StudyNotFoundError, match="9 of the 10 trials that importances need"):
        importances_of(made.halved())


def test_the_picture_has_a_bar_and_a_line_of_chance_a_parameter() -> None:
    bars = bar("lr", 0.6), bar("units", 0.3, chance=0.4, trials=31), bar("zoom", 0.1, chance=3.0)
    figure = figure_of(module.drawn(found(*bars)))
    (axes,) = figure.axes
    assert [patch.get_width() for patch in axes.patches] == pytest.approx([60, 30, 10])  # type: ignore[attr-defined]
    # What lies beyond the axis becomes a pointer at its edge.
    assert [places[0] for places, _ in drawn.plotted(axes)] == pytest.approx([10, 40, axes.get_xlim()[1]])
    assert drawn.rows(figure) == ["lr", "units (31 trials)", "zoom"]
    many = figure_of(module.drawn(found(*(bar(f"p{n}", 1 / 40) for n in range(40)))))
    assert len(many.axes[0].patches) == 30
    assert "10 less important ones left out" in many.get_supxlabel()


def test_the_ranking_in_text_names_the_limits_of_chance() -> None:
    bars = bar("lr", 0.6), bar("units", 0.3, chance=1.4, trials=31), bar("zoom", 0.1, chance=0.2)
    assert [*module.drawn(found(*bars)).lines][:5] == [
        "After 1 epoch, lr alone stands out from chance, of 3 hyperparameters.",
        "importance    limit of chance  hyperparameter",
        "       60% *              10%  lr",
        "       30%          over 100%  units (31 trials)",
        "       10%                20%  zoom",
    ]
