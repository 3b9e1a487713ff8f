"""Confirmations made by hand, of the study `handmade.mixed` and of a front, and records of their runs on all images."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mnist_bench.experiments.confirm.results import Confirmed, Final, Front, FrontMember, RaceCandidate
from mnist_bench.experiments.confirm.runs import FINAL
from mnist_bench.studies import sealed_json
from mnist_bench.studies.record import record_of, to_json
from search.study.folder import ConfirmFolder
from support import handmade

EVEN = (12, 14, 13, 13, 12, 14, 13, 13)


def candidate(number: int, *errors: int | None, **more: Any) -> RaceCandidate:
    """Return a trial of `handmade.mixed` in a race, with these errors by fresh seed."""
    trial = handmade.mixed().trials[number]
    given = {
        **trial.facts, "search_accuracy": trial.value, "search_epochs": len(trial.reports),
        "complete": trial.state == "COMPLETE", **more,
    }  # fmt: skip
    return RaceCandidate(number=number, errors=errors, **given)


def final(number: int, *errors: int | None, committee: int | None = None) -> Final:
    """Return what the nets of a configuration get wrong."""
    return Final(number=number, errors=errors, committee=committee)


def found(**changes: Any) -> Confirmed:
    """Return what a race of #1, #0 and #2 came to; #1 wins, #0 is tied and cheaper."""
    study = handmade.mixed()
    whole = Confirmed(
        study=study.name, digest=study.digest, top=8, budget=None, seconds=90.0, train_images=50_000,
        validation_images=10_000, test_images=10_000, seeds=4, cut=False, winner=1, cheapest=0, leader=None, least=None,
        candidates=(
            candidate(1, 60, 64, 62, 66), candidate(0, 64, 66, 62, 64),
            candidate(2, 300, 301, dropped_after=2, p_value=0.0012),
        ),
        finals=(final(1, 50, 54, 46, 50, 50, 50, 50, 50), final(0, 60, None, 62, 61, 59, 60, 60, 58)), earlier=(),
    )  # fmt: skip
    return replace(whole, **changes)


def write_records(files: ConfirmFolder, number: int = 1) -> None:
    """Write records of a trial's runs on all images, which came to their ends."""
    study = handmade.mixed()
    made = to_json(record_of(study, study.trials[number]))
    files.records.mkdir(parents=True, exist_ok=True)
    for seed in range(FINAL.seeds):
        sealed_json.write(made, files.record_of(number, seed, on_all=True))


FRONT = Front(
    study="two", digest=handmade.HASH, cost="macs", train_images=60_000, test_images=1000, left_out=3,
    members=tuple(
        FrontMember(number=number, cost=cost, search_accuracy=0.99)
        for number, cost in ((4, 900), (1, 1500), (2, 2_000), (8, 2_000), (7, 3_000), (9, 4_000))
    ),
    finals=(
        final(4, *EVEN, committee=9), final(1, *(errors + 9 for errors in EVEN)), final(2, *(3, 5, 4, 4, 3, 5, 4, 4)),
        final(8, *EVEN), final(7, 1, 1, 1, 1, 1, 1, 1, None), final(9, *([None] * 8)),
    ),
    earlier=(),
)  # fmt: skip
"""#4 and #2 are on it, #1 and #8 are not; #7 and #9 have runs that did not finish."""
