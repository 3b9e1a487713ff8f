from __future__ import annotations

import json
from pathlib import Path
from shutil import copytree

import pytest
from typer.testing import CliRunner

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


def test_each_origin_is_a_sentence() -> None:
    assert said(ProposalOrigin(kind="enqueued")) == "Given with --enqueue, to be tried first."
    given = said(ProposalOrigin(kind="start list"), source="conv-5k-wrong and mine")
    assert given == "A warm-start configuration, from conv-5k-wrong and mine."
    given = said(ProposalOrigin(kind="enqueued"), source="conv-0/3")
    assert given == "Given with --enqueue, to be tried first, with the hyperparameters of conv-0/3."
    known = "12 trials were known, 9 of which had ended."
    alone = Explanation(origin=ProposalOrigin(kind="random"), trained=1, ended=0, standings=())
    assert "; 1 trial was known, 0 of which had ended." in " ".join(sentences(alone, "tpe", "", cells.percent))
    assert said(ProposalOrigin(kind="random"), "tpe") == f"Drawn at random by tpe; {known}"
    assert said(ProposalOrigin(kind="sequence"), "curves").endswith(f"which covers the space evenly; {known}")
    assert said(ProposalOrigin(kind="model"), "tpe") == f"Proposed by the model of tpe; {known}"
    own = said(ProposalOrigin(kind="own code"), "mine.py:Mine")
    assert own == f"Proposed by mine.py:Mine, which gives no reasons; {known}"


def test_a_model_says_what_it_expected() -> None:
    text = said(ProposalOrigin(kind="model", why=WHY))
    assert "Expected 98.50% after full training (between 98.00% and 99.00%)" in text
    assert "the best complete trial had 98.70%. Chosen among 430 configurations; the closest earlier one is #4." in text


def test_a_stored_study_is_explained(tmp_path: Path) -> None:
    copytree(canned.studies() / "finished", tmp_path / "finished")
    result = CliRunner().invoke(app, ["show", "finished/6", "--why", "--results", str(tmp_path)])
    assert result.exit_code == 0
    assert "finished/6  COMPLETE" in result.stdout
    assert "Drawn at random by random; 4 trials were known, 1 of which had ended." in result.stdout
    assert "1 of 5" in result.stdout
    assert "continued: of 5 the best one continues" in result.stdout
    assert "verdict" in result.stdout
    result = CliRunner().invoke(app, ["show", "finished/6", "--why", "--json", "--results", str(tmp_path)])
    document = json.loads(result.stdout)
    assert (document["trial"], document["origin"]["kind"]) == (6, "random")
    assert [row["place"] for row in document["standings"]] == [1, 1, 1]


def test_the_verdict_stands_on_a_narrow_screen_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copytree(canned.studies() / "finished", tmp_path / "finished")
    monkeypatch.setenv("COLUMNS", "60")
    result = CliRunner().invoke(app, ["show", "finished/6", "--why", "--results", str(tmp_path)])
    assert "continued: of 5 the best one continues" in result.stdout


def test_a_study_as_a_whole_has_no_why(tmp_path: Path) -> None:
    copytree(canned.studies() / "finished", tmp_path / "finished")
    result = CliRunner().invoke(app, ["show", "finished", "--why", "--results", str(tmp_path)])
    assert result.exit_code == 2
    assert "--why explains a single trial; name it: STUDY/17 --why." in result.stderr
