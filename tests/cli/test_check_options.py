"""Which options go with a study of networks, and which with one of another trainer."""

from __future__ import annotations

import pytest

from mnist_bench.cli import targets
from mnist_bench.errors import ForeignStudyError
from mnist_bench.experiments.own_trainer import OwnCode
from search.errors import UsageError
from support import handmade

NETS, VALUES = handmade.mixed(), handmade.halved_values()
TRAINER = OwnCode(trainer="ridge.py:Trainer")


def test_options_that_a_study_does_not_have_are_refused() -> None:
    targets.check_options(NETS, {"--net": "nets.py:build"}, OwnCode())
    targets.check_options(VALUES, {"--net": None, "--device": False}, TRAINER)
    with pytest.raises(UsageError, match=r"^Study conv-0 is one of networks; leave out --trainer\.$"):
        targets.check_options(NETS, {}, TRAINER)
    with pytest.raises(ForeignStudyError, match="--device"):
        targets.check_options(VALUES, {"--net": None, "--device": True}, TRAINER)
