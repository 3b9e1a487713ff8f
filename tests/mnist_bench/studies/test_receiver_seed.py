"""The seed of a search for a receiver follows from the receiver's name and from the whole specification."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import ValidationError

from mnist_bench.studies.receiver_seed import Receiver, receiver_of, seed_of, seeded_for
from search.strategies.pruners import NoPruner
from search.strategies.samplers import Random
from search.study.spec import StudySpec
from support.search_fake import space

ALICE = Receiver(name="alice", trials=10)


def plain() -> StudySpec:
    here = {"canary": "5f1c"}
    return StudySpec(
        space=space(), seed=0, slots=2, sampler=Random(), pruner=NoPruner(), periods=4, context=here, numerics=here
    )


def test_the_seed_is_that_of_the_stored_specification() -> None:
    made = seeded_for(plain(), ALICE)
    assert made.seed == seed_of(made.to_json())
    assert receiver_of(made.to_json()) == ALICE
    assert seeded_for(plain(), ALICE) == made


def test_the_seed_that_was_given_counts_for_nothing_nor_does_the_machines_description() -> None:
    other = replace(plain(), seed=77, numerics={**plain().numerics, "cpu": "another"})
    assert seeded_for(other, ALICE).seed == seeded_for(plain(), ALICE).seed


def test_everything_else_makes_another_seed() -> None:
    others = [
        seeded_for(plain(), Receiver(name="bob", trials=10)),
        seeded_for(plain(), Receiver(name="alice", trials=11)),
        seeded_for(replace(plain(), slots=3), ALICE),
        seeded_for(replace(plain(), context={**plain().context, "more": 1}), ALICE),
    ]
    assert len({seeded_for(plain(), ALICE).seed, *(other.seed for other in others)}) == 5


def test_a_search_without_a_receiver_has_none() -> None:
    assert receiver_of(plain().to_json()) is None


@pytest.mark.parametrize(
    "entry", [{}, {"name": "", "trials": 1}, {"name": "x", "trials": 0}, {"name": 5, "trials": 1}, []]
)
def test_an_entry_that_no_search_writes_is_refused(entry: object) -> None:
    with pytest.raises(ValidationError):
        receiver_of({"context": {"certificate": entry}})
