"""Which network is exported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mnist_bench
from mnist_bench.experiments.confirm import results as confirmed
from search.errors import StudyNotFoundError
from support import handmade, handmade_confirmation


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        (
            {},
            "#1 was selected and was not trained on all images; `mnist-bench confirm conv-0 --results {results}` "
            "does that, and evaluates it once on the test set; or name conv-0/0.",
        ),
        (
            {"winner": None, "leader": 1, "cheapest": None, "seeds": 1, "cut": True, "budget": 60.0, "least": 110.0},
            "#1 leads and was not trained on all images; `mnist-bench confirm conv-0 --budget 110s --results {results}`"
            " does that, and evaluates it once on the test set; or name conv-0/0.",
        ),
    ],
)
def test_an_earlier_winner_is_not_taken_for_the_one_of_now(
    tmp_path: Path, changes: dict[str, Any], refusal: str
) -> None:
    study, (_, earlier) = handmade.mixed(), handmade_confirmation.found().finals
    (tmp_path / study.name / "confirm").mkdir(parents=True)
    found = handmade_confirmation.found(finals=(), earlier=(earlier,), **changes)
    confirmed.save(found, tmp_path / study.name)
    with pytest.raises(StudyNotFoundError) as refused:
        mnist_bench.export(handmade.kept_in(tmp_path, study), tmp_path / "x", confirmed=True)
    assert str(refused.value) == refusal.format(results=tmp_path)
