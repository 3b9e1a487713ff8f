"""The published digests are those of the published studies, and a study is compared with the right one."""

from __future__ import annotations

import json
from dataclasses import replace
from operator import attrgetter
from typing import Any

import pytest

from mnist_bench import published
from mnist_bench.data.mnist import load_training_set
from mnist_bench.leaderboard.board import grouped
from mnist_bench.published import INCOMPARABLE, Published, compared, entries, search_hash, versions_of
from mnist_bench.searches.config import SearchConfig
from mnist_bench.searches.running import spec_of
from mnist_bench.searches.setup import SearchSetup, enqueued
from search.study.studies import StoredStudy, open_study
from support import handmade
from support.paths import ROOT

FOLDER = ROOT / "results" / "published"
SEARCHES = pytest.mark.parametrize("entry", entries(), ids=attrgetter("space"))


@SEARCHES
def test_a_published_digest_is_that_of_the_kept_study_or_of_the_readme(entry: Published) -> None:
    name = f"{entry.space}-{entry.seed}"
    if not (FOLDER / "studies" / name).exists():
        assert f"digest {grouped(entry.digest)}" in (ROOT / "README.md").read_text()
        return
    study = open_study(FOLDER / "studies", name)
    assert (entry.digest, (entry.trials,)) == (study.digest, study.totals)
    assert entry.search == search_hash(study.spec)
    assert entry.versions == versions_of(study.spec)


@SEARCHES
def test_a_bundled_space_is_still_the_published_search(entry: Published) -> None:
    numerics = json.loads((FOLDER / "conv" / "RECORD.json").read_text())["numerics"]
    setup = SearchSetup.of(SearchConfig(space=entry.space, trials=entry.trials, seed=entry.seed))
    spec = spec_of(setup, load_training_set(setup.data), numerics, enqueued(setup)).to_json()
    assert search_hash(spec) == entry.search


STUDY = handmade.study([handmade.trial(0), handmade.trial(1, range(3))])
STUDY = handmade.changed(STUDY, driver_revision=2, context={"trainer_revision": 2}, numerics={"precision": "portable"})
SPEC = STUDY.spec
ENTRY = Published(
    space="conv",
    trials=2,
    seed=0,
    search=search_hash(SPEC),
    digest=STUDY.digest,
    versions=versions_of(SPEC),
    processors={"Zen 3": [], "Zen 4": [262.0]},
)
EQUAL = "equal to the published digest (Zen 3, Zen 4)"
ANOTHER = (
    "not the published digest 0000 0000 ... 0000 (Zen 3, Zen 4), although search, precision and versions are the same: "
    "`mnist-bench doctor` examines this machine"
)
OTHER = {"digest": "0" * 64}


@pytest.mark.parametrize(
    ("parts", "entry", "verdict", "sentence"),
    [
        ({}, {}, "identical", EQUAL),
        ({"space": {"settings": {"precision": "bf16"}}}, {}, "identical", EQUAL),
        ({"versions": {"optuna": "5.1.0"}}, {}, "identical", EQUAL),
        ({}, OTHER, "differs", ANOTHER),
        (
            {"versions": {"torch": "2.14.0"}, "driver_revision": 3},
            OTHER,
            "cannot tell",
            "published with driver revision 2 and torch none, this is driver revision 3 and torch 2.14.0: another "
            "digest is expected",
        ),
        ({"numerics": {"check": "another"}}, OTHER, "differs", ANOTHER),
        ({"numerics": {"precision": "fp32"}}, OTHER, "cannot tell", INCOMPARABLE),
    ],
)
def test_a_study_of_the_same_search_is_compared(
    parts: Any, entry: Any, verdict: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published, "entries", lambda: (replace(ENTRY, **entry),))
    found = compared(handmade.changed(STUDY, **parts))
    assert found is not None
    assert (found.verdict, found.sentence, found.processors) == (verdict, sentence, ("Zen 3", "Zen 4"))


@pytest.mark.parametrize(
    "study",
    [
        *(
            handmade.changed(STUDY, **parts)
            for parts in (
                {"seed": 1},
                {"concurrent_trials": 4},
                {"order": "as-completed"},
                {"sampler": {"name": "random"}},
                {"space": {"settings": {"epochs": 7}}},
                {"context": {"data": {"subset": 5000}}},
                {"enqueued": [{"optim.lr": 0.1}]},
            )
        ),
        replace(STUDY, totals=(1, 2)),
        replace(STUDY, totals=(3,)),
        replace(STUDY, trials=STUDY.trials[:1]),
        replace(STUDY, trials=(STUDY.trials[0], replace(STUDY.trials[1], external=True))),
        replace(STUDY, stop=handmade.ended_early().stop),
    ],
)
def test_another_search_and_an_unfinished_one_are_not_compared(
    study: StoredStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published, "entries", lambda: (ENTRY,))
    assert compared(STUDY) is not None
    assert compared(study) is None
