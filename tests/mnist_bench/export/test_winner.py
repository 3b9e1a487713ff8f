"""Which net is taken away."""

from __future__ import annotations

from pathlib import Path

import pytest

import mnist_bench
from search.errors import UsageError
from support import handmade


def test_a_committee_that_is_not_of_confirmed_nets_is_refused_from_python_too(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^--committee takes the nets that `confirm` trained .* give --confirmed"):
        mnist_bench.export_study(handmade.mixed(), tmp_path / "x", committee=True, results=tmp_path)
    assert not list(tmp_path.iterdir())
