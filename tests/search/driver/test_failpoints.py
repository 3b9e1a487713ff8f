"""A search that is killed before every one of its writes comes to the same end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from support import failpoints
from support.dose import SHARE

pytestmark = [pytest.mark.slow, pytest.mark.dosed]


def test_a_search_killed_before_every_write_comes_to_the_same_end(tmp_path: Path) -> None:
    command = [sys.executable, failpoints.__file__, str(tmp_path), str(round(1 / SHARE) - 1)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    alone, killed = (json.loads(line) for line in done.stdout.splitlines())
    assert {trial[1] for trial in alone["found"]["tables"]} == {"COMPLETE", "PRUNED"}
    assert set(failpoints.WRITES) - set(killed["writes"]) == set()
    assert killed["found"] == alone["found"]
