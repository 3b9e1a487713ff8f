"""The lessons of docs/start/lessons.md run as they stand, on the table that is shipped."""

from __future__ import annotations

import re
from typing import Any

import pytest

from support.paths import ROOT

TEXT = (ROOT / "docs" / "start" / "lessons.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
LESSONS = [block for block in BLOCKS[1:] if not block.startswith("# file: ")]


@pytest.mark.slow
def test_every_lesson_prints_what_it_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    exec(BLOCKS[0], names)  # noqa: S102 - the page's own code
    printed = []
    for lesson in LESSONS:
        exec(lesson, names)  # noqa: S102
        printed.append(capsys.readouterr().out.splitlines())
    curse, seeds, cross, replays = printed
    chosen, again = zip(*(map(float, re.findall(r"([\d.]+)%", line)) for line in curse), strict=True)
    assert list(chosen) == sorted(chosen, reverse=True)
    luck = [later - before for before, later in zip(chosen, again, strict=True)]
    assert 0 < luck[1] < luck[-1]
    assert [line.split()[0] for line in seeds] == ["5", "50", "500"]
    assert len(cross) == 4
    assert len(replays) == 3
