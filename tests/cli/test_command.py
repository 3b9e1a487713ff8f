"""What commands share: names of studies, options that go with a study, and the command line once more."""

from __future__ import annotations

from pathlib import Path

import pytest

import mnist_bench
from mnist_bench.cli.command import check_options, study_name
from mnist_bench.cli.running import as_typed
from mnist_bench.errors import ForeignStudyError
from search.errors import UsageError
from support import handmade

NETS, VALUES = handmade.mixed(), handmade.halved_values()


def test_options_that_a_study_does_not_have_are_refused() -> None:
    check_options(NETS, mnist_bench.confirm, {"net": "nets.py:build", "trainer": None})
    check_options(VALUES, mnist_bench.confirm, {"net": None, "device": "auto", "trainer": "ridge.py:Trainer"})
    with pytest.raises(UsageError, match=r"^Study conv-0 is one of networks; leave out --trainer\.$"):
        check_options(NETS, mnist_bench.confirm, {"trainer": "ridge.py:Trainer"})
    for name, value, option in (("device", "cpu", "--device"), ("test", False, "--no-test")):
        with pytest.raises(ForeignStudyError, match=option):
            check_options(VALUES, mnist_bench.confirm, {name: value})


@pytest.mark.parametrize(
    ("text", "name"),
    [("conv-0", "conv-0"), ("results/conv-0/", "conv-0"), ("other/conv-0", "other/conv-0"), ("conv-0/17", "conv-0/17")],
)
def test_the_folder_of_a_study_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("results/conv-0", "other/conv-0"):
        (tmp_path / folder).mkdir(parents=True)
    assert study_name(text, Path("results")) == name


@pytest.mark.parametrize(
    ("words", "study", "command"),
    [
        (["search", "my conv.yaml", "--data", "my data"], None, "search 'my conv.yaml' --data 'my data'"),
        (["confirm", "--top", "5", "--no-test"], "conv-0", "confirm conv-0 --top 5 --no-test"),
        (["-v", "ablate", "--results", "my runs"], "conv-0", "-v ablate conv-0 --results 'my runs'"),
    ],
)
def test_this_command_reads_as_it_was_typed_and_names_the_study_that_was_the_latest(
    monkeypatch: pytest.MonkeyPatch, words: list[str], study: str | None, command: str
) -> None:
    monkeypatch.setattr("sys.argv", ["x", *words])
    assert as_typed(study) == f"mnist-bench {command}"
