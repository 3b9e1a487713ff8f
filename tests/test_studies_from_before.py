"""Studies of earlier versions (tests/data/studies-*) stay readable, and their searches are gone on with.

Nothing here may be made to pass by writing those files anew: they stand for all studies that users have.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support import earlier_studies
from support.paths import IMPORTABLE
from support.warm_processes import without_variables

pytestmark = pytest.mark.slow  # two processes of a quarter of a minute each
STUDIES = Path(__file__).parent / "data" / "studies-3a8e64d"
LATER = STUDIES.with_name("studies-ea52069e")
GOLDEN: dict[str, Any] = {
    name: golden
    for folder in (STUDIES, LATER)
    for name, golden in json.loads((folder / "golden.json").read_text())["studies"].items()
}
NAMES = tuple(GOLDEN)
SEARCH = "search small.yaml --trials 8 --concurrent-trials 4 --seed 1 --study-name interrupted --executor in-process"
SMOKE = "search smoke --set subset=1000 --set epochs=2 --concurrent-trials 2 --trials 6 --executor in-process"
CONFIRM = "confirm confirmed --top 2 --budget 20s --workers 1 --json"
ABLATE = "ablate confirmed --from plain.yaml --seeds 2 --json"
HERE = "\n".join(
    [
        "studies --json",
        *(f"{verb} {name}{more}" for name in NAMES for verb, more in (("leaderboard", " --json"), ("show", " --json"))),
        "leaderboard confirmed",
        *(f"doctor {name} --replay" for name in NAMES),
        CONFIRM,
        ABLATE,
        "plot finished history curves",
        "reproduce finished",
        "reproduce interrupted/3",
        SEARCH,
        "leaderboard interrupted --json",
        "doctor interrupted --replay",
        SMOKE,
        "show smoke-0 --json",
    ]
)
ELSEWHERE = "\n".join(
    [
        "reproduce finished",
        SEARCH,
        "confirm confirmed --top 1 --workers 1",
        "as then",
        SEARCH,
        "show interrupted --json",
    ]
)


REFUSED = "Error: Study interrupted was made under other conditions, so continuing would mix two searches.\n"


@dataclass
class Session:
    """What commands came to, in a process of their own: a search closes the test set in its own."""

    folder: Path
    trains: bool
    """Whether trainings have the bits of the machine on which the studies were made."""
    draws: bool
    """Whether NumPy has: not with fewer instructions."""
    ran: dict[str, list[Any]]

    @property
    def same(self) -> bool:
        """Whether searches are continued here."""
        return self.trains and self.draws

    def __call__(self, line: str, code: int = 0) -> str:
        """Return what a command printed, stdout first; it ended with that exit code."""
        found, out, err = self.ran[line]
        assert found == code, err
        return f"{out}{err}"

    def json(self, line: str) -> Any:
        """Return what a command printed as JSON."""
        code, out, err = self.ran[line]
        assert code == 0, err
        return json.loads(out)


def session(folder: Path, commands: str, **environment: str) -> Session:
    for studies in (STUDIES, LATER):
        shutil.copytree(studies, folder, dirs_exist_ok=True)
    done = subprocess.run(
        [sys.executable, earlier_studies.__file__, commands], cwd=folder, env={**without_variables(), **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return Session(folder, **json.loads(done.stdout))


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Return what the commands come to on this machine, whichever it is."""
    return session(tmp_path_factory.mktemp("here"), HERE, **_path())


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Return what they come to where training gives other bits for certain: the studies were made with AVX512_BF16."""
    return session(tmp_path_factory.mktemp("elsewhere"), ELSEWHERE, ONEDNN_MAX_CPU_ISA="AVX2", **_path())


def _path() -> dict[str, str]:
    return {"PYTHONPATH": IMPORTABLE}


def test_they_are_listed(here: Session) -> None:
    listed = {study["study"]: study for study in here.json("studies --json")["studies"]}
    assert {name: study["state"] for name, study in listed.items()} == {
        "finished": "finished", "interrupted": "paused", "confirmed": "finished", "smoke-0": "finished"
    }  # fmt: skip
    assert [listed[name]["trials"] for name in NAMES] == [8, 1, 6, 2]


@pytest.mark.parametrize("name", NAMES)
def test_they_have_the_digest_and_the_fingerprint_of_then(here: Session, name: str) -> None:
    golden = GOLDEN[name]
    shown = here.json(f"show {name} --json")
    assert shown["digest"] == golden.get("digest_before", golden["digest"])
    assert shown["fingerprint"] == golden["fingerprint"]
    assert here.json(f"leaderboard {name} --json")["studies"][0]["digest"] == shown["digest"]


@pytest.mark.parametrize("name", NAMES)
def test_each_is_whole_and_its_log_decides_the_same_once_more(here: Session, name: str) -> None:
    code, out, err = here.ran[f"doctor {name} --replay"]
    decides = name != "confirmed"  # whose pruner is not here any more
    assert ("No problem." if decides else "No pruner hyperband since version 0.3.0; Optuna") in out or not here.same, (
        err
    )
    assert "Optuna's tables  they agree with the event log." in out
    if here.same and decides:
        assert code == 0
        assert name == "interrupted" or "events decided again, each as in the log." in out


def test_it_is_drawn(here: Session) -> None:
    drawn = here("plot finished history curves").split()
    assert drawn == [f"finished/plots/{kind}.{form}" for kind in ("history", "curves") for form in ("png", "svg")]
    assert all((here.folder / name).stat().st_size > 1000 for name in drawn)


def test_confirm_finds_what_it_found(here: Session) -> None:
    found = here.json(CONFIRM)
    kept = json.loads((STUDIES / "confirmed" / "confirm" / "confirm.json").read_text())
    same = ("study", "digest", "winner", "cheapest", "seeds", "cut")
    assert {name: found[name] for name in same} == {name: kept[name] for name in same}
    assert [final["errors"] for final in found["finals"]] == [final["errors"] for final in kept["finals"]]
    assert found["test_openings"] == 1
    assert "The test set has been evaluated once." in here("leaderboard confirmed")
    assert "confirmed: #14 87.00% [85.68, 88.33] on the test images, 8 seeds" in here("leaderboard confirmed")


def test_ablate_finds_what_it_found(here: Session) -> None:
    found = here.json(ABLATE)
    kept = json.loads((STUDIES / "confirmed" / "ablation" / "ablation.json").read_text())
    assert found["trial"] == kept["trial"] == 14
    assert found["complete"]
    assert [step["after"] for step in found["steps"]] == [step["after"] for step in kept["steps"]]


@pytest.mark.parametrize("trial", ["finished", "interrupted/3"])
def test_a_trial_is_trained_again_to_the_bit_where_the_machine_computes_as_then(here: Session, trial: str) -> None:
    if here.trains:
        assert "Identical, bit for bit." in here(f"reproduce {trial}")
    else:
        assert "The numerics differ (numerics check 8fb0…" in here(f"reproduce {trial}", code=4)


def test_an_interrupted_search_comes_to_the_digest_of_an_undisturbed_one(here: Session) -> None:
    if not here.same:
        assert REFUSED in here(SEARCH, code=2)
        return
    golden = GOLDEN["interrupted"]
    assert here(SEARCH).startswith("\n8 trials in ")
    board = here.json("leaderboard interrupted --json (again)")["studies"][0]
    assert board["digest"] == golden["digest"]
    assert f"interrupted/{board['rows'][0]['number']}" == golden["best"]
    assert "decided again, each as in the log" in here("doctor interrupted --replay (again)")


def test_a_search_of_smoke_from_before_it_was_portable_comes_to_its_digest(here: Session) -> None:
    if not here.same:
        assert "Error: Study smoke-0 was made under other conditions" in here(SMOKE, code=2)
        return
    assert "smoke-0 continues with the smoke of its start (former/0.1/smoke)" in here(SMOKE)
    assert here.json("show smoke-0 --json (again)")["digest"] == GOLDEN["smoke-0"]["digest"]


@pytest.mark.integration
def test_elsewhere_all_that_trains_says_that_the_numerics_differ(elsewhere: Session) -> None:
    assert not elsewhere.trains
    assert "numerics differ (numerics check 8fb0…" in elsewhere("reproduce finished", code=4)
    assert "Not identical: first difference in period 1, train loss" in elsewhere("reproduce finished", code=4)
    refused = elsewhere(SEARCH, code=2)
    assert REFUSED in refused
    # What the driver itself computes is compared first, before any worker starts.
    assert ("  context.canary: 8fb002a5" if elsewhere.draws else "  driver_arithmetic: 02bfcd7e") in refused
    assert (
        "Study confirmed was searched on a machine that gives different floating-point results (numerics "
        "check 8fb0…, here " in elsewhere("confirm confirmed --top 1 --workers 1", code=2)
    )


@pytest.mark.integration
def test_a_machine_that_claims_to_compute_as_then_goes_on_to_the_end(elsewhere: Session) -> None:
    """Whatever torch comes next: a study of then can be gone on with as far as reading and deciding are concerned."""
    elsewhere(f"{SEARCH} (again)")
    shown = elsewhere.json("show interrupted --json")
    assert shown["counts"] | {"infeasible": 0} == {
        "complete": 2, "pruned": 6, "failed": 0, "running": 0, "infeasible": 0
    }  # fmt: skip
