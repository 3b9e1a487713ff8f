"""A study whose log and tables are damaged for real: what is found, what is repaired, and the same end afterwards."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna
import pytest

from mnist_bench.doctor import checkup as doctor
from mnist_bench.doctor.checkup import Checkup, Diagnostic, installation, left
from mnist_bench.searches import running
from mnist_bench.searches.config import SearchConfig
from mnist_bench.studies.checked import open_study
from mnist_bench.training import trainer
from search import file_lock
from search.database import sqlite_url
from search.driver.progress import Observer
from search.driver.run import Run
from search.errors import StudyLockedError, StudyNotFoundError
from search.event_log.events import Reported
from search.event_log.history import History
from search.event_log.records import TrialRecord
from search.stored_fields import FORMAT
from search.study.folder import StudyFolder
from search.study.studies import read_events
from support import handmade, own_data
from support.damage import chain_anew
from support.paths import DATABASE

pytestmark = pytest.mark.slow

NAME = "smoke-0"


class UntilOneEnds(Observer):
    """Stops a search when its first trial has ended."""

    ended = False

    def on_end(self, trial: TrialRecord) -> None:
        self.ended = True


def search(results: Path, *, whole: bool = True) -> Run:
    """Search on a thousand images, which lie beside the study, to the end or until one trial has ended."""
    overrides = ("subset=1000", "epochs=2", "search.pruner=none")
    asked = SearchConfig(
        space="smoke", overrides=overrides, trials=5, concurrent_trials=3, executor="in-process", results=results,
        data=results / "data",
    )  # fmt: skip
    observer = UntilOneEnds()
    return running.run(asked, observer, lambda: observer.ended and not whole)


def check(place: StudyFolder, **asked: Any) -> Checkup:
    return doctor.check_study(place, data_dir=place.path.parent / "data", **asked)


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return results with a study that was stopped when its first trial had ended, and the digest it comes to."""
    results = tmp_path_factory.mktemp("searched")
    for path in own_data.write_data(results / "data", train=1000, test=10).glob("t10k*"):
        path.unlink()  # a search closes the test set: it could not be copied
    stopped = search(results, whole=False).study
    assert len(stopped.complete()) == 1
    assert sum(trial.state == "RUNNING" and bool(trial.reports) for trial in stopped.trials) > 1
    copy = shutil.copytree(results, tmp_path_factory.mktemp("whole") / "copy")
    return results, search(copy).study.digest


@pytest.fixture
def place(searched: tuple[Path, str], tmp_path: Path) -> StudyFolder:
    """Return a copy of the study, to be damaged."""
    return StudyFolder.of(NAME, Path(shutil.copytree(searched[0], tmp_path / "results")))


@pytest.fixture
def digest(searched: tuple[Path, str]) -> str:
    return searched[1]


def found(checkup: Checkup, about: str, severity: str) -> Diagnostic:
    """Return the one finding about something of this severity."""
    (finding,) = [one for one in checkup.findings if one.about == about and one.severity == severity]
    return finding


def execute(place: StudyFolder, *statements: str, values: Sequence[object] = ()) -> None:
    """Change the study's database by hand."""
    with closing(sqlite3.connect(place.path / DATABASE)) as connection, connection:
        for statement in statements:
            connection.execute(statement, values)
        connection.execute("PRAGMA journal_mode=DELETE")


def forge(place: StudyFolder, what: str, value: object, *, kind: str, trial: int | None = None) -> None:
    """Set a value of an event's payload in the log, and chain the log anew."""
    change = "UPDATE search_events SET payload = json_set(payload, ?, ?) WHERE kind = ? AND trial IS ?"
    execute(place, change, values=(what, value, kind, trial))
    chain_anew(place.path / DATABASE)


def test_a_paused_study_is_well_and_looking_changes_nothing(place: StudyFolder) -> None:
    def contents() -> dict[Path, bytes]:  # those aside that SQLite makes for any reader
        files = [path for path in place.path.rglob("*") if path.is_file() and not path.name.endswith(("-shm", "-wal"))]
        return {path: path.read_bytes() for path in files}

    before = contents()
    checkup = check(place)
    assert contents() == before
    assert {finding.severity for finding in checkup.findings} == {"ok"}
    assert "are paused" in found(checkup, "driver", "ok").text
    assert check(place, repair=True).repaired == ()


def test_a_study_that_ended_early_is_well_and_says_how_it_goes_on() -> None:
    told = left(handmade.ended_early(), History())
    assert (told.severity, told.text) == (
        "ok",
        "no process works on the study. Stopped early by --patience 3: 3 trials ended since #0 (99.00%), and none was "
        "better; without --patience 3 the same search continues.",
    )


def test_tables_whose_rows_are_deleted_are_written_anew(place: StudyFolder, digest: str) -> None:
    execute(place, "DELETE FROM trials WHERE number = 0", "DELETE FROM trial_intermediate_values")
    assert found(check(place), "Optuna's tables", "problem").text.startswith("they lack #0; differ in #1")
    checkup = check(place, repair=True)
    assert [done.advice for done in checkup.repaired] == ["They were written again from the event log."]
    assert "agree with the event log" in found(checkup, "Optuna's tables", "ok").text
    assert search(place.path.parent).study.digest == digest
    theirs = optuna.load_study(study_name=NAME, storage=sqlite_url(place.database))
    assert [trial.state.is_finished() for trial in theirs.trials] == [True] * len(theirs.trials)


