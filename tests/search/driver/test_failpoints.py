"""A search that is killed before every one of its writes comes to the same end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from support import failpoints

pytestmark = pytest.mark.slow

WRITES = (
    "CREATE UNIQUE INDEX",
    "CREATE TABLE search_events",
    "open /fake-0/driver.lock",
    "commit INSERT INTO studies, 1 after event 1",  # the log has the study, Optuna's tables have not
    "commit INSERT INTO search_events, 1 after event 1",  # a study without a goal
    "commit INSERT INTO trials, 1 after event 3",
    "open /fake-0/states/.1-1.state",
    "os.rename /fake-0/states/.1-1.state",
    "commit INSERT INTO trial_intermediate_values, 1 after event 7",
    "commit INSERT INTO trial_system_attributes, 1 after event 7",
    "commit UPDATE trials SET, 1 after event 14",  # the last trial's end is in the log alone
    "os.rename /kept/.1.kept",
    "os.remove /fake-0/states/1-4.state",
)
"""Some of the writes before which the search has to be killed, whatever else it comes to write."""


def test_a_search_killed_before_every_write_comes_to_the_same_end(tmp_path: Path) -> None:
    command = [sys.executable, failpoints.__file__, str(tmp_path)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    alone, killed = (json.loads(line) for line in done.stdout.splitlines())
    assert {trial[1] for trial in alone["found"]["tables"]} == {"COMPLETE", "PRUNED"}
    assert set(WRITES) - set(killed["writes"]) == set()
    assert killed["found"] == alone["found"]
