"""Which options go with a study of networks, and which with one of another trainer."""

from __future__ import annotations

import pytest

import mnist_bench
from mnist_bench.cli import targets
from mnist_bench.errors import ForeignStudyError
from search.errors import UsageError
from support import handmade

NETS, VALUES = handmade.mixed(), handmade.halved_values()


def test_options_that_a_study_does_not_have_are_refused() -> None:
    targets.check_options(NETS, mnist_bench.confirm, {"net": "nets.py:build", "trainer": None})
    targets.check_options(VALUES, mnist_bench.confirm, {"net": None, "device": "auto", "trainer": "ridge.py:Trainer"})
    with pytest.raises(UsageError, match=r"^Study conv-0 is one of networks; leave out --trainer\.$"):
        targets.check_options(NETS, mnist_bench.confirm, {"trainer": "ridge.py:Trainer"})
    for name, value, option in (("device", "cpu", "--device"), ("test", False, "--no-test")):
        with pytest.raises(ForeignStudyError, match=option):
            targets.check_options(VALUES, mnist_bench.confirm, {name: value})