@pytest.mark.parametrize("lock", ["driver.lock", "confirm/driver.lock"])
def test_a_study_that_is_worked_on_is_only_read(place: StudyFolder, lock: str) -> None:
    path = place.path / lock
    path.parent.mkdir(exist_ok=True)
    with file_lock.driver_lock(path, "it"):
        checkup = check(place)
        works = f"works in {path.parent};" if "/" in lock else "works on the study;"
        assert f"process {os.getpid()} on " in found(checkup, "driver", "note").text
        assert works in found(checkup, "driver", "note").text
        assert all(finding.about != "Optuna's tables" for finding in checkup.findings)
        assert checkup.problems == 0
        for change in ("repair", "cut"):
            with pytest.raises(StudyLockedError):
                check(place, **{change: True})


def test_decisions_are_made_again_if_that_is_asked_for(place: StudyFolder) -> None:
    assert all(finding.about != "replay" for finding in check(place).findings)
    assert "each as in the log" in found(check(place, replay=True), "replay", "ok").text
    forge(place, "$.seed", 1, kind="ask", trial=2)
    assert ": ask of #2: seed 1 in the log, " in found(check(place, replay=True), "replay", "problem").text
    forge(place, "$.spec.driver_revision", 1, kind="create")
    assert "driver revision 1 decided differently" in found(check(place, replay=True), "replay", "note").text


@pytest.mark.parametrize(
    ("versions", "numerics", "text", "advice"),
    [
        ({"torch": "99.0"}, {}, "99.0 now", "pip install torch==2."),
        (None, {"trainer_revision": 99}, "trainer_revision", "mnist-bench that began the study"),
        (None, {"check": "0" * 64}, "check", "bit-identical"),
    ],
)
def test_another_installation_or_machine_is_told_with_the_way_back(
    place: StudyFolder, monkeypatch: pytest.MonkeyPatch, versions: Any, numerics: Any, text: str, advice: str
) -> None:
    if versions:
        monkeypatch.setattr("mnist_bench.searches.setup.versions", lambda numerics: versions)
    before = trainer.numerics_here
    monkeypatch.setattr(trainer, "numerics_here", lambda *where: {**before(*where), **numerics})
    finding = found(check(place), "installation", "problem")
    assert (text in finding.text, advice in finding.advice) == (True, True)


@pytest.mark.parametrize(
    ("stored", "advice"),
    [
        (
            {"scipy": "none", "torch": "2.0.0+cpu", "numpy": "1.0"},
            "pip uninstall scipy && pip install numpy==1.0 torch==2.0.0+cpu --extra-index-url "
            "https://download.pytorch.org/whl/cpu",
        ),
        ({"scipy": "none"}, "pip uninstall scipy"),
        ({"torch": "2.0.0"}, "pip install torch==2.0.0"),
    ],
)
def test_the_way_back_to_another_installation_can_be_typed(place: StudyFolder, stored: Any, advice: str) -> None:
    study = handmade.changed(open_study(place.path.parent, NAME), versions=stored)
    data = place.path.parent / "data"
    told = {one.about: one for one in installation(study, finished=True, device="cpu", data_dir=data)}
    assert told["installation"].advice == advice


def test_other_data_are_told(place: StudyFolder, tmp_path: Path) -> None:
    assert "not there" not in found(check(place), "data", "ok").text
    assert "no train-images" in found(doctor.check_study(place, data_dir=tmp_path), "data", "note").text


DAMAGE = "UPDATE search_events SET at = '' WHERE seq = 9"
"""Of an event, in a place that means nothing to a search."""
FAULTS: dict[str, Callable[[StudyFolder], object]] = {
    rf"^Study smoke-0 was made by a newer mnist-bench: format {FORMAT + 1}, this .* up to {FORMAT}; install a newer": (
        lambda place: forge(place, "$.format", FORMAT + 1, kind="create")
    ),
    r"^Study smoke-0 was made by an older mnist-bench; version 0\.3\.0 \(commit 5a98ef84\) reads it\.$": (
        lambda place: execute(
            place,
            "UPDATE search_events SET payload = json_remove(payload, '$.format') WHERE kind = 'create'",
            "ALTER TABLE search_events DROP COLUMN chain",
        )
    ),
    r"^The database \S* is damaged": lambda place: os.truncate(place.path / DATABASE, 5000),
    r"^Event 9 of study smoke-0 is damaged; `mnist-bench doctor smoke-0 --cut --results ": (
        lambda place: execute(place, DAMAGE)
    ),
    "was not written by a search": lambda place: forge(place, "$.seed", "none", kind="ask", trial=2),
}


@pytest.mark.parametrize("words", FAULTS)
def test_a_log_that_cannot_be_believed_is_a_finding_that_no_repair_touches(place: StudyFolder, words: str) -> None:
    FAULTS[words](place)
    before = (place.path / DATABASE).read_bytes()
    (finding,) = check(place, repair=True).findings
    assert (finding.about, finding.severity) == ("event log", "problem")
    assert re.search(words, finding.text)
    assert (place.path / DATABASE).read_bytes() == before


def test_after_a_cut_the_search_comes_to_the_same_end(place: StudyFolder, digest: str) -> None:
    search(place.path.parent)
    lost = sum(isinstance(event, Reported) for event in read_events(place)[9:])
    execute(place, DAMAGE)
    checkup = check(place, cut=True)
    (cut,) = checkup.repaired
    assert (checkup.problems, cut.text.startswith("cut after event 8, which loses ")) == (0, True)
    assert cut.advice == (
        f"{lost} reports will be trained again; the same search then ends with the digest of an undisturbed one. The "
        f"damaged database is kept as {place.path / 'aside' / DATABASE}."
    )
    assert search(place.path.parent).study.digest == digest


def test_a_study_that_is_not_there(place: StudyFolder) -> None:
    results = place.path.parent
    with pytest.raises(StudyNotFoundError, match=f"^No study none in {results}/; `mnist-bench studies --results "):
        doctor.check_study(StudyFolder.of("none", results))
