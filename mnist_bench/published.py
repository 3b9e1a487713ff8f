"""The published digests of searches of bundled spaces in portable precision, and what they say about a study.

published_digests.json has one entry per search. It does not hold fingerprints: an entry names the versions that made
it, so that a study with other versions is recognized as the same search, and the difference can be named.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from mnist_bench.cells import between
from search import canonical_json
from search.event_log.records import StudyRecord
from search.messages import joined
from search.strategies import registry

FILE = Path(__file__).with_name("published_digests.json")
SEARCHES_BY = ("seed", "concurrent_trials", "order", "sampler", "pruner", "periods", "enqueued")
"""The entries of a specification that make a search, in addition to its space and its data set."""
REVISIONS = {"driver_revision": "driver revision", "trainer_revision": "trainer revision"}
"""The versions of what decides and trains in this program, with their names in sentences."""
Verdict = Literal["identical", "differs", "cannot tell"]
"""What a repetition says about a result; "cannot tell" if something else is expected under the conditions here."""
INCOMPARABLE = "the published digest is of portable precision: not comparable"


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """A search whose digest was published."""

    space: str
    trials: int
    seed: int
    search: str  # the `search_hash` of its specification
    digest: str
    versions: Mapping[str, str | int]  # see `versions_of`
    processors: Mapping[str, Sequence[float]]
    """The processors that computed it, with the seconds that it took on two idle cores, if that was measured."""

    @property
    def where(self) -> str:
        """The processors in words."""
        return ", ".join(self.processors)

    @property
    def took(self) -> str:
        """How long it took, in words; empty if that was not measured."""
        measured = {name: seconds for name, seconds in self.processors.items() if seconds}
        seconds = [each for some in measured.values() for each in some]
        if not seconds:
            return ""
        return f"{between(min(seconds), max(seconds))} on 2 idle cores ({', '.join(measured)})"

    def obstacle(self, spec: Mapping[str, Any]) -> str | None:
        """Return why the same search with this specification is expected to have another digest; None if it is not."""
        if spec["numerics"].get("precision") != "portable":
            return INCOMPARABLE
        here = versions_of(spec)
        changed = [name for name in sorted({*self.versions, *here}) if self.versions.get(name) != here.get(name)]
        if not changed:
            return None
        then, now = (
            joined(f"{REVISIONS.get(name, name)} {versions.get(name, 'none')}" for name in changed)
            for versions in (self.versions, here)
        )
        return f"published with {then}, this is {now}: another digest is expected"


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparedDigest:
    """What a published digest says about a study of the same search."""

    digest: str  # the published one
    processors: tuple[str, ...]  # those that computed it
    verdict: Verdict
    sentence: str


@cache
def entries() -> tuple[Published, ...]:
    """Return every published search."""
    return tuple(Published(**entry) for entry in json.loads(FILE.read_text(encoding="utf-8")))


def search_hash(spec: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a stored specification's search: without versions, numerics and precision."""
    settings = {name: value for name, value in spec["space"]["settings"].items() if name != "precision"}
    parts = {name: spec[name] for name in SEARCHES_BY if name in spec}
    space = {**spec["space"], "settings": settings}
    return canonical_json.sha256({**parts, "space": space, "data": spec["context"].get("data")})


def versions_of(spec: Mapping[str, Any]) -> dict[str, str | int]:
    """Return what decides a study's results in addition to the search and the processor, by name."""
    revisions = {**spec, **spec["context"]}
    return {**spec["versions"], **{name: revisions[name] for name in REVISIONS if name in revisions}}


def published_for(spec: Mapping[str, Any], trials: int) -> Published | None:
    """Return the published search of a specification, in whichever precision."""
    if spec["space"].get("name") not in {entry.space for entry in entries()}:
        return None
    search = search_hash(spec)
    return next((entry for entry in entries() if (entry.search, entry.trials) == (search, trials)), None)


def compared(study: StudyRecord) -> ComparedDigest | None:
    """Return what the published digest says about a study; None if there is none, or if the study has not ended in one
    run to its trial budget of trials."""
    trials = study.totals[-1]
    entry = published_for(study.spec, trials)
    if entry is None or len(study.totals) > 1 or study.stop is not None or len(study.finished()) < trials:
        return None
    verdict: Verdict = "identical"
    sentence = f"equal to the published digest ({entry.where})"
    if study.digest != entry.digest:
        if any(trial.external for trial in study.trials):
            return None
        obstacle = entry.obstacle(study.spec)
        verdict = "cannot tell" if obstacle else "differs"
        sentence = obstacle or (
            f"not the published digest {shortened(entry.digest)} ({entry.where}), although search, precision and "
            "versions are the same: `mnist-bench doctor` examines this machine"
        )
    return ComparedDigest(digest=entry.digest, processors=tuple(entry.processors), verdict=verdict, sentence=sentence)


def is_same_everywhere(spec: Mapping[str, Any]) -> bool:
    """Return whether a study with this specification has the same digest on every processor."""
    return bool(spec.get("portable")) and not [*registry.unportable(*registry.of_spec(spec))]


def shortened(digest: str) -> str:
    """Return the ends of a digest.

    >>> shortened("223d2e73" + 52 * "0" + "1a4f")
    '223d 2e73 ... 1a4f'
    """
    return f"{digest[:4]} {digest[4:8]} ... {digest[-4:]}"
