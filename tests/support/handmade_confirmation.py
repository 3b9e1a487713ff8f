"""A confirmation made by hand, and records of its runs on all images."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mnist_bench.experiments.confirm import results as confirmed
from mnist_bench.experiments.confirm.runs import FINAL
from mnist_bench.studies import sealed_json
from mnist_bench.studies.record import record_of, to_json
from search.study.folder import ConfirmFolder
from support import handmade


def found(**changes: Any) -> confirmed.Confirmed:
    """Return what a race of #1, #0 and #2 came to; #1 wins, #0 is tied and cheaper."""
    rows = [(1, 61_000, 2_000_000, (60, 64, 62, 66)), (0, 30_000, 900_000, (64, 66, 62, 64)), (2, 1, 1, (300, 301))]
    candidates = [
        confirmed.RaceCandidate(
            number=n, parameters=p, macs=m, search_accuracy=0.9950, search_epochs=6, complete=True, errors=errors,
            dropped_after=2 if n == 2 else None, p_value=0.0012 if n == 2 else None,
        )
        for n, p, m, errors in rows
    ]  # fmt: skip
    study = handmade.mixed()
    whole = confirmed.Confirmed(
        study=study.name, digest=study.digest, top=8, budget=None, seconds=90.0, train_images=50_000,
        validation_images=10_000, test_images=10_000, candidates=tuple(candidates), seeds=4, cut=False, winner=1,
        cheapest=0, leader=None, least=None, earlier=(), finals=(
            confirmed.Final(number=1, errors=(50, 54, 46, 50, 50, 50, 50, 50)),
            confirmed.Final(number=0, errors=(60, None, 62, 61, 59, 60, 60, 58)),
        ),
    )  # fmt: skip
    return replace(whole, **changes)


def write_records(files: ConfirmFolder, number: int = 1) -> None:
    """Write records of a trial's runs on all images, which came to their ends."""
    study = handmade.mixed()
    made = to_json(record_of(study, next(trial for trial in study.trials if trial.number == number)))
    files.records.mkdir(parents=True, exist_ok=True)
    for seed in range(FINAL.seeds):
        sealed_json.write(made, files.record_of(number, seed, on_all=True))
