"""`search --log` and `studies log`: where the files are, and what is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.copies import Ran

SCRIPT = """
Path("space.yaml").write_text("name: bowl\\nx: {float: [0.0, 1.0]}")
Path("mine.py").write_text("def objective(config):\\n    return config.x\\n")
own = "search space.yaml --objective mine.py:objective --unchecked --trials 2 --workers 1 "
run(own + "--log tensorboard --json")
ran["there"] = [sorted(path.name for path in Path("results/bowl-0/tensorboard").iterdir()), "", ""]
run(own + "--log tensorbord --json")
run("studies log bowl-0 tensorboard")
run("studies log bowl-1 tensorboard")
"""


@pytest.mark.slow
def test_a_search_of_a_function_is_logged_while_it_runs_and_afterwards(
    tmp_path: Path, in_one_process: Callable[[Path, str], dict[str, Ran]]
) -> None:
    ran: dict[str, Any] = in_one_process(tmp_path, "from pathlib import Path\n" + SCRIPT)
    searched, there, mistyped, logged, unknown = ran.values()
    assert (searched.code, json.loads(searched.out)["reached"]) == (0, True)
    assert there.code == ["0", "1", "study"]
    assert json.loads(mistyped.out)["error"]["suggestion"] == "tensorboard"
    assert (logged.code, logged.err) == (0, "Logged study bowl-0 to tensorboard.\n")
    assert unknown.code == 3
