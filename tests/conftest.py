"""What all tests share: the fake trainer, importable by name in this process and in workers."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

_SHIMS = Path(__file__).parent / "search" / "importable"
sys.path.insert(0, str(_SHIMS))


@pytest.fixture(autouse=True)
def importable_fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let worker processes import the fake trainer."""
    monkeypatch.setenv("PYTHONPATH", f"{_SHIMS}:{Path(__file__).parent.parent}")
