"""Confirmations made by hand, of `handmade.mixed`, a study of values and a front, and records of runs on all images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mnist_bench.experiments.confirm.confirming import selected
from mnist_bench.experiments.confirm.results import SEEDS, Candidate, Confirmed, Final, Front, FrontMember
from mnist_bench.studies import sealed_json
from mnist_bench.studies.record import record_of, to_json
from search.study.folder import ConfirmFolder
from search.study.studies import StoredStudy
from support import handmade

EVEN = (12, 14, 13, 13, 12, 14, 13, 13)
ERRORS = {
    1: (60, 64, 62, 66, 63, 63, 61, 65),
    0: (64, 66, 62, 64, 61, 65, 66, 64),
    2: (300, 301, 299, 302, 298, 301, 299, 300),
}
"""Of the candidates of `handmade.mixed`, on 10,000 images: #1 has 63.0, #0 64.0 and #2 300.0."""


def final(number: int, *errors: int | None) -> Final:
    """Return what the nets of a configuration get wrong."""
    return Final(number=number, errors=errors)


FINALS = final(1, 50, 54, 46, 50, 50, 50, 50, 50), final(0, 60, None, 62, 61, 59, 60, 60, 58)
"""Of the winner and of the cheapest, on 10,000 test images."""


def compared(
    study: StoredStudy, results: Mapping[int, tuple[float | None, ...]], **more: Any
) -> tuple[tuple[Candidate, ...], int, int]:
    """Return the candidates with these results, the winner and the cheapest, as a confirmation selects them."""
    given: dict[str, Any] = {"step": 1.0, "minimized": True, **more}
    return selected(study, [study.trials[number] for number in results], results, **given)


def found(errors: Mapping[int, tuple[int | None, ...]] = ERRORS, **changes: Any) -> Confirmed:
    """Return a confirmation of `handmade.mixed`; as it is, #1 is selected, #0 is tied and cheaper, and #2 is worse."""
    study = handmade.mixed()
    candidates, winner, cheapest = compared(study, errors)
    whole = Confirmed(
        study=study.name, digest=study.digest, top=8, name="validation", minimized=True, step=1.0, train_images=50_000,
        validation_images=10_000, test_images=10_000, test_files=None, candidates=candidates, winner=winner,
        cheapest=cheapest, earlier=(), finals=tuple(each for each in FINALS if each.number in errors),
    )  # fmt: skip
    return replace(whole, **changes)


def of_values(values: Mapping[int, tuple[float | None, ...]], **changes: Any) -> Confirmed:
    """Return a confirmation of a study of ridge.py:Trainer, of which the last trial was pruned."""
    trials = [handmade.value_trial(number, [0.5] * handmade.VALUE_PERIODS) for number in range(max(values))]
    study = handmade.value_study([*trials, handmade.value_trial(max(values), [0.5])])
    candidates, winner, _ = compared(study, values, step=0.01, minimized=False)
    whole = Confirmed(
        study=study.name, digest=study.digest, top=8, name="score", minimized=False, step=0.01, train_images=None,
        validation_images=None, test_images=0, test_files=None, candidates=candidates, winner=winner, cheapest=winner,
        finals=(), earlier=(),
    )  # fmt: skip
    return replace(whole, **changes)


def write_records(files: ConfirmFolder, number: int = 1) -> None:
    """Write records of a trial's runs on all images, which came to their ends."""
    study = handmade.mixed()
    made = to_json(record_of(study, study.trials[number]))
    files.records.mkdir(parents=True, exist_ok=True)
    for seed in range(SEEDS):
        sealed_json.write(made, files.record_of(number, seed, on_all=True))


FRONT = Front(
    study="two", digest=handmade.HASH, cost="macs", train_images=60_000, test_images=1000, test_files=None, left_out=3,
    members=tuple(
        FrontMember(number=number, cost=cost, search_accuracy=0.99)
        for number, cost in ((4, 900), (1, 1500), (2, 2_000), (8, 2_000), (7, 3_000), (9, 4_000))
    ),
    finals=(
        final(4, *EVEN), final(1, *(errors + 9 for errors in EVEN)), final(2, *(3, 5, 4, 4, 3, 5, 4, 4)),
        final(8, *EVEN), final(7, 1, 1, 1, 1, 1, 1, 1, None), final(9, *([None] * 8)),
    ),
    earlier=(),
)  # fmt: skip
"""#4 and #2 are on it, #1 and #8 are not; #7 and #9 have runs that did not finish."""
