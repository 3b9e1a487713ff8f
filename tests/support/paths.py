"""Where the checkout lies."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
IMPORTABLE = f"{TESTS}{os.pathsep}{ROOT}"
"""What PYTHONPATH names, so that processes started by tests can import the fakes and the packages."""
