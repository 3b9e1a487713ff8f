"""This command line once more, as it was typed."""

from __future__ import annotations

import pytest

from mnist_bench.cli import resuming


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
    assert resuming.as_typed(study) == f"mnist-bench {command}"
