from __future__ import annotations

import json
import re
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from mnist_bench import cells
from mnist_bench.cli.app import app
from mnist_bench.cli.studies.why import sentences
from search.explanations.explain import Explanation
from search.proposals.choice import Why
from search.strategies.samplers import ProposalOrigin
from support import canned

WHY = Why(expected=0.985, low=0.98, high=0.99, best=0.987, closest=4, among=430)


def said(origin: ProposalOrigin, sampler: str = "curves", source: str = "") -> str:
    explanation = Explanation(origin=origin, trained=12, ended=9, standings=())
    return " ".join(sentences(explanation, sampler, source, cells.percent))


KNOWN = "12 trials were known, 9 of which had ended."


@pytest.mark.parametrize(
    ("origin", "sampler", "source", "words"),
    [
        ("enqueued", "curves", "", "Given with --enqueue, to be tried first."),
        (
            "enqueued",
            "curves",
            "conv-0/3",
            "Given with --enqueue, to be tried first, with the hyperparameters of conv-0/3.",
        ),
        ("start list", "curves", "conv-5k-wrong and mine", "A warm-start configuration, from conv-5k-wrong and mine."),
        ("random", "tpe", "", f"Drawn at random by tpe; {KNOWN}"),
        (
            "sequence",
            "curves",
            "",
            f"The next configuration of curves's sequence, which covers the space evenly; {KNOWN}",
        ),
        ("model", "tpe", "", f"Proposed by the model of tpe; {KNOWN}"),
        ("own code", "mine.py:Mine", "", f"Proposed by mine.py:Mine, which gives no reasons; {KNOWN}"),
    ],
)
def test_each_origin_is_a_sentence(origin: Any, sampler: str, source: str, words: str) -> None:
    assert said(ProposalOrigin(kind=origin), sampler, source) == words


def test_a_model_says_what_it_expected() -> None:
    text = said(ProposalOrigin(kind="model", why=WHY))
    assert "Expected 98.50% after full training (between 98.00% and 99.00%)" in text
    assert "the best complete trial had 98.70%. Chosen among 430 configurations; the closest earlier one is #4." in text
    alone = Explanation(origin=ProposalOrigin(kind="random"), trained=1, ended=0, standings=())
    assert "; 1 trial was known, 0 of which had ended." in " ".join(sentences(alone, "tpe", "", cells.percent))


def test_a_stored_study_is_explained(tmp_path: Path) -> None:
    copytree(canned.studies() / "finished", tmp_path / "finished")

    def why(target: str, *more: str) -> Result:
        words = ["show", target, "--why", "--results", str(tmp_path), *more]
        return CliRunner().invoke(app, words, env={"COLUMNS": "60"})  # the verdict stands on a narrow screen, too

    result = why("finished/6")
    assert result.exit_code == 0
    assert "finished/6  COMPLETE" in result.stdout
    assert "Drawn at random by random; 4 trials were known, 1 of which" in result.stdout
    assert re.search(r"1 of 5 +continued: of 5 the best one continues", result.stdout)
    document = json.loads(why("finished/6", "--json").stdout)
    assert (document["trial"], document["origin"]["kind"]) == (6, "random")
    assert [row["place"] for row in document["standings"]] == [1, 1, 1]
    whole = why("finished")
    assert whole.exit_code == 2
    assert "--why explains a single trial; name it: STUDY/17 --why." in whole.stderr
