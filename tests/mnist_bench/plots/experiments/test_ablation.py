from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mnist_bench.config.json import to_json
from mnist_bench.config.settings import TrainConfig
from mnist_bench.experiments.ablation.path import Ablation, Measured, Step, TriedChange, save
from mnist_bench.plots.experiments.ablation import draw, finding, picture, rows
from mnist_bench.plots.subject import Subject
from search.errors import StudyNotFoundError
from support import handmade


def measured(mean: int | None) -> Measured:
    config = to_json(TrainConfig())
    return Measured(config=config, errors=(mean, mean), parameters=1, macs=1, seconds=1.0)


def step(name: str, before: int, after: int | None, reach: float) -> Step:
    fewer = None if after is None else before - after
    low, high = (None, None) if fewer is None else (fewer - reach, fewer + reach)
    return Step(
        groups=(name,), change="", after=measured(after), tried=(TriedChange(groups=(name,), mean=after),), waiting=(),
        fewer=fewer, low=low, high=high,
    )  # fmt: skip


def made(*steps: Step) -> Ablation:
    return Ablation(
        question="", study="conv-0", trial=1, baseline="notebook/linear", images=10_000, seeds=(1, 2),
        start=measured(800), steps=steps,
    )  # fmt: skip


FALL = made(
    step("convolutions", 800, 100, 30), step("label smoothing", 100, 96, 7), step("budget", 96, 110, 5),
    step("batchnorm", 110, 60, 9),
)  # fmt: skip


def test_rates_lead_from_the_baseline_to_the_trial() -> None:
    found = rows(FALL)
    assert [step.name for step, _, _ in found] == ["convolutions", "label smoothing", "budget", "batchnorm"]
    assert [rate for _, rate, _ in found] == pytest.approx([8, 1, 0.96, 1.1])
    assert [rate for _, _, rate in found] == pytest.approx([1, 0.96, 1.1, 0.6])


def test_the_heading_names_the_step_that_takes_most() -> None:
    assert finding(FALL) == "Convolutions remove 700 of the 800 errors of notebook/linear"
    assert finding(made(step("batchnorm", 800, 750, 9))) == "Batchnorm removes 50 of the 800 errors of notebook/linear"
    nothing = "No step from notebook/linear to #1 removes errors beyond chance"
    assert finding(made(step("dropout", 800, 795, 9))) == nothing
    assert finding(made(step("dropout", 800, 820, 9))) == nothing
    unsure = step("averaging", 800, 760, 50), step("batchnorm", 760, 745, 9)
    assert finding(made(*unsure)) == "Batchnorm removes 15 of the 800 errors of notebook/linear"


def test_each_step_is_a_bar_between_its_rates_with_its_figure() -> None:
    (axes,) = draw(FALL).axes
    bars = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in axes.patches]  # type: ignore[attr-defined]
    assert bars == [pytest.approx(pair) for pair in [(8, 1), (1, 0.96), (0.96, 1.1), (1.1, 0.6)]]
    assert axes.get_xscale() == "log"
    assert [text.get_text() for text in axes.texts] == [
        "−700  (670 to 730)", "−4  (3 more to 11 fewer)", "+14  (9 to 19)", "−50  (41 to 59)",
        "800 errors", "60 errors",
    ]  # fmt: skip
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["notebook/linear", "convolutions", "label smoothing", "budget", "batchnorm", "trial #1"]


def test_rates_that_lie_close_have_a_linear_axis() -> None:
    (axes,) = draw(made(step("dropout", 800, 700, 9))).axes
    assert axes.get_xscale() == "linear"


def test_what_time_did_not_allow_is_told() -> None:
    last = replace(step("dropout", 800, 700, 9), groups=("dropout", "budget"), tried=())
    assert "the rest: 2 groups of settings, for want of time" in draw(made(last)).get_supxlabel()


def test_without_an_ablation_or_a_rate_there_is_no_picture(tmp_path: Path) -> None:
    subject = Subject(study=handmade.kept_in(tmp_path, handmade.mixed()))
    folder = subject.study.files.path
    command = f"mnist-bench ablate conv-0 --results {tmp_path}"
    with pytest.raises(StudyNotFoundError, match=f"Study conv-0 has no ablation; `{command}` makes one"):
        picture(subject)
    (folder / "ablation").mkdir(parents=True)
    save(FALL, folder)
    assert picture(subject).get_suptitle().startswith("Convolutions remove 700")
    save(made(step("dropout", 800, None, 9)), folder)
    with pytest.raises(StudyNotFoundError, match="training diverged, so there is no plot"):
        picture(subject)
