"""Forged certificates on a small scale, with a trainer that takes no time: what is found is what the theory says."""

from __future__ import annotations

import random
from typing import get_args

import pytest
from forgeries import DRAWS, Forger, Kind, Memory, by_kind, false_accusations, outcome, page

from mnist_bench.certificates.certificate import Certificate, certificate_of
from mnist_bench.data import load_training_set
from mnist_bench.searches import SearchConfig, SearchSetup, running, start_list, study_context
from support.certified import Trainer


@pytest.fixture(scope="module")
def forger() -> Forger:
    setup = SearchSetup.of(SearchConfig(space="smoke", sampler="random", trials=12, receiver="forgeries"))
    spec = running.spec_of(setup, load_training_set(setup.data), Trainer.numerics, start_list(setup))
    plan = study_context.planner(spec.space, spec.context)
    return Forger(spec=spec, planner=plan, memory=Memory(Trainer()), trials=12)


@pytest.fixture(scope="module")
def honest(forger: Forger) -> Certificate:
    return certificate_of(forger.searched())


def test_an_honest_certificate_is_never_refuted(forger: Forger, honest: Certificate) -> None:
    assert false_accusations(forger, honest) == 0


@pytest.mark.parametrize("kind", get_args(Kind))
def test_what_is_found_is_what_is_expected(kind: Kind, forger: Forger, honest: Certificate) -> None:
    outcomes = [outcome(forger, each, kind, forger.forged(kind, honest, random.Random(each))) for each in range(3)]
    for each in outcomes:
        assert each.by_decisions == (kind in ("decision", "left out"))
        assert 0 < each.at_least <= each.expected <= 1
        # Five standard deviations of a share of DRAWS checks.
        assert abs(each.found / DRAWS - each.expected) <= 5 * (each.expected * (1 - each.expected) / DRAWS) ** 0.5
    (row,) = by_kind(outcomes)
    assert (row.kind, row.number) == (kind, 3)
    assert "share found" in page(
        {
            "forgeries": [], "space": "smoke", "trials": 12, "overrides": ["a=1"], "draws": DRAWS, "drawn": 12,
            "periods": 20, "false_accusations": 0, "machine": "", "kinds": [],
        }
    )  # fmt: skip
