"""The table of records is that of the scores, and each entry is a whole certificate."""

from __future__ import annotations

from dataclasses import replace

import pytest
from records import FOLDER, Score, fresh_seeds, is_of_a_machine, kept, names, page

from mnist_bench.certificates.certificate_file import read

ENTRIES = names()
SCORE = Score(
    entry="one", root="5f" * 32, space="smoke", receiver="records-1", trials=12, best=3, value=0.95, draw=7,
    seeds=(1, 2), values=(0.94, 0.96),
)  # fmt: skip


def test_the_page_shows_the_scores_that_are_kept() -> None:
    text = (FOLDER / "README.md").read_text()
    assert page(text, kept()) == text
    assert {*kept()} == {*ENTRIES}


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_is_the_certificate_that_was_scored(entry: str) -> None:
    certificate, score = read(FOLDER / f"{entry}.json"), kept()[entry]
    assert (certificate.root, certificate.best.number, certificate.best.value) == (score.root, score.best, score.value)
    assert fresh_seeds(certificate, score.draw, len(score.seeds)) == [*score.seeds]
    assert certificate.best.seed not in score.seeds
    assert not is_of_a_machine(certificate)


def test_the_best_score_of_a_space_comes_first() -> None:
    scores = {"one": SCORE, "two": replace(SCORE, entry="two", values=(0.97, 0.97)), "x": replace(SCORE, space="conv")}
    text = page("<!-- made: records -->\n\n<!-- end -->", scores)
    assert [line.split("|")[1:4] for line in text.splitlines()[4:7]] == [
        [" conv ", " [one](one.json) ", " 95.00% "],
        [" smoke ", " [two](two.json) ", " 97.00% "],
        [" smoke ", " [one](one.json) ", " 95.00% "],
    ]
