"""The page on clusters cannot rot: commands are Ray's, and the script is bash's."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.paths import ROOT
from support.ray_nodes import ENVIRONMENT, variables

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs" / "guides" / "cluster.md").read_text()
(JOB,) = re.findall(r"^```bash\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
RAY_COMMANDS = sorted(set(re.findall(r"(?:^    |^  - |until )(ray [a-z].*?)(?:  +#.*| > .*)?$", PAGE, re.MULTILINE)))


@pytest.fixture(autouse=True)
def token() -> Iterator[None]:
    """Let Ray, which reads it once, find the token of the tests that run in this process later."""
    with variables(ENVIRONMENT):
        yield


def test_every_command_of_rays_has_its_options() -> None:
    from ray.scripts.scripts import cli

    words = [shlex.split(line)[1:] for line in RAY_COMMANDS]
    assert {name for name, *_ in words} == {"get-auth-token", "start", "status", "stop"}
    for name, *rest in words:
        known = {spelling for option in cli.commands[name].params for spelling in option.opts}
        assert {word.partition("=")[0] for word in rest if word.startswith("--")} <= known


def test_the_script_for_slurm_is_bash(tmp_path: Path) -> None:
    (tmp_path / "job.sh").write_text(JOB)
    done = subprocess.run(["bash", "-n", "job.sh"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
