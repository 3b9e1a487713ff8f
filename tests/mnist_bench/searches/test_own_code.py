"""Code that does not repeat is refused before a search begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from mnist_bench.searches import SearchConfig, run
from search.driver.progress import Observer
from search.errors import UsageError
from support import own_code


def test_what_is_not_repeatable_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    name = own_code.write(tmp_path, own_code.UNSEEDED)
    asked = SearchConfig(space="smoke", sampler=name, results=tmp_path / "results")
    with pytest.raises(UsageError, match=r"not repeatable: asked again after the same history"):
        run(asked, Observer(), lambda: False)
    assert not asked.results.exists()
