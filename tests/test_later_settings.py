"""A setting that a later version adds: old studies go on, and older versions say who made what they cannot read.

The later version is a copy of the packages, patched as whoever adds a setting would: declared and used, nothing else.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from support.commands import patched, run
from support.paths import ROOT

PATCHES = [
    (
        "mnist_bench/config/settings.py",
        '    """Activation after each convolution."""\n',
        '    """Activation after each convolution."""\n    new_slope: Rate = 0.0\n    """Slope below zero."""\n',
    ),
    (
        "mnist_bench/nets/modules.py",
        "            return _activation(layer.activation, source, target)\n",
        "            forms = _activation(layer.activation, source, target)\n"
        "            leaky = forms._replace(module=partial(nn.LeakyReLU, config.new_slope))\n"
        "            return leaky if config.new_slope else forms\n",
    ),
    (
        "search/strategies/samplers.py",
        "    n_ei_candidates: int = whole(24, least=1)\n",
        '    new_window: int = whole(0, least=0)\n    """Unused."""\n    n_ei_candidates: int = whole(24, least=1)\n',
    ),
]
SMALL = ("--set", "subset=1000", "--set", "epochs=1", "--executor", "in-process", "--concurrent-trials", "2")
SENTENCE = "is a setting that this version does not know; a newer mnist-bench made it."


def search(name: str, trials: int, *more: str, space: str = "smoke", results: str = "results") -> str:
    words = ("search", space, "--study-name", name, "--trials", str(trials), "--results", results, *SMALL, *more)
    return " ".join(words)


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the packages of the later version."""
    return patched(tmp_path_factory.mktemp("later"), PATCHES)


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Return a folder with a study of this version, and what `show` says once it has gone on."""
    folder = tmp_path_factory.mktemp("studied")
    run(ROOT, folder, search("old", 2))
    shutil.copytree(folder / "results", folder / "copy")
    *_, shown = run(ROOT, folder, search("old", 3, results="copy"), "show old --json --results copy")
    return folder, shown.values


@pytest.mark.integration
def test_an_old_study_is_whole_under_a_later_version_and_goes_on(
    later: Path, studied: tuple[Path, dict[str, Any]]
) -> None:
    folder, expected = studied
    doctor, plot, reproduced, board, went_on, after, doctor_after = run(
        later, folder, "doctor old --replay --json", "plot old errors", "reproduce old", "leaderboard old",
        search("old", 3), "show old --json", "doctor old --replay --json",
    )  # fmt: skip
    assert doctor.values["problems"] == doctor_after.values["problems"] == 0
    assert {finding["severity"] for finding in doctor.values["findings"]} == {"ok"}
    for one in (plot, reproduced, board, went_on):
        assert one.code == 0, one.err
    assert "new_slope" not in after.out
    assert after.values == expected


@pytest.mark.integration
def test_what_a_later_version_made_with_a_later_setting_is_named(later: Path, tmp_path: Path) -> None:
    smoke = (ROOT / "spaces" / "smoke.yaml").read_text()
    (tmp_path / "window.yaml").write_text(smoke.replace("sampler: curves", "sampler: {name: tpe, new_window: 3}"))
    leaky, windowed, kept, record = run(
        later, tmp_path, search("leaky", 1, "--set", "model.new_slope=0.1"), search("windowed", 1, space="window.yaml"),
        "leaderboard leaky --json", "show leaky/0 --json",
    )  # fmt: skip
    assert [leaky.code, windowed.code, kept.code] == [0, 0, 0], (leaky.err, windowed.err, kept.err)
    assert '"new_slope": 0.1' in record.out
    (tmp_path / "RECORD.json").write_text(record.out)
    board, other, again, reproduced, doctor = run(
        ROOT, tmp_path, "leaderboard leaky", "leaderboard windowed", search("leaky", 1), "reproduce RECORD.json",
        "doctor leaky",
    )  # fmt: skip
    assert f"Study leaky: model.new_slope {SENTENCE}" in board.err
    assert f"Study windowed: sampler.new_window {SENTENCE}" in other.err
    assert f"Study leaky: model.new_slope {SENTENCE}" in again.err
    assert f"RECORD.json: model.new_slope {SENTENCE}" in reproduced.err
    assert "Examine it with that version" in doctor.out
    assert "damaged" not in board.err + other.err + again.err + reproduced.err + doctor.out + doctor.err
