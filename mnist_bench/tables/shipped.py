"""The tables that the package ships, and the hashes of their files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).parent / "shipped"

SHA256: Mapping[str, str] = {}
"""SHA-256 of each table's file, by the table's name; `python benchmarks/make_tables.py build` prints them."""


def path_of(name: str) -> Path:
    """Return the file of a shipped table."""
    return FOLDER / f"{name}.npz"
