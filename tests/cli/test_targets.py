"""How studies are named on a command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from mnist_bench.cli.targets import study_name


@pytest.mark.parametrize(
    ("text", "name"),
    [("conv-0", "conv-0"), ("results/conv-0/", "conv-0"), ("other/conv-0", "other/conv-0"), ("conv-0/17", "conv-0/17")],
)
def test_the_folder_of_a_study_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("results/conv-0", "other/conv-0"):
        (tmp_path / folder).mkdir(parents=True)
    assert study_name(text, Path("results")) == name
