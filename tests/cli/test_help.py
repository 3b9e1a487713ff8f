from __future__ import annotations

from collections.abc import Callable

import pytest
from typer.testing import Result

Cli = Callable[..., Result]


def test_options_stand_in_groups_and_examples_at_the_end(cli: Cli) -> None:
    lines = cli("search", "--help", columns=80).stdout.splitlines()
    assert lines[0] == "Usage: mnist-bench search [OPTIONS] SPACE" or lines[0].endswith("search [OPTIONS] SPACE")
    headings = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert headings == [
        "Arguments:", "Options:", "Sampler and pruner (override the space file):", "Where it runs:", "Files and data:",
        "Examples:",
    ]  # fmt: skip
    running = lines[lines.index("Where it runs:") : lines.index("Files and data:")]
    for option in ("--workers", "--device", "--executor"):
        assert any(line.startswith(f"  {option} ") for line in running)
    assert len([line for line in lines if line.startswith("  mnist-bench search ")]) == 3


@pytest.mark.parametrize("group", [(), ("bench",), ("space",), ("studies",)])
def test_sentences_about_commands_are_whole(cli: Cli, group: tuple[str, ...]) -> None:
    text = cli(*group, "--help", columns=60).stdout
    commands = text[text.index("Commands:") :]
    assert "..." not in commands
    assert commands.rstrip().endswith(".")


@pytest.mark.parametrize(
    "command", ["show", "confirm", "doctor", "report", "leaderboard", "train", "export", "predict", "space check"]
)
def test_usage_lines_have_no_brackets_within_brackets_and_say_once_what_repeats(cli: Cli, command: str) -> None:
    usage = cli(*command.split(), "--help", columns=100).stdout.splitlines()[0]
    assert not any(marks in usage for marks in ("[[", "]]", "{", "...]", "...."))
