"""Where the checkout lies."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
IMPORTABLE = f"{TESTS}{os.pathsep}{ROOT}"
"""What PYTHONPATH names, so that processes started by tests can import the fakes and the packages."""
DATABASE, LOCK, TEST_LOG = "study.db", "driver.lock", "test-openings.jsonl"
"""As they stand in the folders of studies that users have: written out, so that a change is noticed."""
